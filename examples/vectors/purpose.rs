//! Intended differences: rules by which this decoder refuses frames that the official parser accepts, each checked on the
//! frame itself.

use pesan::socketio::value::json::JsonError;
use pesan::socketio::value::{Number, Value};
use pesan::socketio::{DecodeError, Limits};

use super::socketio::payload_of;

/// Whether an error of this decoder matches the official message.
pub(super) fn same_fault(message: &str, error: &DecodeError) -> bool {
    match error {
        DecodeError::InvalidPayload(_) | DecodeError::Json(_) | DecodeError::ReservedName(_) => {
            message == "invalid payload"
        }
        DecodeError::Empty | DecodeError::UnknownType(_) => message.starts_with("unknown packet type"),
        DecodeError::IllegalAttachments => message == "Illegal attachments",
        DecodeError::TooManyAttachments { .. } => message == "too many attachments",
        DecodeError::IllegalPlaceholder => message == "illegal attachments",
        DecodeError::UnexpectedBinary => message.starts_with("got binary data"),
        DecodeError::UnexpectedText { .. } => message.starts_with("got plaintext data"),
        _ => false,
    }
}

/// Rule by which a frame is refused, if the rule applies to the frame.
pub(super) fn of_error(text: &str, error: &DecodeError) -> Option<&'static str> {
    let frame = Parts::of(text);
    let limits = Limits::default();
    let (holds, rule) = match error {
        DecodeError::Empty => (text.is_empty(), "an empty text is no packet"),
        DecodeError::UnknownType(kind) => (is_space(*kind), "white space is no packet type"),
        DecodeError::IllegalAttachments => (
            !frame.count.bytes().all(|byte| byte.is_ascii_digit()),
            "attachment counts are digits only",
        ),
        // `Number()` gives infinity, which is not an integer.
        DecodeError::TooManyAttachments { .. } => (
            frame.count.len() > 308,
            "an endless attachment count is too large, not illegal",
        ),
        DecodeError::AckIdOutOfRange => (frame.id.parse::<u64>().is_err(), "ack ids fit 64 bits"),
        DecodeError::MissingAckId => (frame.id.is_empty(), "an ack needs an id"),
        _ if frame.id.contains(is_space) => (true, "white space is no ack id"),
        DecodeError::InvalidPayload(_) => (
            frame.payload.is_empty() && matches!(frame.kind, '2' | '3' | '5' | '6'),
            "events and acks need their array",
        ),
        DecodeError::Json(JsonError::TooDeep { limit }) => {
            (depth(frame.payload) > *limit, "nesting is capped at 512 levels")
        }
        DecodeError::IllegalPlaceholder => (
            payload_of(frame.payload).is_some_and(|payload| has_fraction(&payload)),
            "a placeholder's number is whole",
        ),
        DecodeError::NamespaceTooLong { limit } => (
            frame.namespace.len() > *limit,
            "namespaces are capped at 1024 bytes",
        ),
        DecodeError::TooLarge { size, limit } => (
            size > limit && *limit == limits.max_frame_bytes,
            "frames are capped at 16 MiB",
        ),
        _ => return None,
    };
    holds.then_some(rule)
}

/// Parts of a text frame, split like in the official parser.
struct Parts<'t> {
    kind: char,
    count: &'t str,
    namespace: &'t str,
    /// Digits and white space; `Number()` converts white space to zero.
    id: &'t str,
    payload: &'t str,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Self {
        let mut chars = text.chars();
        let kind = chars.next().unwrap_or_default();
        let rest = chars.as_str();
        let (count, rest) = match kind {
            '5' | '6' => rest.split_once('-').unwrap_or((rest, "")),
            _ => ("", rest),
        };
        let (namespace, rest) = match rest.starts_with('/') {
            true => rest.split_once(',').unwrap_or((rest, "")),
            false => ("/", rest),
        };
        let end = rest.find(|next: char| !next.is_ascii_digit() && !is_space(next));
        let (id, payload) = rest.split_at(end.unwrap_or(rest.len()));
        Self {
            kind,
            count,
            namespace,
            id,
            payload,
        }
    }
}

fn is_space(next: char) -> bool {
    next.is_whitespace() || next == '\u{feff}'
}

/// Maximum nesting of brackets outside strings.
fn depth(payload: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in payload.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Numbers of the placeholders in a value, in order.
fn placeholders(value: &Value, found: &mut Vec<Option<Number>>) {
    if value.get("_placeholder") == Some(&Value::Bool(true)) {
        found.push(value.get("num").and_then(Value::as_number));
    } else if let Some(items) = value.as_array() {
        items.iter().for_each(|item| placeholders(item, found));
    } else if let Some(entries) = value.as_object() {
        entries.iter().for_each(|(_, item)| placeholders(item, found));
    }
}

fn has_fraction(payload: &Value) -> bool {
    let mut found = Vec::new();
    placeholders(payload, &mut found);
    found
        .into_iter()
        .flatten()
        .any(|number| number.as_f64().fract() != 0.0)
}

/// Whether two placeholders of a binary packet refer to the same attachment.
pub(super) fn repeats_attachment(text: &str) -> bool {
    let frame = Parts::of(text);
    if !matches!(frame.kind, '5' | '6') {
        return false;
    }
    let mut found = Vec::new();
    if let Some(payload) = payload_of(frame.payload) {
        placeholders(&payload, &mut found);
    }
    let mut rest = &found[..];
    while let Some((first, others)) = rest.split_first() {
        if others.contains(first) {
            return true;
        }
        rest = others;
    }
    false
}

/// Replaces lone surrogates by U+FFFD. Every escaped surrogate is a lone one, because `JSON.stringify` escapes no others.
pub(super) fn without_lone_surrogates(text: &str) -> String {
    let mut parts = text.split("\\ud");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part
            .get(..3)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if digits.is_some_and(|digits| digits >= "800") {
            out.push(char::REPLACEMENT_CHARACTER);
            out.push_str(part.get(3..).unwrap_or_default());
        } else {
            out.push_str("\\ud");
            out.push_str(part);
        }
    }
    out
}
