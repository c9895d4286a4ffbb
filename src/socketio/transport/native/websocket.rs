//! One WebSocket of tokio-tungstenite, in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt, TryStreamExt};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, client_async_tls_with_config};

use super::counting_stream::Stream;
use super::frame_channel::Waiting;
use crate::socketio::Frame;
use crate::socketio::proto::{CloseInfo, FrameKind};
use crate::socketio::transport::{Port, Report};

/// Longest wait for the answer to the ping that goes between events and a DISCONNECT or the end.
///
/// The official server handles an event in a later tick than it reads it, and drops it when it has read a DISCONNECT by
/// then. Its pong says that it has read everything before the ping.
const PONG_TIMEOUT: Duration = Duration::from_secs(5);

/// Where to, and how.
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) protocols: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) ca: Vec<u8>,
    pub(crate) max_frame_bytes: usize,
}

/// Sends what comes out of `outbox` and tells `port` what comes in. Ends when either side closes; when the outbox's
/// sender is dropped, what waits in it is still sent.
pub(crate) async fn run(target: Target, outbox: Waiting, port: Port) {
    if let Some(info) = converse(target, outbox, &port).await {
        port.report(Report::Closed(info));
    }
}

/// How it ended, unless we were the ones who left.
async fn converse(target: Target, mut outbox: Waiting, port: &Port) -> Option<CloseInfo> {
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
    let account = Arc::clone(&outbox.account);
    let connect = async {
        let stream = Stream::connect(request.uri(), Arc::clone(&account)).await?;
        client_async_tls_with_config(request, stream, Some(config), Some(tls)).await
    };
    let (stream, _) = tokio::select! {
        connected = connect => match connected {
            Ok(connected) => connected,
            Err(error) => return Some(failed(&error)),
        },
        // Nothing is sent before the socket is open: this is the sender being dropped.
        frame = outbox.recv() => return frame.map(|_| CloseInfo::failed("a frame before the socket was open")),
    };
    port.report(Report::Opened);

    let (mut sink, mut source) = stream.split();
    let pong = Notify::new();
    let write = async {
        // Whether something was sent that the server may not have read.
        let mut unread = false;
        while let Some(first) = outbox.recv().await {
            let mut next = Some(first);
            while let Some(frame) = next {
                let size = frame.len();
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
                account.sent(size);
                next = outbox.try_recv();
            }
            sink.flush().await?;
        }
        if unread {
            sink.send(Message::Ping(Bytes::new())).await?;
            wait_for(&pong).await;
        }
        sink.send(Message::Close(None)).await
    };
    let read = async {
        loop {
            port.caught_up().await;
            match source.try_next().await {
                Ok(Some(Message::Text(text))) => {
                    port.report(Report::Frame(Frame::Text(text.as_str().to_owned())));
                }
                Ok(Some(Message::Binary(bytes))) => port.report(Report::Frame(Frame::Binary(bytes.into()))),
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
        () = account.abandoned() => None,
    }
}

/// Waits for the server's pong. Without one the goodbye goes all the same.
async fn wait_for(pong: &Notify) {
    if timeout(PONG_TIMEOUT, pong.notified()).await.is_err() {
        // a server that is slow, or does not answer pings
    }
}

/// Could not be opened, or broke the rules.
fn failed(error: &Error) -> CloseInfo {
    let info = CloseInfo::failed(error.to_string());
    match error {
        Error::Http(response) => info.with_code(response.status().as_u16()),
        _ => info,
    }
}

/// An open connection that just ends is closed, as a browser sees it; everything else is a failure.
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
    let headers = request.headers_mut();
    let protocols = target.protocols.join(", ");
    let protocols = (!protocols.is_empty()).then_some(("sec-websocket-protocol".to_owned(), protocols));
    // In the place of those that every handshake has, each as often as it was given.
    headers.extend(super::headers(&target.headers)?);
    headers.extend(super::headers(protocols.as_slice())?);
    Ok(request)
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::text(text),
        Frame::Binary(bytes) => Message::binary(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_goes_as_often_as_it_was_given_and_in_the_place_of_a_usual_one() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let target = Target {
            url: "ws://a.b/socket.io/".to_owned(),
            protocols: vec!["one".to_owned(), "two".to_owned()],
            headers: vec![pair("X-Via", "a"), pair("host", "c.d"), pair("x-via", "b")],
            ca: Vec::new(),
            max_frame_bytes: 1,
        };
        let request = request(&target).expect("legal headers");
        let all = |name: &str| -> Vec<_> { request.headers().get_all(name).iter().collect() };
        assert_eq!(all("x-via"), ["a", "b"]);
        assert_eq!(all("host"), ["c.d"]);
        assert_eq!(all("sec-websocket-protocol"), ["one, two"]);
    }
}
