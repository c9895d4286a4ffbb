//! State of the connection, as the page shows it.

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
        /// Server's words.
        reason: String,
        /// Whether a token would help.
        token: bool,
    },
    /// Server ended it on purpose.
    Ended,
    /// Nothing is tried any more.
    Stopped,
}
