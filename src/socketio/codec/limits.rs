//! Limits of the codecs and the client.

/// Limits for data of a peer. Exceeding one is an error, never a truncation or a silent `None`.
///
/// Decoded values need more memory than their text: typically two to five times its size; in the worst case, `[0,0,…]`,
/// about 32 times while it is parsed.
///
/// ```
/// use pesan::socketio::{DecodeError, Decoder, Limits};
/// let mut limits = Limits::default();
/// limits.max_frame_bytes = 4;
/// let error = Decoder::new(limits).decode_text("2[\"pesan\"]");
/// assert_eq!(error, Err(DecodeError::TooLarge { size: 10, limit: 4 }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum size of a frame in bytes. Defaults to 16 MiB on the client; a server sets its `maxPayload`.
    pub max_frame_bytes: usize,
    /// Maximum of attachments of one packet. Defaults to 10, as in the official parser.
    pub max_attachments: usize,
    /// Maximum total size of one packet's attachments in bytes, counting each use of an attachment. Defaults to 16 MiB.
    pub max_attachment_bytes: usize,
    /// Maximum nesting of arrays and objects in a payload. Defaults to 512.
    pub max_depth: usize,
    /// Maximum length of a namespace in bytes. Defaults to 1024.
    pub max_namespace_bytes: usize,
    /// Maximum of packets in one polling payload. Defaults to 65,536 on the client, since a server sends everything that
    /// waits at once; a server accepts fewer.
    pub max_payload_packets: usize,
    /// Maximum of bytes that wait for the server to read them. Defaults to 64 MiB. Exceeding it closes the connection with
    /// `transport error`, followed by a reconnection.
    pub max_unsent_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame_bytes: 16 << 20,
            max_attachments: 10,
            max_attachment_bytes: 16 << 20,
            max_depth: 512,
            max_namespace_bytes: 1024,
            max_payload_packets: 65_536,
            max_unsent_bytes: 64 << 20,
        }
    }
}
