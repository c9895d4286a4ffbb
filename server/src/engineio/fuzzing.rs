//! Properties of the decoders for arbitrary bytes. Only for the fuzz targets in `tests/fuzz`.

use super::compression::{self, InflateError};
use super::config::Deflate;
use super::handshake::{HandshakeRequest, parse_query};
use super::websocket::frame::{Decoder, FrameError, InboundFrame};

/// Result of decoding some bytes.
#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    found: Vec<String>,
    error: Option<FrameError>,
    left: usize,
}

/// Decodes the frames of a client in chunks of `size` bytes, as from a socket.
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
                        InboundFrame::Text(text) => text.len(),
                        InboundFrame::Binary(data) => data.len(),
                        InboundFrame::Ping(data) => data.len(),
                        InboundFrame::Close(_) | InboundFrame::Nothing => 0,
                    };
                    assert!(
                        len <= max.max(125),
                        "message is {len} bytes; the maximum is {max}"
                    );
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
            assert!(used > 0, "a frame has at least a header");
            held.drain(..used);
        }
        assert!(
            decoder.held_bytes() <= 2 * max.max(64),
            "buffered more than one message"
        );
    }
    decoded.left = held.len();
    decoded
}

/// WebSocket frames. The first byte selects compression, the size of the chunks and the message limit.
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

/// Compressed message. The first two bytes are the size limit.
pub fn inflate(data: &[u8]) {
    let Some((limit, data)) = data.split_first_chunk() else {
        return;
    };
    let max = usize::from(u16::from_be_bytes(*limit));
    match compression::inflate(data, max) {
        Ok(message) => {
            assert!(message.len() <= max);
            let again = compression::inflate(&compression::compress(&message, Deflate::default()), max);
            assert_eq!(again.as_ref(), Ok(&message));
            if let Some(less) = message.len().checked_sub(1) {
                assert_eq!(
                    compression::inflate(data, less),
                    Err(InflateError::TooLarge { limit: less })
                );
            }
        }
        Err(InflateError::TooLarge { limit }) => assert_eq!(limit, max),
        Err(error) => assert_eq!(error, InflateError::Invalid),
    }
}

/// Query string of a request.
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
    // The same query as part of a request.
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
