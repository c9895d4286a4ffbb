//! Outgoing messages: a broadcast is framed once, and its bytes are shared by all recipients.
//!
//! A server's WebSocket frames are not masked, so the same bytes serve every client. The polling and the compressed form
//! are derived from them when the first client needs one, and shared too. A [`MessageBatch`] joins messages to the same
//! recipients, so that one write sends them all.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use pesan::socketio::Frame;
use pesan::socketio::engine::polling_payload as payload;
use pesan::socketio::packet::Encoded;

use super::compression;
use super::config::Deflate;
use super::memory::tracked;
use super::websocket::frame::{self, Opcode};

/// One message with its attachments, encoded and framed; cheap to clone.
///
/// ```
/// use pesan_server::engineio::EncodedMessage;
/// let message = EncodedMessage::from_frame(&"halo".into());
/// assert_eq!(message.len(), 7); // two bytes of frame header, the packet type, four of text
/// ```
#[derive(Debug, Clone)]
pub struct EncodedMessage {
    forms: Arc<Forms>,
    volatile: bool,
    compress: bool,
}

/// Formats of one message.
#[derive(Debug)]
struct Forms {
    frame_count: usize,
    frames: Bytes,
    deflated: OnceLock<Bytes>,
    payload: OnceLock<Box<str>>,
}

impl EncodedMessage {
    /// Message of a Socket.IO packet: a text frame, then its attachments.
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
            frame::push_frame(&mut bytes, Opcode::Binary, false, attachment);
        }
        Self::from_frames(bytes, 1 + encoded.attachments.len())
    }

    /// One Engine.IO message.
    #[must_use]
    pub fn from_frame(frame: &Frame) -> Self {
        let mut bytes = Vec::with_capacity(frame.len() + 11);
        match frame {
            Frame::Text(text) => push_text(&mut bytes, text),
            Frame::Binary(data) => frame::push_frame(&mut bytes, Opcode::Binary, false, data),
        }
        Self::from_frames(bytes, 1)
    }

    /// Engine.IO packet other than a message.
    pub(crate) fn packet(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 10);
        frame::push_frame(&mut bytes, Opcode::Text, false, text.as_bytes());
        Self::from_frames(bytes, 1)
    }

    fn from_frames(bytes: Vec<u8>, frame_count: usize) -> Self {
        let forms = Forms {
            frame_count,
            frames: tracked(bytes),
            deflated: OnceLock::new(),
            payload: OnceLock::new(),
        };
        Self {
            forms: Arc::new(forms),
            volatile: false,
            compress: true,
        }
    }

    /// Sets whether the message is dropped for a client that is not ready for it.
    #[must_use]
    pub fn volatile(mut self, volatile: bool) -> Self {
        self.volatile = volatile;
        self
    }

    /// Sets whether the message may be compressed for clients that negotiated compression.
    #[must_use]
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }

    /// Whether the message is dropped for a client that is not ready.
    #[must_use]
    pub fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// Size on a WebSocket, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.forms.frames.len()
    }

    /// Always false: a message has at least its frame header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forms.frames.is_empty()
    }

    /// Number of WebSocket frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.forms.frame_count
    }

    /// WebSocket frames, uncompressed.
    pub(crate) fn frame_bytes(&self) -> &Bytes {
        &self.forms.frames
    }

    /// WebSocket frames for a client that negotiated compression.
    pub(crate) fn deflated(&self, options: Deflate) -> &Bytes {
        if !self.compress {
            return &self.forms.frames;
        }
        self.forms.deflated.get_or_init(|| {
            if self.forms.frames.len() < options.smallest() {
                return self.forms.frames.clone();
            }
            let mut bytes = Vec::with_capacity(self.forms.frames.len() / 2);
            for (opcode, data) in frame::parse_own_frames(&self.forms.frames) {
                if data.len() < options.smallest() {
                    frame::push_frame(&mut bytes, opcode, false, data);
                } else {
                    frame::push_frame(&mut bytes, opcode, true, &compression::compress(data, options));
                }
            }
            tracked(bytes)
        })
    }

    /// Packets in the format of a polling body.
    pub(crate) fn payload(&self) -> &str {
        self.forms.payload.get_or_init(|| {
            let mut text = String::with_capacity(self.forms.frames.len());
            for (opcode, data) in frame::parse_own_frames(&self.forms.frames) {
                if !text.is_empty() {
                    text.push(payload::SEPARATOR);
                }
                match opcode {
                    Opcode::Binary => {
                        text.push('b');
                        payload::encode_base64(&mut text, data);
                    }
                    // Made from a `str`: nothing is replaced.
                    _ => text.push_str(&String::from_utf8_lossy(data)),
                }
            }
            text.into()
        })
    }
}

