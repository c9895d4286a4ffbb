//! Cases of engine.io-parser.

use pesan::socketio::engine::polling_payload::{self as payload, PayloadError};
use pesan::socketio::engine::{Packet, PacketError};
use pesan::socketio::value::Value;
use pesan::socketio::{Frame, Limits};

use super::marked::{compare, meant_by};
use super::{Verdict, frame_of, list, shown, text_of};

const IGNORED_DATA: &str = "text behind close, upgrade and noop is ignored";
const STRICT_BASE64: &str = "base64 has no other characters, where Node skips them";

/// One packet: `in` is a frame, `packet` the result of the official decoder.
pub(super) fn packet(case: &Value) -> Result<Verdict, String> {
    let frame = frame_of(case.get("in").ok_or("no frame")?)?;
    let theirs = case.get("packet").ok_or("no packet")?;
    let ours = Packet::decode(frame.clone());
    let verdict = judge(theirs, &ours, &frame)?;
    if let (Verdict::Same, Ok(packet), Frame::Text(text)) = (&verdict, &ours, &frame)
        && !text.starts_with('b')
        && packet.encode() != frame
    {
        return Err(format!("written as {:?}", packet.encode()));
    }
    Ok(verdict)
}

/// A polling body: `in` is its text, `packets` the result of the official decoder.
pub(super) fn payload(case: &Value) -> Result<Verdict, String> {
    let body = text_of(case, "in").or_else(|| case.get("in").and_then(|body| text_of(body, "text")));
    let body = body.ok_or("no body")?;
    let theirs = list(case, "packets");
    let mut worst = Verdict::Same;
    let mut count = 0;
    let ours = payload::packets(body, &Limits::default());
    for (packet, text) in ours.zip(body.split(payload::SEPARATOR)) {
        let packet = packet.map_err(|error| match error {
            PayloadError::Packet { error, .. } => Ok(error),
            other => Err(other.to_string()),
        });
        let packet = match packet {
            Ok(packet) => Ok(packet),
            Err(Ok(error)) => Err(error),
            Err(Err(message)) => return Err(message),
        };
        let theirs = theirs.get(count).ok_or("more packets than there should be")?;
        count += 1;
        if let rule @ Verdict::OnPurpose(_) = judge(theirs, &packet, &Frame::from(text))? {
            worst = rule;
            if packet.is_err() {
                return Ok(worst);
            }
        }
    }
    if count < theirs.len() {
        return Err(format!("{count} packets, not {}", theirs.len()));
    }
    Ok(worst)
}

fn judge(theirs: &Value, ours: &Result<Packet, PacketError>, frame: &Frame) -> Result<Verdict, String> {
    let kind = text_of(theirs, "type").ok_or("no type")?;
    // Without data, `data` is missing in JavaScript and empty here.
    let data = match theirs.get("data") {
        Some(data) => meant_by(data)?.unwrap_or_default(),
        None => Value::from(""),
    };
    match ours {
        Ok(packet) => {
            let (own_kind, own_data) = described(packet);
            if own_kind != kind {
                return Err(format!("read as {own_kind}, not {}", shown(theirs)));
            }
            match packet {
                Packet::Close | Packet::Upgrade | Packet::Noop if data != own_data => {
                    Ok(Verdict::OnPurpose(IGNORED_DATA))
                }
                _ => compare(&data, &own_data),
            }
        }
        Err(_) if kind == "error" => Ok(Verdict::Same),
        Err(PacketError::Base64) if kind == "message" && is_loose_base64(frame) => {
            Ok(Verdict::OnPurpose(STRICT_BASE64))
        }
        Err(error) => Err(format!("{error}, not {}", shown(theirs))),
    }
}

fn described(packet: &Packet) -> (&'static str, Value) {
    match packet {
        Packet::Open(data) => ("open", Value::from(data.as_str())),
        Packet::Close => ("close", Value::from("")),
        Packet::Ping(data) => ("ping", Value::from(data.as_str())),
        Packet::Pong(data) => ("pong", Value::from(data.as_str())),
        Packet::Message(Frame::Text(text)) => ("message", Value::from(text.as_str())),
        Packet::Message(Frame::Binary(bytes)) => ("message", Value::Binary(bytes.clone())),
        Packet::Upgrade => ("upgrade", Value::from("")),
        Packet::Noop => ("noop", Value::from("")),
    }
}

/// Whether the text after `b` is not strict base64: an invalid character, or an invalid length.
fn is_loose_base64(frame: &Frame) -> bool {
    let Frame::Text(text) = frame else {
        return false;
    };
    let text = text.strip_prefix('b').unwrap_or(text);
    let digits = text.trim_end_matches('=');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    !digits.bytes().all(plain) || digits.len() % 4 == 1 || text.len() - digits.len() > 2
}
