//! Message of a transport, not interpreted.

/// Text or binary message of a transport.
///
/// ```
/// use pesan::socketio::Frame;
/// assert_eq!(Frame::from("2é").len(), 3);
/// assert_eq!(Frame::from(vec![1, 2]), Frame::Binary(vec![1, 2]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A WebSocket text message, or one packet of a polling payload.
    Text(String),
    /// A WebSocket binary message, or a `b…` packet of a polling payload.
    Binary(Vec<u8>),
}

impl Frame {
    /// Length in bytes, as a server's `maxPayload` counts it.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether the frame has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<&str> for Frame {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Frame {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}
