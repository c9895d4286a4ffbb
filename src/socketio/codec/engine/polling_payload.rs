//! The body of a polling request or response: packets separated by U+001E, binary as base64.
//!
//! A U+001E inside a message splits it; that is a limit of the protocol, and JSON always escapes the character.

pub use super::base64::{decode_base64, encode_base64};
use super::{Packet, PacketError};
use crate::socketio::codec::{Frame, Limits};

/// Separator of the packets in a payload.
pub const SEPARATOR: char = '\u{1e}';

/// Why a payload is invalid from some packet on.
///
/// ```
/// use pesan::socketio::{Limits, engine::polling_payload as payload};
/// let error = payload::decode("4a\u{1e}9", &Limits::default()).unwrap_err();
/// assert_eq!(error.to_string(), "packet 1 of the payload: unknown packet type '9'");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// A packet is invalid.
    #[error("packet {index} of the payload: {error}")]
    Packet {
        /// Index of the packet, from 0.
        index: usize,
        /// Why it is invalid.
        error: PacketError,
    },
    /// More packets than [`Limits::max_payload_packets`].
    #[error("more than {limit} packets in a payload")]
    TooManyPackets {
        /// Limit that was exceeded.
        limit: usize,
    },
}

/// Decodes the packets of a body one by one, up to the first error.
///
/// Use it to handle the packets before an error, as the official parser does.
///
/// ```
/// use pesan::socketio::{Limits, engine::{Packet, polling_payload as payload}};
///
/// let limits = Limits::default();
/// let mut packets = payload::packets("2\u{1e}9\u{1e}3", &limits);
/// assert_eq!(packets.next(), Some(Ok(Packet::Ping(String::new()))));
/// assert!(packets.next().is_some_and(|packet| packet.is_err()));
/// assert_eq!(packets.next(), None);
/// ```
#[must_use]
pub fn packets<'b>(body: &'b str, limits: &Limits) -> Packets<'b> {
    Packets {
        rest: Some(body),
        index: 0,
        limit: limits.max_payload_packets,
    }
}

/// Iterator over the packets of a payload, created by [`packets`]. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Packets<'b> {
    rest: Option<&'b str>,
    index: usize,
    limit: usize,
}

impl Iterator for Packets<'_> {
    type Item = Result<Packet, PayloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let index = self.index;
        if index >= self.limit {
            return Some(Err(PayloadError::TooManyPackets { limit: self.limit }));
        }
        let (text, tail) = match rest.split_once(SEPARATOR) {
            Some((text, tail)) => (text, Some(tail)),
            None => (rest, None),
        };
        let packet = Packet::decode_text(text).map_err(|error| PayloadError::Packet { index, error });
        if packet.is_ok() {
            self.rest = tail;
            self.index += 1;
        }
        Some(packet)
    }
}

impl std::iter::FusedIterator for Packets<'_> {}

/// Decodes all packets of a body.
///
/// # Errors
/// [`PayloadError`] for the first packet that is invalid or exceeds the limit; see [`packets`] for those before it.
pub fn decode(body: &str, limits: &Limits) -> Result<Vec<Packet>, PayloadError> {
    packets(body, limits).collect()
}

/// Appends one packet to a body, with a separator if the body is not empty.
///
/// ```
/// use pesan::socketio::engine::{Packet, polling_payload as payload};
///
/// let mut body = String::new();
/// payload::encode_into(&mut body, &Packet::Message("halo".into()));
/// payload::encode_into(&mut body, &Packet::Message(vec![1, 2].into()));
/// assert_eq!(body, "4halo\u{1e}bAQI=");
/// ```
pub fn encode_into(body: &mut String, packet: &Packet) {
    if !body.is_empty() {
        body.push(SEPARATOR);
    }
    match packet {
        Packet::Message(Frame::Binary(bytes)) => {
            body.push('b');
            encode_base64(body, bytes);
        }
        text => text.encode_text_into(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_with_empty_packet_is_refused() {
        let empty = |index| {
            Err(PayloadError::Packet {
                index,
                error: PacketError::Empty,
            })
        };
        let limits = Limits::default();
        assert_eq!(decode("", &limits), empty(0));
        assert_eq!(decode("\u{1e}4a", &limits), empty(0));
        assert_eq!(decode("4a\u{1e}", &limits), empty(1));
    }

    #[test]
    fn payload_with_too_many_packets_is_refused() {
        let limits = Limits {
            max_payload_packets: 2,
            ..Limits::default()
        };
        assert_eq!(decode("6\u{1e}6", &limits).map(|packets| packets.len()), Ok(2));
        assert_eq!(
            decode("6\u{1e}6\u{1e}6", &limits),
            Err(PayloadError::TooManyPackets { limit: 2 })
        );
    }
}
