//! One Engine.IO packet and its form on a transport.
//!
//! ```text
//! <type digit>[<data>]        text
//! <bytes>                     binary message on a WebSocket
//! b<base64>                   binary message where only text can travel (polling)
//! ```

use std::fmt;

use crate::socketio::Frame;

/// Packet of Engine.IO 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// `0`: first packet of a session, with the handshake as JSON.
    Open(String),
    /// `1`: the session ends.
    Close,
    /// `2`: heartbeat of the server, or the probe of an upgrade.
    Ping(String),
    /// `3`: the client's answer.
    Pong(String),
    /// `4`, or a binary frame: what the layer above sent.
    Message(Frame),
    /// `5`: from now on this transport.
    Upgrade,
    /// `6`: empties a poll that waits.
    Noop,
}

/// Why a frame is not an Engine.IO packet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacketError {
    /// Frame without a byte.
    Empty,
    /// First character is no packet type.
    UnknownType(char),
    /// Text after `b` is not base64.
    Base64,
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "empty packet"),
            Self::UnknownType(found) => write!(f, "unknown packet type '{found}'"),
            Self::Base64 => write!(f, "invalid base64 in a binary packet"),
        }
    }
}

impl std::error::Error for PacketError {}

impl Packet {
    /// Reads one packet; text after packets that carry none is ignored, as the official parser does.
    ///
    /// # Errors
    /// [`PacketError`] for an empty text, an unknown type or wrong base64.
    pub fn decode(frame: Frame) -> Result<Self, PacketError> {
        let text = match frame {
            Frame::Binary(bytes) => return Ok(Self::Message(Frame::Binary(bytes))),
            Frame::Text(text) => text,
        };
        let mut chars = text.chars();
        let Some(kind) = chars.next() else {
            return Err(PacketError::Empty);
        };
        let data = chars.as_str();
        match kind {
            '0' => Ok(Self::Open(data.to_owned())),
            '1' => Ok(Self::Close),
            '2' => Ok(Self::Ping(data.to_owned())),
            '3' => Ok(Self::Pong(data.to_owned())),
            '4' => {
                let mut text = text;
                text.remove(0);
                Ok(Self::Message(Frame::Text(text)))
            }
            '5' => Ok(Self::Upgrade),
            '6' => Ok(Self::Noop),
            'b' => super::payload::decode_base64(data)
                .map(|bytes| Self::Message(Frame::Binary(bytes)))
                .ok_or(PacketError::Base64),
            other => Err(PacketError::UnknownType(other)),
        }
    }

    /// Writes the packet as one WebSocket frame.
    #[must_use]
    pub fn encode(&self) -> Frame {
        Frame::Text(match self {
            Self::Open(data) => format!("0{data}"),
            Self::Close => "1".to_owned(),
            Self::Ping(data) => format!("2{data}"),
            Self::Pong(data) => format!("3{data}"),
            Self::Message(Frame::Text(text)) => format!("4{text}"),
            Self::Message(Frame::Binary(bytes)) => return Frame::Binary(bytes.clone()),
            Self::Upgrade => "5".to_owned(),
            Self::Noop => "6".to_owned(),
        })
    }
}
