//! State of the connection, as the page shows it.

use crate::protocol::{ChatError, ChatErrorCode};

/// State of the connection, in the order in which a connection goes through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    /// The address names another server; the person has to agree first.
    ConsentNeeded {
        /// Host of the server.
        host: String,
    },
    /// The address names a server that this page may not connect to.
    ServerForbidden {
        /// Host of the server.
        host: String,
    },
    /// The address names a server by a text that is no address.
    InvalidAddress {
        /// The text.
        address: String,
    },
    /// First attempt.
    Connecting,
    /// Connected.
    Connected,
    /// Lost or not reached; the next attempt follows after a pause.
    Backoff {
        /// Number of the next attempt.
        attempt: u32,
        /// When it begins, in milliseconds since 1970.
        until: u64,
        /// Whether the page was connected before.
        lost: bool,
    },
    /// An attempt to reconnect is running.
    Retrying {
        /// Number of the attempt.
        attempt: u32,
    },
    /// The server refused the connection, or the address cannot be used.
    Refused {
        /// Reason of the server, or of the client.
        reason: String,
        /// The same as an error that the page has own words for.
        error: Option<ChatError>,
    },
    /// The server ended the connection on purpose.
    EndedByServer,
    /// No further attempt is made.
    Stopped,
}

impl ConnectionState {
    /// Error by which the server requires a token: none or a wrong one was sent, or too many wrong ones.
    #[must_use]
    pub fn token_error(&self) -> Option<&ChatError> {
        let Self::Refused { error, .. } = self else {
            return None;
        };
        error
            .as_ref()
            .filter(|error| matches!(error.code, ChatErrorCode::Unauthorized | ChatErrorCode::TooFast))
    }

    /// Whether the server requires a token.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        self.token_error().is_some()
    }
}
