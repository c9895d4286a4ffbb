//! Which wire format packets have. Both ends must use the same; nothing on the wire says which.

#[cfg(feature = "msgpack")]
use super::msgpack;
use super::packet::EncodeError;
use super::{Decoder, Frame, Limits, Packet};

/// Wire format of packets: the official default, or msgpack.
///
/// ```
/// use pesan::socketio::{Decoded, Limits, Packet, Parser, packet::Body};
///
/// let parser = Parser::default();
/// let packet = Packet::new("/", Body::event("pesan", vec!["halo".into()]));
/// let frames = parser.encode(&packet);
/// assert_eq!(frames, [r#"2["pesan","halo"]"#.into()]);
///
/// let mut decoder = parser.decoder(Limits::default());
/// for frame in frames {
///     assert_eq!(decoder.decode(frame), Ok(Decoded::Packet(packet.clone())));
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Parser {
    /// One text frame, then one binary frame for each attachment; as `socket.io-parser`.
    #[default]
    Default,
    /// One binary frame; as `socket.io-msgpack-parser`.
    #[cfg(feature = "msgpack")]
    Msgpack,
}

impl Parser {
    /// Decoder of one connection in this format.
    #[must_use]
    pub fn decoder(self, limits: Limits) -> Decoder {
        Decoder::with_parser(limits, self)
    }

    /// Frames of a packet, in the order of the wire.
    #[must_use]
    pub fn encode(self, packet: &Packet) -> Vec<Frame> {
        match self {
            Self::Default => packet.encode().frames(),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => vec![Frame::Binary(msgpack::encode(packet))],
        }
    }

    /// Says whether the receiver would get other data than this.
    ///
    /// # Errors
    /// [`EncodeError`] if so; msgpack can carry all data.
    pub fn check(self, packet: &Packet) -> Result<(), EncodeError> {
        match self {
            Self::Default => packet.check(),
            #[cfg(feature = "msgpack")]
            Self::Msgpack if packet.namespace.starts_with('/') => Ok(()),
            #[cfg(feature = "msgpack")]
            Self::Msgpack => Err(EncodeError::Namespace(packet.namespace.clone())),
        }
    }
}
