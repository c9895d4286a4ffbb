//! Frames to packets. Pure but for the attachments that a packet still waits for.

mod text;

use super::placeholders::{self, Attachment};
use super::{Body, DecodeError, Packet};
#[cfg(feature = "msgpack")]
use crate::socketio::msgpack;
use crate::socketio::{Frame, Limits, Parser};

/// What a frame led to; see [`Decoder`] for an example.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// A whole packet.
    Packet(Packet),
    /// A packet that waits for attachments.
    Incomplete {
        /// Binary frames still to come.
        missing: usize,
    },
}

/// Decoder of one connection: frames in, packets out.
///
/// Keeps a packet whose attachments are on their way, and nothing else. Use one a connection and [`reset`] it, or
/// make a new one, for the next connection.
///
/// ```
/// use pesan::socketio::{Decoded, Decoder, Limits, Value, packet::Body};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let waiting = decoder.decode_text(r#"51-["picture",{"_placeholder":true,"num":0}]"#);
/// assert_eq!(waiting, Ok(Decoded::Incomplete { missing: 1 }));
/// let Ok(Decoded::Packet(packet)) = decoder.decode_binary(vec![1, 2, 3]) else {
///     panic!("the attachment completes the packet");
/// };
/// assert_eq!(packet.body, Body::event("picture", vec![Value::Binary(vec![1, 2, 3])]));
/// ```
///
/// [`reset`]: Self::reset
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    parser: Parser,
    pending: Option<Box<Pending>>,
}

/// Packet whose attachments are on their way.
#[derive(Debug)]
struct Pending {
    packet: Packet,
    /// Bytes of the frame that began it.
    head: usize,
    wanted: usize,
    attachments: Vec<Attachment>,
    bytes: usize,
}

impl Pending {
    fn missing(&self) -> usize {
        self.wanted - self.attachments.len()
    }
}

impl Decoder {
    /// Decoder of the default format that keeps to `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::with_parser(limits, Parser::Default)
    }

    /// Decoder of the format that `parser` names.
    #[must_use]
    pub fn with_parser(limits: Limits, parser: Parser) -> Self {
        Self {
            limits,
            parser,
            pending: None,
        }
    }

    /// Binary frames that a packet still waits for; 0 between packets.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.pending.as_ref().map_or(0, |pending| pending.missing())
    }

    /// Namespace of the packet that waits for attachments, and the bytes of its frames so far.
    ///
    /// ```
    /// use pesan::socketio::{Decoder, Limits};
    ///
    /// let mut decoder = Decoder::new(Limits::default());
    /// assert_eq!(decoder.pending(), None);
    /// let head = r#"51-/admin,["picture",{"_placeholder":true,"num":0}]"#;
    /// assert!(decoder.decode_text(head).is_ok());
    /// assert_eq!(decoder.pending(), Some(("/admin", head.len())));
    /// ```
    #[must_use]
    pub fn pending(&self) -> Option<(&str, usize)> {
        self.pending
            .as_ref()
            .map(|pending| (pending.packet.namespace.as_str(), pending.head + pending.bytes))
    }

    /// Forgets a packet that waits for attachments; for a new connection.
    pub fn reset(&mut self) {
        self.pending = None;
    }

    /// Takes the next frame in the order of the wire.
    ///
    /// # Errors
    /// [`DecodeError`]; what was pending is dropped, and the connection is to be closed.
    pub fn decode(&mut self, frame: Frame) -> Result<Decoded, DecodeError> {
        match frame {
            Frame::Text(text) => self.decode_text(&text),
            Frame::Binary(bytes) => self.decode_binary(bytes),
        }
    }

    /// Takes the next frame, a text, without owning it.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_text(&mut self, text: &str) -> Result<Decoded, DecodeError> {
        if self.parser != Parser::Default {
            return Err(DecodeError::InvalidPacket(
                "only binary frames carry packets in this format",
            ));
        }
        if let Some(pending) = self.pending.take() {
            return Err(DecodeError::UnexpectedText {
                missing: pending.missing(),
            });
        }
        self.check_size(text.len())?;
        let (packet, wanted) = text::decode(text, &self.limits)?;
        if wanted == 0 {
            return Ok(Decoded::Packet(packet));
        }
        self.pending = Some(Box::new(Pending {
            packet,
            head: text.len(),
            wanted,
            attachments: Vec::with_capacity(wanted),
            bytes: 0,
        }));
        Ok(Decoded::Incomplete { missing: wanted })
    }

    /// Takes the next frame, an attachment; in msgpack a whole packet.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_binary(&mut self, bytes: Vec<u8>) -> Result<Decoded, DecodeError> {
        #[cfg(feature = "msgpack")]
        if self.parser == Parser::Msgpack {
            return msgpack::decode(&bytes, &self.limits).map(Decoded::Packet);
        }
        let Some(mut pending) = self.pending.take() else {
            return Err(DecodeError::UnexpectedBinary);
        };
        self.check_size(bytes.len())?;
        let limit = self.limits.max_attachment_bytes;
        pending.bytes = pending.bytes.saturating_add(bytes.len());
        if pending.bytes > limit {
            return Err(DecodeError::AttachmentsTooLarge { limit });
        }
        pending.attachments.push(Attachment { bytes, uses: 0 });
        let missing = pending.missing();
        if missing > 0 {
            self.pending = Some(pending);
            return Ok(Decoded::Incomplete { missing });
        }
        let mut packet = pending.packet;
        if let Body::Event { args, .. } | Body::Ack { args, .. } = &mut packet.body {
            placeholders::restore(args, &mut pending.attachments, limit)?;
        }
        Ok(Decoded::Packet(packet))
    }

    fn check_size(&self, size: usize) -> Result<(), DecodeError> {
        let limit = self.limits.max_frame_bytes;
        if size > limit {
            return Err(DecodeError::TooLarge { size, limit });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
