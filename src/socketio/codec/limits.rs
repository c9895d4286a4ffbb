//! Every cap of the codecs and the client in one place.

/// Caps on what a peer may make us hold. Exceeding one is an error, never a cut or a silent `None`.
///
/// Decoded values need more memory than their text: `[0,0,…]` about 32 times its size while it is read, which is
/// the worst case; usual events twice to five times.
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
    /// Largest frame that is decoded, in bytes. Defaults to 16 MiB on the client; a server sets its `maxPayload`.
    pub max_frame_bytes: usize,
    /// Most attachments of one packet. Defaults to 10, as the official parser.
    pub max_attachments: usize,
    /// Most bytes that the attachments of one packet may have together, each counted as often as it is used.
    /// Defaults to 16 MiB.
    pub max_attachment_bytes: usize,
    /// Deepest nesting of arrays and objects in a payload. Defaults to 512.
    pub max_depth: usize,
    /// Longest namespace, in bytes. Defaults to 1024.
    pub max_namespace_bytes: usize,
    /// Most packets of one polling payload. Defaults to 65,536, since a server sends all that waits at once; a server
    /// itself takes fewer.
    pub max_payload_packets: usize,
    /// Most bytes that wait for a server to read them. Defaults to 64 MiB; beyond it the connection is given up with
    /// `transport error`, and made anew.
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
