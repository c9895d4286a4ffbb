//! WebSocket connection of a client: reads into a buffer shared by all connections of a thread.
//!
//! [`frame`] has the wire format, [`deflate`] the compression.

pub(crate) mod deflate;
pub(crate) mod frame;

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::config::Deflate;
use frame::{Decoder, FrameError, InboundFrame};

/// Size of the shared read buffer.
const BUFFER: usize = 64 << 10;

/// Bytes accepted and discarded after the close frame, before the socket is dropped.
const MAX_DISCARDED: usize = 1 << 20;

thread_local! {
    static SHARED: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// WebSocket after the HTTP upgrade.
pub(crate) struct WebSocket {
    socket: RawSocket,
    decoder: Decoder,
    /// Bytes that were read and not handled: an incomplete frame, or messages that wait for the session.
    buffered: Vec<u8>,
    deflate: Option<Deflate>,
    /// Bytes received after the close frame.
    discarded: usize,
}

/// Socket below the frames.
enum RawSocket {
    /// Plain TCP. The write half moves to the connection state, so that the hub can write.
    Tcp {
        read: OwnedReadHalf,
        write: Option<OwnedWriteHalf>,
    },
    /// Any other stream, such as TLS: only the session task can write.
    Stream(Box<Stream>),
}

/// Stream that is not plain TCP.
struct Stream {
    io: TokioIo<Upgraded>,
    /// Short frame to send before anything else.
    short: Bytes,
    needs_flush: bool,
}

/// Completes when a socket that is not read was reset.
pub(crate) type ResetWatch = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whether to continue after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadControl {
    /// Continue.
    Continue,
    /// Stop, and buffer the rest.
    Stop,
}

/// Why reading ended.
#[derive(Debug)]
pub(crate) enum ReadEnd {
    /// End of the stream.
    Eof,
    /// Error of the stream.
    Io(io::Error),
    /// Violation of the protocol.
    Frame(FrameError),
}

impl WebSocket {
    /// WebSocket on a connection that hyper has upgraded.
    pub(crate) fn new(upgraded: Upgraded, max: usize, deflate: Option<Deflate>) -> Self {
        let (socket, buffered) = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => {
                let (read, write) = parts.io.into_inner().into_split();
                let write = Some(write);
                (RawSocket::Tcp { read, write }, parts.read_buf.to_vec())
            }
            Err(upgraded) => {
                let stream = Stream {
                    io: TokioIo::new(upgraded),
                    short: Bytes::new(),
                    needs_flush: false,
                };
                (RawSocket::Stream(Box::new(stream)), Vec::new())
            }
        };
        Self {
            socket,
            decoder: Decoder::new(max, deflate.is_some()),
            buffered,
            deflate,
            discarded: 0,
        }
    }

    /// Compression settings, if it was negotiated.
    pub(crate) fn deflate(&self) -> Option<Deflate> {
        self.deflate
    }

    /// Whether only the session task can write: the socket is not plain TCP.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.socket, RawSocket::Stream(_))
    }

    /// Takes the write half of a TCP socket; from then on the connection state writes.
    pub(crate) fn take_write_half(&mut self) -> Option<OwnedWriteHalf> {
        match &mut self.socket {
            RawSocket::Tcp { write, .. } => write.take(),
            RawSocket::Stream(_) => None,
        }
    }

    /// Bytes that were read and not handled.
    pub(crate) fn held_bytes(&self) -> usize {
        self.buffered.capacity() + self.decoder.held_bytes()
    }

    /// Drops what was read and not handled.
    pub(crate) fn clear(&mut self) {
        self.buffered = Vec::new();
        self.decoder.reset();
    }

    /// Changes the size limit of messages.
    pub(crate) fn set_max(&mut self, max: usize) {
        self.decoder.set_max(max);
    }

    /// Whether bytes were read and not handled.
    pub(crate) fn has_buffered(&self) -> bool {
        !self.buffered.is_empty()
    }

    /// Calls `each` with the messages in the buffered bytes.
    pub(crate) fn read_buffered(
        &mut self,
        each: &mut dyn FnMut(InboundFrame<'_>) -> ReadControl,
    ) -> Result<ReadControl, ReadEnd> {
        let mut buffered = std::mem::take(&mut self.buffered);
        let (used, flow) = decode_all(&mut self.decoder, &mut buffered, each)?;
        if used < buffered.len() {
            buffered.drain(..used);
            self.buffered = buffered;
        }
        Ok(flow)
    }

    /// Reads once and calls `each` with the messages. Pending: no data, and the waker is registered.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        each: &mut dyn FnMut(InboundFrame<'_>) -> ReadControl,
    ) -> Poll<Result<ReadControl, ReadEnd>> {
        self.poll_buffer(cx, |ws, bytes| ws.handle(bytes, each))
            .map(|read| read.unwrap_or_else(|error| Err(ReadEnd::Io(error))))
    }

    /// Reads once into the shared buffer and calls `take` with the data.
    fn poll_buffer<T>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut Self, &mut [u8]) -> T,
    ) -> Poll<io::Result<T>> {
        let mut shared = SHARED
            .take()
            .unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice());
        let mut buffer = ReadBuf::new(&mut shared);
        let polled = match &mut self.socket {
            RawSocket::Tcp { read, .. } => Pin::new(read).poll_read(cx, &mut buffer),
            RawSocket::Stream(stream) => Pin::new(&mut stream.io).poll_read(cx, &mut buffer),
        };
        let result = polled.map_ok(|()| take(self, buffer.filled_mut()));
        SHARED.set(Some(shared));
        result
    }

    fn handle(
        &mut self,
        bytes: &mut [u8],
        each: &mut dyn FnMut(InboundFrame<'_>) -> ReadControl,
    ) -> Result<ReadControl, ReadEnd> {
        if bytes.is_empty() {
            return Err(ReadEnd::Eof);
        }
        if !self.buffered.is_empty() {
            self.buffered.extend_from_slice(bytes);
            return self.read_buffered(each);
        }
        let (used, flow) = decode_all(&mut self.decoder, bytes, each)?;
        self.buffered
            .extend_from_slice(bytes.get(used..).unwrap_or_default());
        Ok(flow)
    }

    /// Watches for a reset while the socket is not read, as unread data would hide it. Over TLS a reset is only noticed at
    /// the next write.
    pub(crate) fn watch_reset(&self) -> Option<ResetWatch> {
        match &self.socket {
            RawSocket::Tcp { read, .. } => {
                let stream: &TcpStream = read.as_ref();
                // The future owns a second descriptor of the same socket.
                let copy = SockRef::from(stream).try_clone();
                let copy = copy
                    .and_then(|socket| TcpStream::from_std(socket.into()))
                    .inspect_err(|error| tracing::debug!(%error, "socket cannot be watched for a reset"))
                    .ok()?;
                Some(Box::pin(async move {
                    drop(copy.ready(Interest::ERROR).await);
                }))
            }
            RawSocket::Stream(_) => None,
        }
    }

    /// Discards incoming data until the client closes its side or exceeds [`MAX_DISCARDED`]; for a closing socket.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.buffered = Vec::new();
        let read = ready!(self.poll_buffer(cx, |_, bytes| bytes.len())).unwrap_or(0);
        self.discarded += read;
        if read == 0 || self.discarded > MAX_DISCARDED {
            return Poll::Ready(());
        }
        // Other tasks run first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes a short frame at once, before the socket belongs to a connection. Returns `false` if that is not possible.
    pub(crate) fn write_short(&mut self, cx: &mut Context<'_>, frame: &Bytes) -> bool {
        match &mut self.socket {
            RawSocket::Tcp { write, .. } => write
                .as_ref()
                .is_some_and(|write| write.try_write(frame).is_ok_and(|written| written == frame.len())),
            RawSocket::Stream(stream) => {
                stream.short = frame.clone();
                // A pending flush is completed by the next one, but a frame written in part would be lost.
                !matches!(stream.poll_send(cx, |_| None), Poll::Ready(Err(_))) && stream.short.is_empty()
            }
        }
    }

    /// Sends the chunks that `next` returns, for a stream that only the session task can write to. `next` gets the number
    /// of bytes of its previous chunk that the stream has accepted.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        next: impl FnMut(usize) -> Option<Bytes>,
    ) -> Poll<io::Result<()>> {
        match &mut self.socket {
            RawSocket::Tcp { .. } => Poll::Ready(Ok(())),
            RawSocket::Stream(stream) => stream.poll_send(cx, next),
        }
    }

    /// Shuts down the writing side of a stream; a TCP write half is shut down when it is dropped.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.socket {
            RawSocket::Tcp { .. } => Poll::Ready(()),
            RawSocket::Stream(stream) => Pin::new(&mut stream.io).poll_shutdown(cx).map(drop),
        }
    }
}

