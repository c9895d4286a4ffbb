//! Stands for TLS without the feature `tls`: there is no value of it.

use std::io;

use tokio::net::TcpStream;

/// TLS of the server, which does not exist without the feature `tls`.
#[derive(Debug, Clone)]
pub enum Tls {}

pub(super) type TlsStream = TcpStream;

impl Tls {
    #[expect(clippy::unused_async, reason = "as with the feature")]
    pub(super) async fn handshake(&self, _: TcpStream) -> io::Result<TlsStream> {
        match *self {}
    }
}
