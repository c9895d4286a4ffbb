//! State of the connection, as the page shows it.

use crate::protocol::{ChatError, ChatErrorCode};

/// State of the connection, in the order in which one lives through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// First attempt.
    Connecting,
    /// Up.
    Connected,
    /// Broke, and is tried again after a pause.
    Waiting {
        /// Number of the attempt that follows.
        attempt: u32,
        /// When it begins, in milliseconds since 1970.
        until: u64,
        /// Whether the server was reached before.
        lost: bool,
    },
    /// Broke, and is tried again now.
    Retrying {
        /// Number of the attempt.
        attempt: u32,
    },
    /// Server said no.
    Refused {
        /// Words of the server, or of the client.
        reason: String,
        /// The same as a refusal that the page has own words for.
        refusal: Option<ChatError>,
    },
    /// Server ended it on purpose.
    Ended,
    /// Nothing is tried any more.
    Stopped,
}

impl Connection {
    /// Whether the server asks for a token.
    #[must_use]
    pub fn wants_token(&self) -> bool {
        matches!(self, Self::Refused { refusal: Some(refusal), .. } if refusal.code == ChatErrorCode::Unauthorized)
    }
}