impl Stream {
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        mut next: impl FnMut(usize) -> Option<Bytes>,
    ) -> Poll<io::Result<()>> {
        while !self.short.is_empty() {
            let short = std::mem::take(&mut self.short);
            let written = self.poll_write(cx, &short);
            self.short = short;
            self.short.advance(ready!(written)?);
        }
        let mut written = 0;
        while let Some(chunk) = next(written) {
            written = ready!(self.poll_write(cx, &chunk))?;
        }
        if self.needs_flush {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.needs_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.needs_flush = true;
        Poll::Ready(Ok(written))
    }
}

/// Calls `each` with all complete messages in `bytes`; returns the number of bytes used.
fn decode_all(
    decoder: &mut Decoder,
    bytes: &mut [u8],
    each: &mut dyn FnMut(InboundFrame<'_>) -> ReadControl,
) -> Result<(usize, ReadControl), ReadEnd> {
    let mut used = 0;
    while let Some(rest) = bytes.get_mut(used..) {
        match decoder.decode(rest, &mut used).map_err(ReadEnd::Frame)? {
            None => break,
            Some(incoming) => {
                if each(incoming) == ReadControl::Stop {
                    return Ok((used, ReadControl::Stop));
                }
            }
        }
    }
    Ok((used, ReadControl::Continue))
}
