//! What is asked of each decoder of the transport, for any bytes. Not for programs: the fuzzers of `tests/fuzz` call it.

use super::deflate;
use super::request::{HandshakeRequest, parse_query};
use super::wire::{Decoder, Incoming, WireError};

/// What a decoder made of some bytes.
#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    found: Vec<String>,
    error: Option<WireError>,
    left: usize,
}

/// Frames of a client, in pieces of `size` bytes, as a socket gives them.
fn decode(data: &[u8], size: usize, max: usize, deflate: bool) -> Decoded {
    let mut decoder = Decoder::new(max, deflate);
    let mut held = Vec::new();
    let mut decoded = Decoded {
        found: Vec::new(),
        error: None,
        left: 0,
    };
    for piece in data.chunks(size.max(1)) {
        held.extend_from_slice(piece);
        loop {
            let mut used = 0;
            match decoder.decode(&mut held, &mut used) {
                Ok(Some(incoming)) => {
                    let len = match &incoming {
                        Incoming::Text(text) => text.len(),
                        Incoming::Binary(data) => data.len(),
                        Incoming::Ping(data) => data.len(),
                        Incoming::Close(_) | Incoming::Nothing => 0,
                    };
                    assert!(len <= max.max(125), "a message of {len} bytes beyond {max}");
                    decoded.found.push(format!("{incoming:?}"));
                }
                Ok(None) => {
                    assert_eq!(used, 0);
                    break;
                }
                Err(error) => {
                    decoded.error = Some(error);
                    return decoded;
                }
            }
            assert!(used > 0, "a frame takes at least its head");
            held.drain(..used);
        }
        assert!(
            decoder.held_bytes() <= 2 * max.max(64),
            "more is held than one message"
        );
    }
    decoded.left = held.len();
    decoded
}

/// Frames of a WebSocket. The first byte says whether compression was agreed on, how the rest is cut, and the limit.
pub fn frames(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else {
        return;
    };
    let deflate = choice & 1 != 0;
    let max = if choice & 2 == 0 { 1 << 16 } else { 64 };
    let whole = decode(data, data.len(), max, deflate);
    let size = usize::from(choice >> 2) % 17 + 1;
    assert_eq!(decode(data, size, max, deflate), whole);
}

/// A compressed message. The first two bytes are the limit.
pub fn inflate(data: &[u8]) {
    let Some((limit, data)) = data.split_first_chunk() else {
        return;
    };
    let max = usize::from(u16::from_be_bytes(*limit));
    match deflate::inflate(data, max) {
        Ok(message) => {
            assert!(message.len() <= max);
            let again = deflate::inflate(&deflate::compress(&message, 3), max);
            assert_eq!(again.as_ref(), Ok(&message));
            if let Some(less) = message.len().checked_sub(1) {
                assert_eq!(
                    deflate::inflate(data, less),
                    Err(WireError::TooLarge { limit: less })
                );
            }
        }
        Err(WireError::TooLarge { limit }) => assert_eq!(limit, max),
        Err(error) => assert_eq!(error, WireError::Inflate),
    }
}

/// Query of a request.
pub fn query(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let pairs = parse_query(text);
    assert!(pairs.len() <= text.split('&').count());
    let escape = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let again: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{}={}", escape(key), escape(value)))
        .collect();
    assert_eq!(parse_query(&again.join("&")), pairs);
    // and as a part of a whole request
    let Ok(request) = http::Request::get(format!("/socket.io/?{text}")).body(()) else {
        return;
    };
    let (parts, ()) = request.into_parts();
    let handshake = HandshakeRequest::new(&parts);
    for (key, _) in &handshake.query {
        let last = handshake.query.iter().rfind(|(other, _)| other == key);
        assert_eq!(handshake.param(key), last.map(|(_, value)| &**value));
    }
}
