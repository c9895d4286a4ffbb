//! Packets to frames. The caller's data is only read.

use super::{Body, Packet, ROOT, placeholders};
use crate::socketio::Frame;
use crate::socketio::value::{Value, json};

/// A packet as it goes out: one text frame, then its attachments in order.
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

    /// Whether there is no byte, which never is so for an encoded packet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frames in the order of the wire.
    pub fn into_frames(self) -> impl Iterator<Item = Frame> {
        self.frames().into_iter()
    }

    /// The same, gathered.
    pub(crate) fn frames(self) -> Vec<Frame> {
        let mut frames = vec![Frame::Text(self.text)];
        for attachment in self.attachments {
            frames.push(Frame::Binary(attachment));
        }
        frames
    }
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
    /// The data holds binary and also an object that looks like a placeholder, which the receiver would mistake.
    #[error("an object with '_placeholder' beside binary cannot be told from an attachment")]
    AmbiguousPlaceholder,
    /// Only events and acks can carry binary; in CONNECT and CONNECT_ERROR it would arrive as `null`.
    #[error("only events and acks can carry binary")]
    BinaryOutsideEvent,
    /// Namespace does not begin with `/`, or holds the comma that would end it.
    #[error("namespace '{0}' cannot be written")]
    Namespace(String),
}

impl Packet {
    /// Writes the packet; see [`check`](Self::check) for data that the receiver could mistake.
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

    /// Writes the packet with the text already an Engine.IO message (`4…`), which saves a copy.
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

    /// Length of the text frame if nothing needs an escape and nothing nests; usually enough for one allocation.
    fn text_len_hint(&self) -> usize {
        let (name, args) = match &self.body {
            Body::Event { name, args, .. } => (name.as_str(), args.as_slice()),
            Body::Ack { args, .. } => ("", args.as_slice()),
            Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => ("", &[][..]),
        };
        let texts = args.iter().filter_map(Value::as_str).map(str::len).sum::<usize>();
        32 + self.namespace.len() + name.len() + texts + args.len() * 4
    }

    /// Says whether the receiver would get other data than this.
    ///
    /// # Errors
    /// [`EncodeError`] if so.
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

    /// Number of attachments that the packet is sent with.
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
    fn attachments_are_numbered_by_packet() {
        let packet = Packet::new("/n", Body::event("a", vec![Value::Binary(vec![1])]));
        let (mut text, mut attachments) = (String::new(), vec![vec![0]]);
        packet.encode_into(&mut text, &mut attachments);
        assert_eq!(text, r#"51-/n,["a",{"_placeholder":true,"num":0}]"#);
        assert_eq!(attachments, [vec![0], vec![1]]);
    }

    #[test]
    fn data_that_looks_like_a_placeholder_is_no_trouble_without_binary() {
        let fake = Value::object([("_placeholder", Value::Bool(true)), ("num", Value::from(0))]);
        let alone = Packet::new("/", Body::event("a", vec![fake.clone()]));
        assert_eq!(alone.check(), Ok(()));
        let mixed = Packet::new("/", Body::event("a", vec![fake, Value::Binary(vec![1])]));
        assert_eq!(mixed.check(), Err(EncodeError::AmbiguousPlaceholder));
    }

    #[test]
    fn binary_in_auth_is_noticed() {
        let auth = Value::object([("key", Value::Binary(vec![1]))]);
        let packet = Packet::new("/", Body::Connect(Some(auth)));
        assert_eq!(packet.check(), Err(EncodeError::BinaryOutsideEvent));
    }

    #[test]
    fn a_namespace_that_would_be_read_otherwise_is_noticed() {
        for namespace in ["", "chat", "/a,b"] {
            let packet = Packet::new(namespace, Body::Disconnect);
            assert_eq!(packet.check(), Err(EncodeError::Namespace(namespace.to_owned())));
        }
    }

    #[test]
    fn frames_come_in_the_order_of_the_wire() {
        let packet = Packet::new(
            "/",
            Body::event("a", vec![Value::Binary(vec![1]), Value::Binary(vec![2])]),
        );
        let frames: Vec<Frame> = packet.encode().into_frames().skip(1).collect();
        assert_eq!(frames, [Frame::Binary(vec![1]), Frame::Binary(vec![2])]);
    }
}