impl From<&Encoded> for EncodedMessage {
    fn from(encoded: &Encoded) -> Self {
        Self::new(encoded)
    }
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    frame::push_header(bytes, Opcode::Text, false, text.len() + 1);
    bytes.push(b'4');
    bytes.extend_from_slice(text.as_bytes());
}

/// Messages in order, joined into one buffer that can be sliced at message boundaries.
#[derive(Debug)]
pub(crate) struct MessageBatch {
    messages: Vec<EncodedMessage>,
    plain: Joined,
    deflated: OnceCell<Joined>,
    volatile: bool,
}

/// Bytes of all messages, and the end of each.
#[derive(Debug)]
struct Joined {
    bytes: Bytes,
    ends: Vec<usize>,
}

impl Joined {
    fn new<'a>(messages: &'a [EncodedMessage], form: impl Fn(&'a EncodedMessage) -> &'a Bytes) -> Self {
        let mut ends = Vec::with_capacity(messages.len());
        let mut size = 0;
        for message in messages {
            size += form(message).len();
            ends.push(size);
        }
        let bytes = match messages {
            [single] => form(single).clone(),
            _ => {
                let mut joined = Vec::with_capacity(size);
                for message in messages {
                    joined.extend_from_slice(form(message));
                }
                tracked(joined)
            }
        };
        Self { bytes, ends }
    }

    fn slice(&self, range: Range<usize>) -> Bytes {
        let start_of = |at: usize| match at.checked_sub(1) {
            None => 0,
            Some(last) => self.ends.get(last).copied().unwrap_or(self.bytes.len()),
        };
        self.bytes.slice(start_of(range.start)..start_of(range.end))
    }
}

impl MessageBatch {
    pub(crate) fn new(messages: Vec<EncodedMessage>) -> Self {
        Self {
            plain: Joined::new(&messages, EncodedMessage::frame_bytes),
            deflated: OnceCell::new(),
            volatile: messages.iter().any(EncodedMessage::is_volatile),
            messages,
        }
    }

    /// Range of all messages.
    pub(crate) fn all(&self) -> Range<usize> {
        0..self.messages.len()
    }

    /// All messages as plain frames.
    pub(crate) fn plain(&self) -> &Bytes {
        &self.plain.bytes
    }

    /// Whether any of the messages may be dropped.
    pub(crate) fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// Whether a message may be dropped because of those before it.
    pub(crate) fn has_volatile_rest(&self) -> bool {
        self.volatile && self.messages.len() > 1
    }

    /// Messages in the range.
    pub(crate) fn messages(&self, range: Range<usize>) -> &[EncodedMessage] {
        self.messages.get(range).unwrap_or_default()
    }

    /// Frames of the messages in the range.
    pub(crate) fn slice(&self, range: Range<usize>, deflate: Option<Deflate>) -> Bytes {
        match deflate {
            None => self.plain.slice(range),
            Some(options) => self
                .deflated
                .get_or_init(|| Joined::new(&self.messages, |message| message.deflated(options)))
                .slice(range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_with_attachments_has_a_form_for_each_transport() {
        let message = EncodedMessage::new(&Encoded {
            text: "51-[\"a\",{}]".to_owned(),
            attachments: vec![vec![1, 2, 3, 4]],
        });
        assert_eq!(message.frames(), 2);
        assert_eq!(&message.frame_bytes()[..4], b"\x81\x0c45");
        assert_eq!(&message.frame_bytes()[14..], b"\x82\x04\x01\x02\x03\x04");
        assert_eq!(message.payload(), "451-[\"a\",{}]\u{1e}bAQIDBA==");
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn message_below_threshold_or_with_compress_off_is_not_compressed() {
        let options = Deflate::default();
        let small = EncodedMessage::from_frame(&"a".into());
        assert_eq!(small.deflated(options), small.frame_bytes());
        let large = EncodedMessage::from_frame(&"a".repeat(4000).into());
        let deflated = large.deflated(options);
        assert!(deflated.len() < 100, "{} bytes", deflated.len());
        assert_eq!(deflated[0], 0xc1);
        let large = large.compress(false);
        assert_eq!(large.deflated(options), large.frame_bytes(), "compress is off");
    }

    #[test]
    fn batch_slice_contains_its_messages_in_order() {
        let batch = MessageBatch::new(
            ["a", "bc", "d"]
                .map(|text| EncodedMessage::from_frame(&text.into()))
                .to_vec(),
        );
        assert_eq!(&batch.plain()[..], b"\x81\x024a\x81\x034bc\x81\x024d");
        assert_eq!(
            batch.slice(1..3, None),
            Bytes::from_static(b"\x81\x034bc\x81\x024d")
        );
        assert_eq!(batch.slice(2..2, None), Bytes::new());
        assert_eq!(batch.slice(batch.all(), None), batch.plain());
    }
}
