//! Cases of socket.io-parser.

use pesan::socketio::packet::{Body, EncodeError, EventName};
use pesan::socketio::value::{Number, Value, json};
use pesan::socketio::{DecodeError, Decoded, Decoder, Frame, Limits, Packet};

use super::marked::{compare, meant_by};
use super::{Verdict, frame_of, list, purpose, shown, text_of};

/// Decodes the frames `feed`; the official result is `packets`, `error` and `pending`.
pub(super) fn decode(case: &Value) -> Result<Verdict, String> {
    let feed = list(case, "feed")
        .iter()
        .map(frame_of)
        .collect::<Result<Vec<_>, _>>()?;
    let ours = decoded(&feed, Limits::default());
    let theirs = list(case, "packets");
    let verdict = packets(theirs, &ours.packets);
    match (text_of(case, "error"), &ours.error) {
        (None, None) => {
            let pending = case.get("pending") == Some(&Value::Bool(true));
            if pending != (ours.missing > 0) {
                return Err(format!("waits for {} attachments", ours.missing));
            }
            verdict
        }
        (Some(message), Some(error)) if purpose::same_fault(message, error) => verdict,
        (Some(message), Some(error)) => purpose::of_error(&ours.header, error)
            .map(Verdict::OnPurpose)
            .ok_or_else(|| format!("fails with '{error}', not '{message}'")),
        (Some(message), None) => Err(format!("accepted, not '{message}'")),
        (None, Some(error)) => {
            packets(
                theirs.get(..ours.packets.len()).unwrap_or_default(),
                &ours.packets,
            )?;
            purpose::of_error(&ours.header, error)
                .map(Verdict::OnPurpose)
                .ok_or_else(|| format!("fails with '{error}'"))
        }
    }
}

struct Outcome {
    packets: Vec<Packet>,
    error: Option<DecodeError>,
    missing: usize,
    /// Newest text frame.
    header: String,
}

fn decoded(feed: &[Frame], limits: Limits) -> Outcome {
    let mut decoder = Decoder::new(limits);
    let mut outcome = Outcome {
        packets: Vec::new(),
        error: None,
        missing: 0,
        header: String::new(),
    };
    for frame in feed {
        if let Frame::Text(text) = frame {
            outcome.header.clone_from(text);
        }
        match decoder.decode(frame.clone()) {
            Ok(Decoded::Packet(packet)) => outcome.packets.push(packet),
            Ok(Decoded::Incomplete { .. }) => {}
            Err(error) => {
                outcome.error = Some(error);
                break;
            }
        }
    }
    outcome.missing = decoder.missing();
    outcome
}

fn packets(theirs: &[Value], ours: &[Packet]) -> Result<Verdict, String> {
    if theirs.len() != ours.len() {
        return Err(format!("{} packets, not {}", ours.len(), theirs.len()));
    }
    let mut worst = Verdict::Same;
    for (theirs, ours) in theirs.iter().zip(ours) {
        if let rule @ Verdict::OnPurpose(_) = packet(theirs, ours)? {
            worst = rule;
        }
    }
    Ok(worst)
}

pub(super) fn packet(theirs: &Value, ours: &Packet) -> Result<Verdict, String> {
    let own = described(ours);
    if theirs.get("id").is_some()
        && matches!(
            ours.body,
            Body::Connect(_) | Body::Disconnect | Body::ConnectError(_)
        )
    {
        let without_id = theirs
            .as_object()
            .unwrap_or_default()
            .iter()
            .filter(|(key, _)| key != "id");
        compare(&Value::object(without_id.cloned()), &own)?;
        return Ok(Verdict::OnPurpose(
            "ids of packets that nobody answers are ignored",
        ));
    }
    if let (Body::Event { name, args, .. }, [odd, rest @ ..]) = (&ours.body, list(theirs, "data"))
        && let Some(number) = text_of(odd, "$num")
    {
        compare(&Value::Array(rest.to_vec()), &Value::Array(args.clone()))?;
        return if name.as_str() == number || (name.as_str(), number) == ("0", "-0") {
            Ok(Verdict::OnPurpose(
                "a name that JSON cannot write as a number becomes another",
            ))
        } else {
            Err(format!("name is '{name}', not {number}"))
        };
    }
    compare(theirs, &own)
}

/// Packet in the form of the official decoder, which also reports the types 5 and 6 as 2 and 3.
fn described(packet: &Packet) -> Value {
    let (kind, id, data) = match &packet.body {
        Body::Connect(data) => (0, None, data.clone()),
        Body::Disconnect => (1, None, None),
        Body::Event { id, name, args } => {
            let name = match name.as_str().parse::<f64>() {
                Ok(number) if name.is_numeric() => Value::from(number),
                _ => Value::from(name.as_str()),
            };
            let items = std::iter::once(name).chain(args.iter().cloned());
            (2, *id, Some(Value::Array(items.collect())))
        }
        Body::Ack { id, args } => (3, Some(*id), Some(Value::Array(args.clone()))),
        Body::ConnectError(data) => (4, None, data.clone()),
    };
    let mut entries = vec![
        ("type", Value::from(kind)),
        ("nsp", Value::from(packet.namespace.as_str())),
    ];
    entries.extend(id.map(|id| ("id", Value::from(id))));
    entries.extend(data.map(|data| ("data", data)));
    Value::object(entries)
}

