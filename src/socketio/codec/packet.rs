//! Socket.IO protocol 5: packets and their form as one text frame plus binary frames.
//!
//! ```text
//! <type>[<attachments>-][<namespace>,][<ack id>][<JSON>]    followed by <attachments> binary frames
//! ```
//!
//! Specification: <https://socket.io/docs/v4/socket-io-protocol/>. Stricter than the official parser on purpose:
//! - white space in place of an ack id, a type or a count is an error, where `Number(" ")` makes it 0;
//! - counts and ids are digits only (no `1e0`), ids fit 64 bits;
//! - an event requires a payload, an ack requires an id; ids on other packets are ignored;
//! - a placeholder's `num` must be an integer, and each use of an attachment counts towards its size limit;
//! - nesting and namespaces are bounded by [`Limits`](super::Limits);
//! - data that looks like a placeholder, together with binary, is refused by [`Packet::check`] because it is ambiguous.
//!
//! Differences between the strings and numbers of JavaScript and Rust are listed in [`value`](super::value). Every difference
//! is a rule in `examples/vectors/purpose.rs` and is checked against recorded cases of the official packages.

pub(crate) mod body;
mod error;
pub(super) mod placeholders;

pub use body::{Body, EventName, RESERVED};
pub use error::{DecodeError, EncodeError};

pub(super) use body::{ack, connect, connect_error, disconnect, event};

use super::frame::Frame;
use super::value::{Value, json};

/// Default namespace, which is omitted on the wire.
pub const ROOT: &str = "/";

/// Packet of Socket.IO 5.
///
/// Encoded by [`encode`](Self::encode) or [`Parser::encode`](super::Parser::encode), decoded by
/// [`Decoder`](super::Decoder).
///
/// ```
/// use pesan::socketio::{Packet, packet::{Body, ROOT}};
/// let packet = Packet::new(ROOT, Body::Disconnect);
/// assert_eq!(packet.encode().text, "1");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// Its namespace; begins with `/`.
    pub namespace: String,
    /// Type and content.
    pub body: Body,
}

impl Packet {
    /// Packet in a namespace.
    #[must_use]
    pub fn new(namespace: impl Into<String>, body: Body) -> Self {
        Self {
            namespace: namespace.into(),
            body,
        }
    }
}

/// Encoded packet: one text frame, then its attachments in order.
///
/// ```
/// use pesan::socketio::{Packet, Value, packet::Body};
///
/// let picture = Body::event("picture", vec![Value::Binary(vec![1, 2, 3])]);
/// let encoded = Packet::new("/", picture).encode();
/// assert_eq!(encoded.text, r#"51-["picture",{"_placeholder":true,"num":0}]"#);
/// assert_eq!(encoded.attachments, [vec![1, 2, 3]]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Text frame.
    pub text: String,
    /// Binary frames.
    pub attachments: Vec<Vec<u8>>,
}

impl Encoded {
    /// Bytes of all frames together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.text.len() + self.attachments.iter().map(Vec::len).sum::<usize>()
    }

    /// Whether there are no bytes; never true for an encoded packet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frames in the order of the wire.
    pub fn into_frames(self) -> impl Iterator<Item = Frame> {
        self.frames().into_iter()
    }

    /// Frames in the order of the wire, as a vector.
    pub(crate) fn frames(self) -> Vec<Frame> {
        let mut frames = vec![Frame::Text(self.text)];
        for attachment in self.attachments {
            frames.push(Frame::Binary(attachment));
        }
        frames
    }
}

impl Packet {
    /// Encodes the packet; see [`check`](Self::check) for data that the receiver would misinterpret.
    ///
    /// ```
    /// use pesan::socketio::{Packet, packet::Body, value::Value};
    /// let body = Body::Event { id: Some(7), name: "pesan".into(), args: vec![Value::from("halo")] };
    /// assert_eq!(Packet::new("/", body).encode().text, r#"27["pesan","halo"]"#);
    /// ```
    #[must_use]
    pub fn encode(&self) -> Encoded {
        self.encode_after("")
    }

    /// Encodes the packet with the text as an Engine.IO message (`4…`), which avoids a copy.
    ///
    /// ```
    /// use pesan::socketio::{Packet, packet::Body};
    /// assert_eq!(Packet::new("/", Body::Disconnect).encode_message().text, "41");
    /// ```
    #[must_use]
    pub fn encode_message(&self) -> Encoded {
        self.encode_after("4")
    }

    fn encode_after(&self, prefix: &str) -> Encoded {
        let mut text = String::with_capacity(prefix.len() + self.text_len_hint());
        let mut attachments = Vec::new();
        text.push_str(prefix);
        self.encode_into(&mut text, &mut attachments);
        Encoded { text, attachments }
    }

    /// Length of the text frame without escapes and nesting; usually enough for one allocation.
    fn text_len_hint(&self) -> usize {
        let (name, args) = match &self.body {
            Body::Event { name, args, .. } => (name.as_str(), args.as_slice()),
            Body::Ack { args, .. } => ("", args.as_slice()),
            Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => ("", &[][..]),
        };
        let texts = args.iter().filter_map(Value::as_str).map(str::len).sum::<usize>();
        32 + self.namespace.len() + name.len() + texts + args.len() * 4
    }

