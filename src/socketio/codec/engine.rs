//! Engine.IO protocol 4: packets, polling payloads and the handshake.
//!
//! Specification: <https://socket.io/docs/v4/engine-io-protocol/>

pub mod handshake;
pub mod packet;
pub mod polling_payload;

pub use handshake::{Handshake, HandshakeError};
pub use packet::{Packet, PacketError};
