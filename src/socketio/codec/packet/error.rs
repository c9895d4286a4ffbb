//! Why a frame is not a Socket.IO packet.

#[cfg(feature = "msgpack")]
use crate::socketio::msgpack::MsgpackError;
use crate::socketio::value::json::{self, JsonError};

/// What is wrong with a frame. After any of these the connection is to be closed with `parse error`.
///
/// ```
/// use pesan::socketio::{DecodeError, Decoder, Limits};
/// let error = Decoder::new(Limits::default()).decode_text("9").unwrap_err();
/// assert_eq!(error, DecodeError::UnknownType('9'));
/// assert_eq!(error.to_string(), "unknown packet type '9'");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Frame without a byte.
    #[error("empty packet")]
    Empty,
    /// First character is no packet type.
    #[error("unknown packet type '{}'", json::escaped(.0.encode_utf8(&mut [0; 4])))]
    UnknownType(char),
    /// Frame larger than the limit.
    #[error("frame of {size} bytes, limit {limit}")]
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// Limit that was exceeded.
        limit: usize,
    },
    /// Attachment count is missing, zero or no number.
    #[error("illegal attachment count")]
    IllegalAttachments,
    /// More attachments than the limit.
    #[error("more than {limit} attachments")]
    TooManyAttachments {
        /// Limit that was exceeded.
        limit: usize,
    },
    /// Attachments of one packet together larger than the limit.
    #[error("attachments of more than {limit} bytes")]
    AttachmentsTooLarge {
        /// Limit that was exceeded.
        limit: usize,
    },
    /// Namespace longer than the limit.
    #[error("namespace longer than {limit} bytes")]
    NamespaceTooLong {
        /// Limit that was exceeded.
        limit: usize,
    },
    /// Ack id does not fit 64 bits.
    #[error("ack id does not fit 64 bits")]
    AckIdOutOfRange,
    /// Ack without an id.
    #[error("ack without an id")]
    MissingAckId,
    /// Payload is not JSON.
    #[error("invalid payload: {0}")]
    Json(#[from] JsonError),
    /// Frame is not msgpack.
    #[cfg(feature = "msgpack")]
    #[error("invalid packet: {0}")]
    Msgpack(#[from] MsgpackError),
    /// Frame is not what the chosen parser writes.
    #[error("invalid packet: {0}")]
    InvalidPacket(&'static str),
    /// Payload is not what a packet of this type carries.
    #[error("invalid payload: {0}")]
    InvalidPayload(&'static str),
    /// Event name that the protocol keeps for itself.
    #[error("reserved event name '{0}'")]
    ReservedName(&'static str),
    /// Placeholder without an attachment.
    #[error("placeholder without an attachment")]
    IllegalPlaceholder,
    /// Binary frame without a packet that waits for it.
    #[error("binary frame without a packet that waits for it")]
    UnexpectedBinary,
    /// Text frame while attachments are missing.
    #[error("text frame while {missing} attachments are missing")]
    UnexpectedText {
        /// Attachments that are missing.
        missing: usize,
    },
}