    /// Checks that the receiver will get the same data.
    ///
    /// # Errors
    /// [`EncodeError`] if it would not.
    pub fn check(&self) -> Result<(), EncodeError> {
        if !self.namespace.starts_with('/') || self.namespace.contains(',') {
            return Err(EncodeError::Namespace(self.namespace.clone()));
        }
        match &self.body {
            Body::Event { args, .. } | Body::Ack { args, .. } => {
                if placeholders::count(args) > 0 && args.iter().any(placeholders::has_placeholder) {
                    return Err(EncodeError::AmbiguousPlaceholder);
                }
            }
            Body::Connect(Some(data)) | Body::ConnectError(Some(data)) => {
                if data.has_binary() {
                    return Err(EncodeError::BinaryOutsideEvent);
                }
            }
            Body::Connect(None) | Body::Disconnect | Body::ConnectError(None) => {}
        }
        Ok(())
    }

    /// Number of attachments of the packet.
    #[must_use]
    pub fn attachment_count(&self) -> usize {
        match &self.body {
            Body::Event { args, .. } | Body::Ack { args, .. } => placeholders::count(args),
            Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => 0,
        }
    }

    /// Appends the text frame to `out` and the binary frames to `attachments`.
    pub fn encode_into(&self, out: &mut String, attachments: &mut Vec<Vec<u8>>) {
        let count = self.attachment_count();
        out.push(match (&self.body, count) {
            (Body::Connect(_), _) => '0',
            (Body::Disconnect, _) => '1',
            (Body::Event { .. }, 0) => '2',
            (Body::Ack { .. }, 0) => '3',
            (Body::ConnectError(_), _) => '4',
            (Body::Event { .. }, _) => '5',
            (Body::Ack { .. }, _) => '6',
        });
        if count > 0 {
            attachments.reserve(count);
            json::write_uint(out, count as u64);
            out.push('-');
        }
        if self.namespace != ROOT {
            out.push_str(&self.namespace);
            out.push(',');
        }
        match &self.body {
            Body::Connect(Some(data)) | Body::ConnectError(Some(data)) => json::write(out, data),
            Body::Event { id, name, args } => {
                if let Some(id) = id {
                    json::write_uint(out, *id);
                }
                out.push('[');
                if name.is_numeric() {
                    out.push_str(name.as_str());
                } else {
                    json::write_string(out, name.as_str());
                }
                write_args(out, args, ",", attachments);
            }
            Body::Ack { id, args } => {
                json::write_uint(out, *id);
                out.push('[');
                write_args(out, args, "", attachments);
            }
            Body::Connect(None) | Body::Disconnect | Body::ConnectError(None) => {}
        }
    }
}

/// Writes arguments, each binary as a placeholder, and the closing bracket.
fn write_args(out: &mut String, args: &[Value], mut separator: &str, attachments: &mut Vec<Vec<u8>>) {
    let mut place = 0;
    for arg in args {
        out.push_str(separator);
        separator = ",";
        json::write_with(out, arg, &mut |out, bytes| {
            out.push_str(r#"{"_placeholder":true,"num":"#);
            json::write_uint(out, place);
            out.push('}');
            attachments.push(bytes.to_vec());
            place += 1;
        });
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_are_numbered_from_zero_in_each_packet() {
        let packet = Packet::new("/n", Body::event("a", vec![Value::Binary(vec![1])]));
        let (mut text, mut attachments) = (String::new(), vec![vec![0]]);
        packet.encode_into(&mut text, &mut attachments);
        assert_eq!(text, r#"51-/n,["a",{"_placeholder":true,"num":0}]"#);
        assert_eq!(attachments, [vec![0], vec![1]]);
    }

    #[test]
    fn placeholder_data_without_binary_is_allowed() {
        let fake = Value::object([("_placeholder", Value::Bool(true)), ("num", Value::from(0))]);
        let alone = Packet::new("/", Body::event("a", vec![fake.clone()]));
        assert_eq!(alone.check(), Ok(()));
        let mixed = Packet::new("/", Body::event("a", vec![fake, Value::Binary(vec![1])]));
        assert_eq!(mixed.check(), Err(EncodeError::AmbiguousPlaceholder));
    }

    #[test]
    fn connect_with_binary_is_refused() {
        let auth = Value::object([("key", Value::Binary(vec![1]))]);
        let packet = Packet::new("/", Body::Connect(Some(auth)));
        assert_eq!(packet.check(), Err(EncodeError::BinaryOutsideEvent));
    }

    #[test]
    fn namespace_not_encodable_is_refused() {
        for namespace in ["", "chat", "/a,b"] {
            let packet = Packet::new(namespace, Body::Disconnect);
            assert_eq!(packet.check(), Err(EncodeError::Namespace(namespace.to_owned())));
        }
    }

    #[test]
    fn frames_of_packet_are_in_wire_order() {
        let packet = Packet::new(
            "/",
            Body::event("a", vec![Value::Binary(vec![1]), Value::Binary(vec![2])]),
        );
        let frames: Vec<Frame> = packet.encode().into_frames().skip(1).collect();
        assert_eq!(frames, [Frame::Binary(vec![1]), Frame::Binary(vec![2])]);
    }
}
