//! Why a frame is not a Socket.IO packet.

#[cfg(feature = "msgpack")]
use crate::socketio::msgpack::MsgpackError;
use crate::socketio::say::{self, Say};
use crate::socketio::value::json::{self, JsonError};

/// What is wrong with a frame. After any of these the connection is to be closed with `parse error`.
///
/// ```
/// use pesan::socketio::{DecodeError, Decoder, Limits};
/// let error = Decoder::new(Limits::default()).decode_text("9").unwrap_err();
/// assert_eq!(error, DecodeError::UnknownType('9'));
/// assert_eq!(error.to_string(), "unknown packet type '9'");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Frame without a byte.
    Empty,
    /// First character is no packet type.
    UnknownType(char),
    /// Frame larger than the limit.
    TooLarge {
        /// Size in bytes.
        size: usize,
        /// Limit that was exceeded.
        limit: usize,
    },
    /// Attachment count is missing, zero or no number.
    IllegalAttachments,
    /// More attachments than the limit.
    TooManyAttachments {
        /// Limit that was exceeded.
        limit: usize,
    },
    /// Attachments of one packet together larger than the limit.
    AttachmentsTooLarge {
        /// Limit that was exceeded.
        limit: usize,
    },
    /// Namespace longer than the limit.
    NamespaceTooLong {
        /// Limit that was exceeded.
        limit: usize,
    },
    /// Ack id does not fit 64 bits.
    AckIdOutOfRange,
    /// Ack without an id.
    MissingAckId,
    /// Payload is not JSON.
    Json(JsonError),
    /// Frame is not msgpack.
    #[cfg(feature = "msgpack")]
    Msgpack(MsgpackError),
    /// Frame is not what the chosen parser writes.
    InvalidPacket(&'static str),
    /// Payload is not what a packet of this type carries.
    InvalidPayload(&'static str),
    /// Event name that the protocol keeps for itself.
    ReservedName(&'static str),
    /// Placeholder without an attachment.
    IllegalPlaceholder,
    /// Binary frame without a packet that waits for it.
    UnexpectedBinary,
    /// Text frame while attachments are missing.
    UnexpectedText {
        /// Attachments that are missing.
        missing: usize,
    },
}

impl Say for DecodeError {
    fn say(&self, out: &mut String) {
        match self {
            Self::Empty => out.push_str("empty packet"),
            Self::UnknownType(found) => {
                let found = json::escaped(found.encode_utf8(&mut [0; 4]));
                say::text(out, "unknown packet type '", &found, "'");
            }
            Self::TooLarge { size, limit } => {
                say::numbers(out, ["frame of ", " bytes, limit ", ""], [*size, *limit]);
            }
            Self::IllegalAttachments => out.push_str("illegal attachment count"),
            Self::TooManyAttachments { limit } => say::number(out, "more than ", *limit, " attachments"),
            Self::AttachmentsTooLarge { limit } => {
                say::number(out, "attachments of more than ", *limit, " bytes");
            }
            Self::NamespaceTooLong { limit } => say::number(out, "namespace longer than ", *limit, " bytes"),
            Self::AckIdOutOfRange => out.push_str("ack id does not fit 64 bits"),
            Self::MissingAckId => out.push_str("ack without an id"),
            Self::Json(error) => say::cause(out, "invalid payload: ", error),
            #[cfg(feature = "msgpack")]
            Self::Msgpack(error) => say::text(out, "invalid packet: ", &say::shown(error), ""),
            Self::InvalidPacket(what) => say::text(out, "invalid packet: ", what, ""),
            Self::InvalidPayload(what) => say::text(out, "invalid payload: ", what, ""),
            Self::ReservedName(name) => say::text(out, "reserved event name '", name, "'"),
            Self::IllegalPlaceholder => out.push_str("placeholder without an attachment"),
            Self::UnexpectedBinary => out.push_str("binary frame without a packet that waits for it"),
            Self::UnexpectedText { missing } => {
                say::number(out, "text frame while ", *missing, " attachments are missing");
            }
        }
    }
}

say::displayed!(DecodeError);
impl std::error::Error for DecodeError {}

impl From<JsonError> for DecodeError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

#[cfg(feature = "msgpack")]
impl From<MsgpackError> for DecodeError {
    fn from(error: MsgpackError) -> Self {
        Self::Msgpack(error)
    }
}
