//! WebSocket transport: one tokio-tungstenite socket in its own task.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt, TryStreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, client_async_tls_with_config};

use super::cookies::Cookies;
use super::frame_channel::{ByteBudget, FrameReceiver};
use super::http::headers;
use crate::socketio::codec::Frame;
use crate::socketio::proto::{CloseInfo, FrameKind};
use crate::socketio::transport::events::{TransportEvent, TransportEventSink};

/// Longest wait for the pong to the ping that separates events from a DISCONNECT or the end of the session.
///
/// The official server handles an event in a later tick than it reads it, and drops it when it has read a DISCONNECT by
/// then. Its pong confirms that it has read everything before the ping.
const PONG_TIMEOUT: Duration = Duration::from_secs(5);

/// Server and settings of a WebSocket.
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) protocols: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) ca: Vec<u8>,
    pub(crate) cookies: Cookies,
    pub(crate) max_frame_bytes: usize,
}

/// Sends the frames of the channel and reports received ones. Ends when either side closes; when the sender is dropped,
/// queued frames are still sent.
pub(crate) async fn run(target: Target, frames: FrameReceiver, events: TransportEventSink) {
    if let Some(info) = run_session(target, frames, &events).await {
        events.send(TransportEvent::Closed(info));
    }
}

/// Runs the connection; returns how it ended, `None` if the client closed it.
async fn run_session(
    target: Target,
    mut frames: FrameReceiver,
    events: &TransportEventSink,
) -> Option<CloseInfo> {
    let config = WebSocketConfig::default()
        .read_buffer_size(16 << 10)
        .write_buffer_size(16 << 10)
        .max_message_size(Some(target.max_frame_bytes))
        .max_frame_size(Some(target.max_frame_bytes));
    let request = match request(&target) {
        Ok(request) => request,
        Err(error) => return Some(CloseInfo::failed(error)),
    };
    let tls = match super::tls::config(&target.ca) {
        Ok(tls) => Connector::Rustls(tls),
        Err(error) => return Some(CloseInfo::failed(error)),
    };
    let budget = Arc::clone(&frames.budget);
    let connect = async {
        let stream = CountingStream::connect(request.uri(), Arc::clone(&budget)).await?;
        client_async_tls_with_config(request, stream, Some(config), Some(tls)).await
    };
    let (stream, response) = tokio::select! {
        connected = connect => match connected {
            Ok(connected) => connected,
            Err(error) => return Some(failed(&error)),
        },
        // Nothing is sent before the socket is open, so this means that the sender was dropped.
        frame = frames.recv() => return frame.map(|_| CloseInfo::failed("frame sent before the socket was open")),
    };
    target.cookies.store(&target.url, response.headers());
    events.send(TransportEvent::Opened);

    let (mut sink, mut source) = stream.split();
    let pong = Notify::new();
    let write = async {
        // Whether data was sent that the server may not have read yet.
        let mut unread = false;
        while let Some(first) = frames.recv().await {
            let (mut next, mut size) = (Some(first), 0);
            while let Some(frame) = next {
                size += frame.len();
                match FrameKind::of(&frame) {
                    FrameKind::Leaving if unread => {
                        sink.send(Message::Ping(Bytes::new())).await?;
                        wait_for(&pong).await;
                        unread = false;
                    }
                    FrameKind::Data => unread = true,
                    FrameKind::Leaving | FrameKind::Other => {}
                }
                sink.feed(message(frame)).await?;
                next = frames.try_recv();
            }
            sink.flush().await?;
            budget.release(size);
        }
        if unread {
            sink.send(Message::Ping(Bytes::new())).await?;
            wait_for(&pong).await;
        }
        sink.send(Message::Close(None)).await
    };
    let read = async {
        loop {
            events.wait_for_capacity().await;
            match source.try_next().await {
                Ok(Some(Message::Text(text))) => {
                    events.send(TransportEvent::Frame(Frame::Text(text.as_str().to_owned())));
                }
                Ok(Some(Message::Binary(bytes))) => {
                    events.send(TransportEvent::Frame(Frame::Binary(bytes.into())));
                }
                Ok(Some(Message::Close(Some(CloseFrame { code, reason })))) => {
                    return CloseInfo::closed(code.into(), reason.as_str());
                }
                Ok(Some(Message::Close(None))) => return CloseInfo::closed(1005, ""),
                Ok(Some(Message::Pong(_))) => pong.notify_one(),
                Ok(Some(Message::Ping(_) | Message::Frame(_))) => {}
                Ok(None) => return CloseInfo::closed(1006, ""),
                Err(error) => return lost(&error),
            }
        }
    };
    tokio::select! {
        ended = read => Some(ended),
        Err(error) = write => Some(lost(&error)),
        () = budget.drained() => None,
    }
}

/// Waits for the server's pong, for a limited time.
async fn wait_for(pong: &Notify) {
    if timeout(PONG_TIMEOUT, pong.notified()).await.is_err() {
        // The server is slow or does not answer pings: continue anyway.
    }
}

/// Failed to open, or violated the protocol.
fn failed(error: &Error) -> CloseInfo {
    let info = super::http::failed(error);
    match error {
        Error::Http(response) => info.with_code(response.status().as_u16()),
        _ => info,
    }
}

/// Lost connections count as closed, as in a browser; all other errors are failures.
fn lost(error: &Error) -> CloseInfo {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            CloseInfo::closed(1006, error.to_string())
        }
        _ => failed(error),
    }
}

fn request(target: &Target) -> Result<Request, String> {
    let mut request = target
        .url
        .as_str()
        .into_client_request()
        .map_err(|error| error.to_string())?;
    let map = request.headers_mut();
    let protocols = target.protocols.join(", ");
    let protocols = (!protocols.is_empty()).then_some(("sec-websocket-protocol".to_owned(), protocols));
    // These replace the defaults of the handshake; a name given several times is sent several times.
    map.extend(headers(&target.headers)?);
    map.extend(headers(protocols.as_slice())?);
    target.cookies.add(&target.url, map);
    Ok(request)
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::text(text),
        Frame::Binary(bytes) => Message::binary(bytes),
    }
}

/// TCP stream that records how much was written. For a frame that takes minutes nothing else shows progress.
struct CountingStream {
    tcp: TcpStream,
    budget: Arc<ByteBudget>,
}

impl CountingStream {
    /// Connects to the host of a URL; the scheme determines the default port.
    async fn connect(url: &Uri, budget: Arc<ByteBudget>) -> io::Result<Self> {
        let host = url.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let usual = if url.scheme_str() == Some("wss") { 443 } else { 80 };
        let tcp = TcpStream::connect((host, url.port_u16().unwrap_or(usual))).await?;
        tcp.set_nodelay(true)?;
        Ok(Self { tcp, budget })
    }
}

impl AsyncRead for CountingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for CountingStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = written {
            self.budget.record_written(written);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_given_twice_is_sent_twice_and_replaces_the_default() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let target = Target {
            url: "ws://a.b/socket.io/".to_owned(),
            protocols: vec!["one".to_owned(), "two".to_owned()],
            headers: vec![pair("X-Via", "a"), pair("host", "c.d"), pair("x-via", "b")],
            ca: Vec::new(),
            cookies: Cookies::default(),
            max_frame_bytes: 1,
        };
        let request = request(&target).expect("legal headers");
        let all = |name: &str| -> Vec<_> { request.headers().get_all(name).iter().collect() };
        assert_eq!(all("x-via"), ["a", "b"]);
        assert_eq!(all("host"), ["c.d"]);
        assert_eq!(all("sec-websocket-protocol"), ["one, two"]);
    }
}
