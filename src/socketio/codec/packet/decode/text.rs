//! The text frame: `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`, read from left to right.

use super::super::body::{ack, connect, connect_error, disconnect, event};
use super::super::{DecodeError, Packet, ROOT};
use crate::socketio::Limits;
use crate::socketio::value::number::uint;
use crate::socketio::value::{Value, json};

/// Reads a text frame; also says how many attachments follow.
pub(super) fn decode(text: &str, limits: &Limits) -> Result<(Packet, usize), DecodeError> {
    let mut chars = text.chars();
    let Some(kind) = chars.next() else {
        return Err(DecodeError::Empty);
    };
    let rest = chars.as_str();
    let (wanted, rest) = match kind {
        '0'..='4' => (0, rest),
        '5' | '6' => attachments(rest, limits)?,
        other => return Err(DecodeError::UnknownType(other)),
    };
    let (namespace, rest) = namespace(rest, limits)?;
    let (id, rest) = split_digits(rest);
    let payload = payload(rest, id.is_empty(), limits)?;
    let body = match kind {
        '0' => connect(payload)?,
        '1' => disconnect(payload.as_ref())?,
        '2' | '5' => event(ack_id(id)?, payload)?,
        '3' | '6' => ack(ack_id(id)?, payload)?,
        _ => connect_error(payload)?,
    };
    Ok((Packet::new(namespace, body), wanted))
}

/// Digits at the beginning, and what follows.
fn split_digits(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(digits).unwrap_or(("", text))
}

/// `<attachments>-`.
fn attachments<'t>(text: &'t str, limits: &Limits) -> Result<(usize, &'t str), DecodeError> {
    let Some((digits, rest)) = text.split_once('-') else {
        return Err(DecodeError::IllegalAttachments);
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecodeError::IllegalAttachments);
    }
    let limit = limits.max_attachments;
    match uint(digits).map(usize::try_from) {
        Some(Ok(0)) => Err(DecodeError::IllegalAttachments),
        Some(Ok(count)) if count <= limit => Ok((count, rest)),
        _ => Err(DecodeError::TooManyAttachments { limit }),
    }
}

/// `[/name,]`; a comma is the only end but the end of the text.
fn namespace<'t>(text: &'t str, limits: &Limits) -> Result<(&'t str, &'t str), DecodeError> {
    if !text.starts_with('/') {
        return Ok((ROOT, text));
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    let limit = limits.max_namespace_bytes;
    if namespace.len() > limit {
        return Err(DecodeError::NamespaceTooLong { limit });
    }
    Ok((namespace, rest))
}

/// Digits before the payload; only an event's and an ack's have a meaning.
fn ack_id(digits: &str) -> Result<Option<u64>, DecodeError> {
    if digits.is_empty() {
        return Ok(None);
    }
    uint(digits).map(Some).ok_or(DecodeError::AckIdOutOfRange)
}

fn payload(text: &str, without_id: bool, limits: &Limits) -> Result<Option<Value>, DecodeError> {
    if text.is_empty() {
        return Ok(None);
    }
    // JavaScript takes white space where an id may stand for the id 0.
    if without_id && text.starts_with(|first| matches!(first, '\t'..='\r' | ' ' | '\u{feff}')) {
        return Err(DecodeError::InvalidPayload(
            "white space stands where an ack id may stand",
        ));
    }
    Ok(Some(json::parse(text, limits.max_depth)?))
}
