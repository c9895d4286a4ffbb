//! Which format the packets have, behind one face.

use super::config::ParserKind;
use crate::socketio::engine;
use crate::socketio::packet::{Body, EncodeError};
use crate::socketio::{DecodeError, Decoded, Decoder, Frame, Limits, Packet, Value};

/// Decoder of one connection.
#[derive(Debug)]
pub(super) enum Parser {
    Json(Decoder),
}

/// Why a packet cannot be written.
#[derive(Debug)]
pub(super) enum WriteError {
    TooManyAttachments { count: usize, limit: usize },
    Encode(EncodeError),
}

impl Parser {
    pub(super) fn new(kind: ParserKind, limits: &Limits) -> Self {
        match kind {
            ParserKind::Json => Self::Json(Decoder::new(limits.clone())),
        }
    }

    pub(super) fn decode(&mut self, frame: Frame) -> Result<Decoded, DecodeError> {
        match self {
            Self::Json(decoder) => decoder.decode(frame),
        }
    }
}

/// Engine.IO frames of a packet, or why the receiver could not read it.
pub(super) fn encode(kind: ParserKind, packet: &Packet, limits: &Limits) -> Result<Vec<Frame>, WriteError> {
    match kind {
        ParserKind::Json => {
            let args: &[Value] = match &packet.body {
                Body::Event { args, .. } | Body::Ack { args, .. } => args,
                Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => &[],
            };
            if args.iter().any(Value::has_binary) {
                packet.check().map_err(WriteError::Encode)?;
            }
            let encoded = packet.encode_message();
            let (count, limit) = (encoded.attachments.len(), limits.max_attachments);
            if count > limit {
                return Err(WriteError::TooManyAttachments { count, limit });
            }
            Ok(encoded.into_frames().collect())
        }
    }
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
            engine::payload::encode_base64(&mut text, &bytes);
            Frame::Text(text)
        }
        Frame::Text(_) => frame,
    }
}