/// Encodes the packet `in`; `out` has the frames of the official encoder.
///
/// Without `in`, the frames are decoded, and encoding the packet must give the same frames.
pub(super) fn encode(case: &Value) -> Result<Verdict, String> {
    if let Some(message) = text_of(case, "error") {
        return match case.get("in") {
            None if case.get("out").is_none() => Ok(Verdict::OnPurpose(
                "values that the official encoder throws at cannot be made",
            )),
            _ => Err(format!("cannot fail, but should with '{message}'")),
        };
    }
    let out = list(case, "out")
        .iter()
        .map(frame_of)
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(given) = case.get("in").filter(|given| given.get("type").is_some()) {
        return written(&packet_of(given)?, &out);
    }
    // The official encoder does not limit the number of attachments.
    let mut limits = Limits::default();
    limits.max_attachments = usize::MAX;
    let ours = decoded(&out, limits);
    match (&ours.packets[..], ours.error) {
        ([packet], None) if purpose::repeats_attachment(&ours.header) => ambiguous(packet),
        ([packet], None) => written(packet, &out),
        (_, Some(error)) => purpose::of_error(&ours.header, &error)
            .map(Verdict::OnPurpose)
            .ok_or_else(|| format!("cannot be read back: {error}")),
        (packets, None) => Err(format!("frames hold {} packets", packets.len())),
    }
}

fn written(packet: &Packet, out: &[Frame]) -> Result<Verdict, String> {
    if packet.check() == Err(EncodeError::AmbiguousPlaceholder) {
        return Ok(Verdict::OnPurpose(AMBIGUOUS));
    }
    let ours: Vec<Frame> = packet.encode().into_frames().collect();
    if ours == out {
        return Ok(Verdict::Same);
    }
    if let (Some(Frame::Text(own)), Some(Frame::Text(text))) = (ours.first(), out.first())
        && *own == purpose::without_lone_surrogates(text)
        && ours.get(1..) == out.get(1..)
    {
        return Ok(Verdict::OnPurpose(
            "a lone surrogate becomes U+FFFD, since text is Unicode",
        ));
    }
    Err(format!("written as {ours:?}"))
}

const AMBIGUOUS: &str = "data that looks like a placeholder is refused beside binary";

/// Refused as ambiguous: the official encoder uses each attachment number once, so the second use is data of the user.
fn ambiguous(read: &Packet) -> Result<Verdict, String> {
    let Body::Event { name, args, .. } = &read.body else {
        return Err("not an event".to_owned());
    };
    let own = Value::object([("_placeholder", Value::Bool(true)), ("num", Value::from(0))]);
    let args = args.iter().cloned().chain([own]).collect();
    let packet = Packet::new(read.namespace.as_str(), Body::event(name.as_str(), args));
    match packet.check() {
        Err(EncodeError::AmbiguousPlaceholder) => Ok(Verdict::OnPurpose(AMBIGUOUS)),
        other => Err(format!("data that looks like a placeholder: {other:?}")),
    }
}

/// Packet from `{"type":2,"nsp":"/","id":1,"data":[…]}` with marked values.
pub(super) fn packet_of(given: &Value) -> Result<Packet, String> {
    let number = |key| given.get(key).and_then(Value::as_number);
    let namespace = text_of(given, "nsp").unwrap_or("/");
    let id = number("id").and_then(Number::as_u64);
    let data = given.get("data").map(meant_by).transpose()?.flatten();
    let body = match (number("type").and_then(Number::as_u64), data) {
        (Some(0), data) => Body::Connect(data),
        (Some(1), None) => Body::Disconnect,
        (Some(2), Some(Value::Array(items))) => {
            let mut items = items.into_iter();
            let name = match items.next() {
                Some(Value::String(text)) => EventName::from(text),
                Some(Value::Number(number)) => EventName::from(number),
                _ => return Err("an event without a name".to_owned()),
            };
            let args = items.collect();
            Body::Event { id, name, args }
        }
        (Some(3), Some(Value::Array(args))) => Body::Ack {
            id: id.ok_or("an ack without an id")?,
            args,
        },
        (Some(4), data) => Body::ConnectError(data),
        _ => return Err(format!("not a packet: {}", shown(given))),
    };
    Ok(Packet::new(namespace, body))
}

/// JSON in the payload of a text frame, for the rules.
pub(super) fn payload_of(text: &str) -> Option<Value> {
    json::parse(text, usize::MAX).ok()
}
