//! TCP stream that tells how much has left: of a frame that takes minutes, nothing else does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;

use super::frame_channel::Account;

/// Stream to a server.
pub(super) struct Stream {
    tcp: TcpStream,
    account: Arc<Account>,
}

impl Stream {
    /// Connects to the host of an address; its scheme says the port when it does not.
    pub(super) async fn connect(url: &Uri, account: Arc<Account>) -> io::Result<Self> {
        let host = url.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let usual = if url.scheme_str() == Some("wss") { 443 } else { 80 };
        let tcp = TcpStream::connect((host, url.port_u16().unwrap_or(usual))).await?;
        tcp.set_nodelay(true)?;
        Ok(Self { tcp, account })
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = written {
            self.account.moved(written);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
