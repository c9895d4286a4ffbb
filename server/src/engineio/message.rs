//! A message as it goes out: framed once, shared by all who get it.
//!
//! A server's WebSocket frames are not masked, so the same bytes serve every client. The forms for polling and for
//! compressing clients are made from them when the first such client needs them, and then shared as well.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use pesan::socketio::Frame;
use pesan::socketio::engine::polling_payload as payload;
use pesan::socketio::packet::Encoded;

use super::account::counted;
use super::config::Deflate;
use super::deflate;
use super::wire::{self, Opcode};

/// One message with its attachments, encoded and framed; cheap to clone.
///
/// ```
/// use pesan_server::engineio::Outgoing;
/// let outgoing = Outgoing::from_frame(&"halo".into());
/// assert_eq!(outgoing.len(), 7); // two bytes of frame head, the packet type, four of text
/// ```
#[derive(Debug, Clone)]
pub struct Outgoing {
    shared: Arc<Shared>,
    volatile: bool,
    compress: bool,
}

#[derive(Debug)]
struct Shared {
    frames: usize,
    wire: Bytes,
    deflated: OnceLock<Bytes>,
    payload: OnceLock<Box<str>>,
}

impl Outgoing {
    /// Message of the Socket.IO layer: a text frame, then its attachments.
    #[must_use]
    pub fn new(encoded: &Encoded) -> Self {
        let mut bytes = Vec::with_capacity(
            encoded.text.len()
                + 11
                + encoded
                    .attachments
                    .iter()
                    .map(|part| part.len() + 10)
                    .sum::<usize>(),
        );
        push_text(&mut bytes, &encoded.text);
        for attachment in &encoded.attachments {
            wire::push_frame(&mut bytes, Opcode::Binary, false, attachment);
        }
        Self::from_wire(bytes, 1 + encoded.attachments.len())
    }

    /// One Engine.IO message.
    #[must_use]
    pub fn from_frame(frame: &Frame) -> Self {
        let mut bytes = Vec::with_capacity(frame.len() + 11);
        match frame {
            Frame::Text(text) => push_text(&mut bytes, text),
            Frame::Binary(data) => wire::push_frame(&mut bytes, Opcode::Binary, false, data),
        }
        Self::from_wire(bytes, 1)
    }

    /// A packet that is no message, as text.
    pub(crate) fn packet(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 10);
        wire::push_frame(&mut bytes, Opcode::Text, false, text.as_bytes());
        Self::from_wire(bytes, 1)
    }

    fn from_wire(bytes: Vec<u8>, frames: usize) -> Self {
        let shared = Shared {
            frames,
            wire: counted(bytes),
            deflated: OnceLock::new(),
            payload: OnceLock::new(),
        };
        Self {
            shared: Arc::new(shared),
            volatile: false,
            compress: true,
        }
    }

    /// The same message, to be dropped for a client that is not ready for it.
    #[must_use]
    pub fn volatile(mut self, volatile: bool) -> Self {
        self.volatile = volatile;
        self
    }

    /// The same message; without `compress` it is never compressed, also for a client that agreed to it.
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// Whether it is dropped for a client that is not ready.
    #[must_use]
    pub fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// Bytes on a WebSocket.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.wire.len()
    }

    /// Never: a message has at least its frame head.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.wire.is_empty()
    }

    /// WebSocket frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.shared.frames
    }

    /// WebSocket frames as they stand on the wire.
    pub(crate) fn wire(&self) -> &Bytes {
        &self.shared.wire
    }

    /// The same for a client that takes compressed messages.
    pub(crate) fn deflated(&self, options: Deflate) -> &Bytes {
        if !self.compress {
            return &self.shared.wire;
        }
        self.shared.deflated.get_or_init(|| {
            if self.shared.wire.len() < options.threshold {
                return self.shared.wire.clone();
            }
            let mut bytes = Vec::with_capacity(self.shared.wire.len() / 2);
            for (opcode, data) in wire::own_frames(&self.shared.wire) {
                if data.len() < options.threshold {
                    wire::push_frame(&mut bytes, opcode, false, data);
                } else {
                    wire::push_frame(&mut bytes, opcode, true, &deflate::compress(data, options.level));
                }
            }
            counted(bytes)
        })
    }

    /// Its packets as they stand in a polling body.
    pub(crate) fn payload(&self) -> &str {
        self.shared.payload.get_or_init(|| {
            let mut text = String::with_capacity(self.shared.wire.len());
            for (opcode, data) in wire::own_frames(&self.shared.wire) {
                if !text.is_empty() {
                    text.push(payload::SEPARATOR);
                }
                match opcode {
                    Opcode::Binary => {
                        text.push('b');
                        payload::encode_base64(&mut text, data);
                    }
                    // Made from a `str`, so nothing is replaced here.
                    _ => text.push_str(&String::from_utf8_lossy(data)),
                }
            }
            text.into()
        })
    }
}

impl From<&Encoded> for Outgoing {
    fn from(encoded: &Encoded) -> Self {
        Self::new(encoded)
    }
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    wire::push_head(bytes, Opcode::Text, false, text.len() + 1);
    bytes.push(b'4');
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_attachments_has_a_form_for_each_transport() {
        let outgoing = Outgoing::new(&Encoded {
            text: "51-[\"a\",{}]".to_owned(),
            attachments: vec![vec![1, 2, 3, 4]],
        });
        assert_eq!(outgoing.frames(), 2);
        assert_eq!(&outgoing.wire()[..4], b"\x81\x0c45");
        assert_eq!(&outgoing.wire()[14..], b"\x82\x04\x01\x02\x03\x04");
        assert_eq!(outgoing.payload(), "451-[\"a\",{}]\u{1e}bAQIDBA==");
    }

    #[test]
    fn small_messages_are_not_compressed() {
        let options = Deflate::default();
        let small = Outgoing::from_frame(&"a".into());
        assert_eq!(small.deflated(options), small.wire());
        let large = Outgoing::from_frame(&"a".repeat(4000).into());
        let deflated = large.deflated(options);
        assert!(deflated.len() < 100, "{} bytes", deflated.len());
        assert_eq!(deflated[0], 0xc1);
        let large = large.compress(false);
        assert_eq!(
            large.deflated(options),
            large.wire(),
            "nor is one that asks for it"
        );
    }
}
