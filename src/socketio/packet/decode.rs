//! Frames to packets. Pure but for the attachments that a packet still waits for.

use super::{Body, DecodeError, EventName, Packet, ROOT, binary};
use crate::socketio::value::{Value, json};
use crate::socketio::{Frame, Limits};

/// What a frame led to.
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

/// Decoder of one connection.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    pending: Option<Pending>,
}

/// Packet whose attachments are on their way.
#[derive(Debug)]
struct Pending {
    packet: Packet,
    wanted: usize,
    attachments: Vec<Vec<u8>>,
    bytes: usize,
}

impl Decoder {
    /// Decoder that keeps to `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            pending: None,
        }
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
        if frame.len() > self.limits.max_frame_bytes {
            self.reset();
            return Err(DecodeError::TooLarge {
                size: frame.len(),
                limit: self.limits.max_frame_bytes,
            });
        }
        match (frame, self.pending.take()) {
            (Frame::Text(text), None) => self.text(&text),
            (Frame::Binary(bytes), Some(pending)) => self.attachment(pending, bytes),
            (Frame::Binary(_), None) => Err(DecodeError::UnexpectedBinary),
            (Frame::Text(_), Some(pending)) => Err(DecodeError::UnexpectedText {
                missing: pending.wanted - pending.attachments.len(),
            }),
        }
    }

    fn attachment(&mut self, mut pending: Pending, bytes: Vec<u8>) -> Result<Decoded, DecodeError> {
        pending.bytes += bytes.len();
        if pending.bytes > self.limits.max_attachment_bytes {
            return Err(DecodeError::AttachmentsTooLarge {
                limit: self.limits.max_attachment_bytes,
            });
        }
        pending.attachments.push(bytes);
        let missing = pending.wanted - pending.attachments.len();
        if missing > 0 {
            self.pending = Some(pending);
            return Ok(Decoded::Incomplete { missing });
        }
        let mut packet = pending.packet;
        if let Body::Event { args, .. } | Body::Ack { args, .. } = &mut packet.body {
            args.iter_mut()
                .try_for_each(|arg| binary::restore(arg, &pending.attachments))?;
        }
        Ok(Decoded::Packet(packet))
    }

    fn text(&mut self, text: &str) -> Result<Decoded, DecodeError> {
        let mut chars = text.chars();
        let Some(kind) = chars.next() else {
            return Err(DecodeError::Empty);
        };
        if !matches!(kind, '0'..='6') {
            return Err(DecodeError::UnknownType(kind));
        }
        let rest = chars.as_str();
        let (wanted, rest) = if matches!(kind, '5' | '6') {
            self.count(rest)?
        } else {
            (0, rest)
        };
        let (namespace, rest) = self.namespace(rest)?;
        let (id, rest) = ack_id(rest)?;
        let payload = if rest.is_empty() {
            None
        } else {
            Some(json::parse(rest, self.limits.max_depth)?)
        };
        let body = match kind {
            '0' => Body::Connect(object(payload, "CONNECT carries an object")?),
            '1' if payload.is_none() => Body::Disconnect,
            '1' => return Err(DecodeError::InvalidPayload("DISCONNECT carries nothing")),
            '2' | '5' => event(id, payload)?,
            '3' | '6' => match payload {
                Some(Value::Array(args)) => Body::Ack {
                    id: id.ok_or(DecodeError::MissingAckId)?,
                    args,
                },
                _ => return Err(DecodeError::InvalidPayload("ACK carries an array")),
            },
            _ => match payload {
                None | Some(Value::Object(_) | Value::String(_)) => Body::ConnectError(payload),
                Some(_) => {
                    return Err(DecodeError::InvalidPayload(
                        "CONNECT_ERROR carries an object or a string",
                    ));
                }
            },
        };
        let packet = Packet {
            namespace: namespace.to_owned(),
            body,
        };
        if wanted == 0 {
            return Ok(Decoded::Packet(packet));
        }
        self.pending = Some(Pending {
            packet,
            wanted,
            attachments: Vec::new(),
            bytes: 0,
        });
        Ok(Decoded::Incomplete { missing: wanted })
    }

    /// `<attachments>-`.
    fn count<'t>(&self, text: &'t str) -> Result<(usize, &'t str), DecodeError> {
        let Some((digits, rest)) = text.split_once('-') else {
            return Err(DecodeError::IllegalAttachments);
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DecodeError::IllegalAttachments);
        }
        let limit = self.limits.max_attachments;
        match digits.parse::<usize>() {
            Ok(0) => Err(DecodeError::IllegalAttachments),
            Ok(count) if count <= limit => Ok((count, rest)),
            _ => Err(DecodeError::TooManyAttachments { limit }),
        }
    }

    /// `[/name,]`; a comma is the only end but the end of the text.
    fn namespace<'t>(&self, text: &'t str) -> Result<(&'t str, &'t str), DecodeError> {
        if !text.starts_with('/') {
            return Ok((ROOT, text));
        }
        let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
        if namespace.len() > self.limits.max_namespace_bytes {
            return Err(DecodeError::NamespaceTooLong {
                limit: self.limits.max_namespace_bytes,
            });
        }
        Ok((namespace, rest))
    }
}

/// `[<digits>]`, exact up to 64 bits.
fn ack_id(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    let id = digits.parse().map_err(|_| DecodeError::AckIdOutOfRange)?;
    Ok((Some(id), rest))
}

fn object(payload: Option<Value>, rule: &'static str) -> Result<Option<Value>, DecodeError> {
    match payload {
        None | Some(Value::Object(_)) => Ok(payload),
        Some(_) => Err(DecodeError::InvalidPayload(rule)),
    }
}

fn event(id: Option<u64>, payload: Option<Value>) -> Result<Body, DecodeError> {
    let Some(Value::Array(items)) = payload else {
        return Err(DecodeError::InvalidPayload("EVENT carries an array"));
    };
    let mut args = items.into_iter();
    let name = match args.next() {
        Some(Value::String(text)) => EventName::from(text),
        Some(Value::Number(number)) => EventName::from(number),
        _ => return Err(DecodeError::InvalidPayload("EVENT begins with its name")),
    };
    if name.is_reserved() {
        return Err(DecodeError::ReservedName(name.as_str().to_owned()));
    }
    Ok(Body::Event {
        id,
        name,
        args: args.collect(),
    })
}
