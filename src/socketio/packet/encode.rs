//! Packets to frames. The caller's data is only read.

use std::fmt;
use std::fmt::Write as _;

use super::{Body, Packet, ROOT, binary};
use crate::socketio::value::{Value, json};

/// A packet as it goes out: one text frame, then its attachments in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Text frame.
    pub text: String,
    /// Binary frames.
    pub attachments: Vec<Vec<u8>>,
}

/// Why data cannot be sent in the default parser's format.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The data holds binary and also an object that looks like a placeholder, which the receiver would mistake.
    AmbiguousPlaceholder,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AmbiguousPlaceholder => write!(
                f,
                "an object with '_placeholder' beside binary cannot be told from an attachment"
            ),
        }
    }
}

impl std::error::Error for EncodeError {}

impl Packet {
    /// Writes the packet.
    ///
    /// ```
    /// use pesan::socketio::{Packet, packet::Body, value::Value};
    /// let body = Body::Event { id: Some(7), name: "pesan".into(), args: vec![Value::from("halo")] };
    /// assert_eq!(Packet::new("/", body).encode().text, r#"27["pesan","halo"]"#);
    /// ```
    #[must_use]
    pub fn encode(&self) -> Encoded {
        let mut out = String::new();
        let mut attachments = Vec::new();
        self.encode_into(&mut out, &mut attachments);
        Encoded {
            text: out,
            attachments,
        }
    }

    /// Says whether the receiver could mistake data of this packet for an attachment.
    ///
    /// # Errors
    /// [`EncodeError::AmbiguousPlaceholder`] if so.
    pub fn check(&self) -> Result<(), EncodeError> {
        match &self.body {
            Body::Event { args, .. } | Body::Ack { args, .. }
                if args.iter().any(Value::has_binary) && args.iter().any(binary::has_placeholder) =>
            {
                Err(EncodeError::AmbiguousPlaceholder)
            }
            _ => Ok(()),
        }
    }

    /// Appends the text frame to `out` and the binary frames to `attachments`.
    pub fn encode_into(&self, out: &mut String, attachments: &mut Vec<Vec<u8>>) {
        let (kind, id, args) = match &self.body {
            Body::Connect(_) => ('0', None, None),
            Body::Disconnect => ('1', None, None),
            Body::Event { id, args, .. } => ('2', *id, Some(args)),
            Body::Ack { id, args } => ('3', Some(*id), Some(args)),
            Body::ConnectError(_) => ('4', None, None),
        };
        let mut json = String::new();
        match &self.body {
            Body::Connect(Some(data)) | Body::ConnectError(Some(data)) => json::write(&mut json, data),
            Body::Event { name, args, .. } => {
                json.push('[');
                if name.is_numeric() {
                    json.push_str(name.as_str());
                } else {
                    json::write_string(&mut json, name.as_str());
                }
                write_args(&mut json, args, true, attachments);
            }
            Body::Ack { args, .. } => {
                json.push('[');
                write_args(&mut json, args, false, attachments);
            }
            Body::Connect(None) | Body::Disconnect | Body::ConnectError(None) => {}
        }
        let count = if args.is_some() { attachments.len() } else { 0 };
        if count > 0 {
            // Types 5 and 6 are 2 and 3 with attachments.
            out.push(if kind == '2' { '5' } else { '6' });
            push(out, count);
            out.push('-');
        } else {
            out.push(kind);
        }
        if self.namespace != ROOT {
            out.push_str(&self.namespace);
            out.push(',');
        }
        if let Some(id) = id {
            push(out, id);
        }
        out.push_str(&json);
    }
}

fn push(out: &mut String, what: impl fmt::Display) {
    write!(out, "{what}").expect("writing to a String cannot fail");
}

/// Writes arguments, each binary as a placeholder, and the closing bracket.
fn write_args(json: &mut String, args: &[Value], mut more: bool, attachments: &mut Vec<Vec<u8>>) {
    for arg in args {
        if more {
            json.push(',');
        }
        more = true;
        json::write_with(json, arg, &mut |json, bytes| {
            push(
                json,
                format_args!("{{\"_placeholder\":true,\"num\":{}}}", attachments.len()),
            );
            attachments.push(bytes.to_vec());
        });
    }
    json.push(']');
}
