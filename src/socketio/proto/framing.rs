//! Converts packets to Engine.IO frames, and computes their size.

use crate::socketio::codec::engine::polling_payload::encode_base64;
use crate::socketio::codec::packet::EncodeError;
use crate::socketio::codec::{Frame, Limits, Packet, Parser};

/// Engine.IO packets without variable data.
pub(super) const CLOSE: &str = "1";
pub(super) const PROBE: &str = "2probe";
pub(super) const PONG: &str = "3";
pub(super) const UPGRADE: &str = "5";

/// Kind of a frame with regard to disconnecting.
///
/// The official server handles an event in a later tick than it reads it, and drops it when it has read a DISCONNECT by
/// then. So transports delay a DISCONNECT until the server has read the frames before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// Event, ack or attachment.
    Data,
    /// DISCONNECT, or the end of the session.
    Leaving,
    /// Anything else: heartbeat, CONNECT, probe.
    Other,
}

impl FrameKind {
    /// Kind of a WebSocket frame.
    #[cfg(any(
        all(feature = "native", not(target_arch = "wasm32")),
        all(feature = "web", target_arch = "wasm32")
    ))]
    pub(crate) fn of(frame: &Frame) -> Self {
        match frame {
            Frame::Binary(_) => Self::Data,
            Frame::Text(text) => Self::of_text(text),
        }
    }

    /// Kind of a packet in a polling body, where binary begins with `b`.
    pub(super) fn of_text(text: &str) -> Self {
        match text.as_bytes() {
            [b'b', ..] | [b'4', b'2' | b'3' | b'5' | b'6', ..] => Self::Data,
            [b'4', b'1', ..] | [b'1'] => Self::Leaving,
            _ => Self::Other,
        }
    }
}

/// Why a packet cannot be sent.
#[derive(Debug)]
pub(super) enum FramingError {
    TooManyAttachments { count: usize, limit: usize },
    Encode(EncodeError),
}

/// Frames of a packet, including the Engine.IO type, or why the receiver could not read them.
pub(super) fn encode(parser: Parser, packet: &Packet, limits: &Limits) -> Result<Vec<Frame>, FramingError> {
    parser.check(packet).map_err(FramingError::Encode)?;
    if parser != Parser::Default {
        return Ok(parser.encode(packet));
    }
    let encoded = packet.encode_message();
    let (count, limit) = (encoded.attachments.len(), limits.max_attachments);
    if count > limit {
        return Err(FramingError::TooManyAttachments { count, limit });
    }
    Ok(encoded.frames())
}

/// Size of a frame on the wire.
pub(super) fn wire_len(frame: &Frame, base64: bool) -> usize {
    match frame {
        Frame::Binary(bytes) if base64 => 1 + bytes.len().div_ceil(3) * 4,
        Frame::Text(_) | Frame::Binary(_) => frame.len(),
    }
}

/// Converts a binary frame to the text packet `b…`.
pub(super) fn to_base64(frame: Frame) -> Frame {
    match frame {
        Frame::Binary(bytes) => {
            let mut text = String::with_capacity(1 + bytes.len().div_ceil(3) * 4);
            text.push('b');
            encode_base64(&mut text, &bytes);
            Frame::Text(text)
        }
        Frame::Text(_) => frame,
    }
}
