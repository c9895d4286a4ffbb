//! Packets as Engine.IO frames, and what they weigh.

use crate::socketio::engine::polling_payload::encode_base64;
use crate::socketio::packet::EncodeError;
use crate::socketio::{Frame, Limits, Packet, Parser};

/// Engine.IO packets that carry nothing of their own.
pub(super) const CLOSE: &str = "1";
pub(super) const PROBE: &str = "2probe";
pub(super) const PONG: &str = "3";
pub(super) const UPGRADE: &str = "5";

/// Frame as far as leaving is concerned.
///
/// The official server handles an event in a later tick than it reads it, and drops it when it has read a DISCONNECT by
/// then. So drivers send what comes before a DISCONNECT in time for the server to read it first.
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

    /// The same of a packet in a polling body, where binary begins with `b`.
    pub(super) fn of_text(text: &str) -> Self {
        match text.as_bytes() {
            [b'b', ..] | [b'4', b'2' | b'3' | b'5' | b'6', ..] => Self::Data,
            [b'4', b'1', ..] | [b'1'] => Self::Leaving,
            _ => Self::Other,
        }
    }
}

/// Why a packet is not sent.
#[derive(Debug)]
pub(super) enum WriteError {
    TooManyAttachments { count: usize, limit: usize },
    Encode(EncodeError),
}

/// Frames of a packet, their Engine.IO type included, or why the receiver could not read them.
pub(super) fn encode(parser: Parser, packet: &Packet, limits: &Limits) -> Result<Vec<Frame>, WriteError> {
    parser.check(packet).map_err(WriteError::Encode)?;
    if parser != Parser::Default {
        return Ok(parser.encode(packet));
    }
    let encoded = packet.encode_message();
    let (count, limit) = (encoded.attachments.len(), limits.max_attachments);
    if count > limit {
        return Err(WriteError::TooManyAttachments { count, limit });
    }
    Ok(encoded.frames())
}

/// Bytes that a frame has on the wire.
pub(super) fn wire_len(frame: &Frame, base64: bool) -> usize {
    match frame {
        Frame::Binary(bytes) if base64 => 1 + bytes.len().div_ceil(3) * 4,
        Frame::Text(_) | Frame::Binary(_) => frame.len(),
    }
}

/// Binary as the text packet `b…`.
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
