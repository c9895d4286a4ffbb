//! Engine.IO protocol 4: packets, polling payloads and the handshake.
//!
//! Specification: <https://socket.io/docs/v4/engine-io-protocol/>
//!
//! ```text
//! <type digit>[<data>]        text
//! <bytes>                     binary message on a WebSocket
//! b<base64>                   binary message where only text can be sent (polling)
//! ```

mod base64;
mod handshake;
pub mod polling_payload;

pub use handshake::{Handshake, HandshakeError};

use crate::socketio::codec::Frame;

/// Packet of Engine.IO 4.
///
/// ```
/// use pesan::socketio::engine::Packet;
/// assert_eq!(Packet::decode("2probe".into()), Ok(Packet::Ping("probe".to_owned())));
/// assert_eq!(Packet::Upgrade.into_frame(), "5".into());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// `0`: first packet of a session, with the handshake as JSON.
    Open(String),
    /// `1`: the session ends.
    Close,
    /// `2`: heartbeat of the server, or the probe of an upgrade.
    Ping(String),
    /// `3`: the client's reply.
    Pong(String),
    /// `4`, or a binary frame: a message of the layer above.
    Message(Frame),
    /// `5`: the session continues on this transport.
    Upgrade,
    /// `6`: ends a pending poll without data.
    Noop,
}

/// Why a frame is not an Engine.IO packet.
///
/// ```
/// use pesan::socketio::engine::{Packet, PacketError};
/// assert_eq!(Packet::decode("7".into()), Err(PacketError::UnknownType('7')));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// The frame is empty.
    #[error("empty packet")]
    Empty,
    /// The first character is not a packet type.
    #[error("unknown packet type '{0}'")]
    UnknownType(char),
    /// The text after `b` is not base64.
    #[error("invalid base64 in a binary packet")]
    Base64,
}

/// Packet type, as the first character of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PacketKind {
    Open,
    Close,
    Ping,
    Pong,
    Message,
    Upgrade,
    Noop,
    Binary,
}

/// Splits a text into packet type and data.
pub(crate) fn split(text: &str) -> Result<(PacketKind, &str), PacketError> {
    let mut chars = text.chars();
    let kind = match chars.next() {
        Some('0') => PacketKind::Open,
        Some('1') => PacketKind::Close,
        Some('2') => PacketKind::Ping,
        Some('3') => PacketKind::Pong,
        Some('4') => PacketKind::Message,
        Some('5') => PacketKind::Upgrade,
        Some('6') => PacketKind::Noop,
        Some('b') => PacketKind::Binary,
        Some(other) => return Err(PacketError::UnknownType(other)),
        None => return Err(PacketError::Empty),
    };
    Ok((kind, chars.as_str()))
}

/// Decodes a binary message from base64.
pub(crate) fn binary(data: &str) -> Result<Frame, PacketError> {
    let bytes = base64::decode_base64(data).ok_or(PacketError::Base64)?;
    Ok(Frame::Binary(bytes))
}

impl Packet {
    /// Decodes one packet. Data after packet types without data is ignored, as in the official client.
    ///
    /// ```
    /// use pesan::socketio::engine::Packet;
    /// assert_eq!(Packet::decode("4halo".into()), Ok(Packet::Message("halo".into())));
    /// assert_eq!(Packet::decode(vec![1].into()), Ok(Packet::Message(vec![1].into())));
    /// ```
    ///
    /// # Errors
    /// [`PacketError`] for an empty text, an unknown type or invalid base64.
    pub fn decode(frame: Frame) -> Result<Self, PacketError> {
        match frame {
            Frame::Binary(bytes) => Ok(Self::Message(Frame::Binary(bytes))),
            Frame::Text(text) => Self::decode_text(&text),
        }
    }

    /// Decodes one packet from borrowed text, such as part of a payload.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_text(text: &str) -> Result<Self, PacketError> {
        let (kind, data) = split(text)?;
        Ok(match kind {
            PacketKind::Open => Self::Open(data.to_owned()),
            PacketKind::Close => Self::Close,
            PacketKind::Ping => Self::Ping(data.to_owned()),
            PacketKind::Pong => Self::Pong(data.to_owned()),
            PacketKind::Message => Self::Message(Frame::from(data)),
            PacketKind::Upgrade => Self::Upgrade,
            PacketKind::Noop => Self::Noop,
            PacketKind::Binary => Self::Message(binary(data)?),
        })
    }

    /// Encodes the packet as one WebSocket frame.
    ///
    /// ```
    /// use pesan::socketio::engine::Packet;
    /// assert_eq!(Packet::Pong("probe".to_owned()).encode(), "3probe".into());
    /// ```
    #[must_use]
    pub fn encode(&self) -> Frame {
        if let Self::Message(Frame::Binary(bytes)) = self {
            return Frame::Binary(bytes.clone());
        }
        let mut text = String::new();
        self.encode_text_into(&mut text);
        Frame::Text(text)
    }

    /// Converts the packet to one WebSocket frame, reusing its memory.
    #[must_use]
    pub fn into_frame(self) -> Frame {
        let (kind, mut text) = match self {
            Self::Message(Frame::Binary(bytes)) => return Frame::Binary(bytes),
            Self::Open(data) => ('0', data),
            Self::Close => ('1', String::new()),
            Self::Ping(data) => ('2', data),
            Self::Pong(data) => ('3', data),
            Self::Message(Frame::Text(text)) => ('4', text),
            Self::Upgrade => ('5', String::new()),
            Self::Noop => ('6', String::new()),
        };
        text.insert(0, kind);
        Frame::Text(text)
    }

    /// Appends the text form; nothing for a binary message, which has none.
    pub(super) fn encode_text_into(&self, out: &mut String) {
        let (kind, data) = match self {
            Self::Open(data) => ('0', data.as_str()),
            Self::Close => ('1', ""),
            Self::Ping(data) => ('2', data.as_str()),
            Self::Pong(data) => ('3', data.as_str()),
            Self::Message(Frame::Text(text)) => ('4', text.as_str()),
            Self::Message(Frame::Binary(_)) => return,
            Self::Upgrade => ('5', ""),
            Self::Noop => ('6', ""),
        };
        out.reserve(1 + data.len());
        out.push(kind);
        out.push_str(data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_packet_round_trip_is_unchanged() {
        for packet in [
            Packet::Open("{}".to_owned()),
            Packet::Close,
            Packet::Ping("probe".to_owned()),
            Packet::Pong(String::new()),
            Packet::Message(Frame::from("é\u{1e}")),
            Packet::Message(Frame::from("")),
            Packet::Message(Frame::from(vec![4, 1])),
            Packet::Upgrade,
            Packet::Noop,
        ] {
            assert_eq!(Packet::decode(packet.encode()), Ok(packet.clone()));
            assert_eq!(packet.encode(), packet.into_frame());
        }
    }

    #[test]
    fn engine_packet_with_invalid_type_is_refused() {
        for (text, error) in [
            ("", PacketError::Empty),
            ("7", PacketError::UnknownType('7')),
            (" 4a", PacketError::UnknownType(' ')),
            ("é", PacketError::UnknownType('é')),
            ("b!", PacketError::Base64),
        ] {
            assert_eq!(Packet::decode(Frame::from(text)), Err(error), "{text:?}");
        }
    }

    #[test]
    fn engine_packet_without_data_ignores_trailing_text() {
        assert_eq!(Packet::decode_text("1abc"), Ok(Packet::Close));
        assert_eq!(Packet::decode_text("6x"), Ok(Packet::Noop));
    }
}
