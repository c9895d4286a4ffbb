//! Errors of decoding and encoding packets.

#[cfg(feature = "msgpack")]
use crate::socketio::codec::msgpack::read::MsgpackError;
use crate::socketio::codec::value::json::{self, JsonError};

/// Why a frame is invalid. The connection must then be closed with `parse error`.
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
    /// The frame is empty.
    #[error("empty packet")]
    Empty,
    /// The first character is not a packet type.
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
    /// The attachment count is missing, zero or not a number.
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
    /// The frame is not in the format of the chosen parser.
    #[error("invalid packet: {0}")]
    InvalidPacket(&'static str),
    /// The payload does not fit the type of the packet.
    #[error("invalid payload: {0}")]
    InvalidPayload(&'static str),
    /// The event name is reserved.
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

/// Why data cannot be sent in the default parser's format.
///
/// ```
/// use pesan::socketio::{Packet, Value, packet::{Body, EncodeError}};
/// let auth = Value::object([("key", Value::Binary(vec![1]))]);
/// let packet = Packet::new("/", Body::Connect(Some(auth)));
/// assert_eq!(packet.check(), Err(EncodeError::BinaryOutsideEvent));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The data contains binary and also an object that looks like a placeholder, which the receiver would replace.
    #[error("an object with '_placeholder' beside binary cannot be distinguished from an attachment")]
    AmbiguousPlaceholder,
    /// Only events and acks can carry binary; in CONNECT and CONNECT_ERROR it would arrive as `null`.
    #[error("only events and acks can carry binary")]
    BinaryOutsideEvent,
    /// The namespace does not begin with `/`, or contains a comma, which would end it.
    #[error("namespace '{0}' cannot be encoded")]
    Namespace(String),
}
