//! The body of a polling request or response: packets parted by U+001E, binary as base64.

use super::{Packet, PacketError};
use crate::socketio::{Frame, Limits};

/// What parts two packets of a payload.
pub const SEPARATOR: char = '\u{1e}';

/// Why a payload was refused. What was read before the fault is not handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// One of the packets is wrong.
    Packet {
        /// Place of the packet, from 0.
        index: usize,
        /// What is wrong with it.
        error: PacketError,
    },
    /// More packets than [`Limits::max_payload_packets`].
    TooManyPackets {
        /// Limit that was exceeded.
        limit: usize,
    },
}

impl std::fmt::Display for PayloadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Packet { index, error } => write!(f, "packet {index} of the payload: {error}"),
            Self::TooManyPackets { limit } => write!(f, "more than {limit} packets in a payload"),
        }
    }
}

impl std::error::Error for PayloadError {}

/// Reads all packets of a body.
///
/// # Errors
/// [`PayloadError`] at the first packet that is wrong, or beyond the limit.
pub fn decode(body: &str, limits: &Limits) -> Result<Vec<Packet>, PayloadError> {
    let mut packets = Vec::new();
    for (index, text) in body.split(SEPARATOR).enumerate() {
        if index >= limits.max_payload_packets {
            return Err(PayloadError::TooManyPackets {
                limit: limits.max_payload_packets,
            });
        }
        let packet =
            Packet::decode(Frame::from(text)).map_err(|error| PayloadError::Packet { index, error })?;
        packets.push(packet);
    }
    Ok(packets)
}

/// Appends one packet to a body, parted from what is there already.
pub fn encode_into(body: &mut String, packet: &Packet) {
    if !body.is_empty() {
        body.push(SEPARATOR);
    }
    match packet.encode() {
        Frame::Text(text) => body.push_str(&text),
        Frame::Binary(bytes) => {
            body.push('b');
            encode_base64(body, &bytes);
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` as base64 with padding.
pub fn encode_base64(out: &mut String, bytes: &[u8]) {
    let digit = |bits: u32| char::from(ALPHABET.get((bits & 63) as usize).copied().unwrap_or(b'='));
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| chunk.get(place).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.push(digit(bits >> 18));
        out.push(digit(bits >> 12));
        out.push(if chunk.len() > 1 { digit(bits >> 6) } else { '=' });
        out.push(if chunk.len() > 2 { digit(bits) } else { '=' });
    }
}

/// Reads base64 with or without padding, in the standard or the URL-safe alphabet, as Node does; `None` if it is not.
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if digits.len() % 4 == 1 || text.len() - digits.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in digits.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}
