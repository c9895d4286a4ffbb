//! The socket of a client after its upgrade: reads into a buffer that all connections of a thread share.

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
use super::connection::Line;
use super::wire::{Decoder, Incoming, WireError};

/// Size of the shared read buffer.
const BUFFER: usize = 64 << 10;

/// What may come after the end, before the client is cut off: what was under way when it heard of it.
const MOST_DISCARDED: usize = 1 << 20;

thread_local! {
    static SHARED: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// One WebSocket.
pub(crate) struct Ws {
    io: Io,
    decoder: Decoder,
    /// Bytes that were read and not handled: a part of a frame, or what waits for the session.
    held: Vec<u8>,
    deflate: Option<Deflate>,
    /// Bytes that came after the end.
    discarded: usize,
}

enum Io {
    /// Plain TCP: the write half moves to the connection, so that the hub can write.
    Tcp {
        read: OwnedReadHalf,
        write: Option<OwnedWriteHalf>,
    },
    /// Anything else, TLS above all: only the task can write.
    Stream(Box<Stream>),
}

struct Stream {
    io: TokioIo<Upgraded>,
    /// Short frame that goes out before anything else.
    short: Bytes,
    dirty: bool,
}

/// Ends when the connection of a socket that is not read was reset.
pub(crate) type Reset = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the reader of messages says after each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Go on.
    More,
    /// Keep the rest.
    Stop,
}

/// Why reading ended.
#[derive(Debug)]
pub(crate) enum ReadEnd {
    /// The stream is at its end.
    Eof,
    /// The stream failed.
    Io(io::Error),
    /// The client broke the protocol.
    Wire(WireError),
}

impl Ws {
    /// Takes over a connection that hyper has finished with.
    pub(crate) fn new(upgraded: Upgraded, max: usize, deflate: Option<Deflate>) -> Self {
        let (io, held) = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => {
                let (read, write) = parts.io.into_inner().into_split();
                let write = Some(write);
                (Io::Tcp { read, write }, parts.read_buf.to_vec())
            }
            Err(upgraded) => {
                let stream = Stream {
                    io: TokioIo::new(upgraded),
                    short: Bytes::new(),
                    dirty: false,
                };
                (Io::Stream(Box::new(stream)), Vec::new())
            }
        };
        Self {
            io,
            decoder: Decoder::new(max, deflate.is_some()),
            held,
            deflate,
            discarded: 0,
        }
    }

    /// Where the connection's messages go from now on.
    pub(crate) fn take_line(&mut self) -> Line {
        let deflate = self.deflate;
        match &mut self.io {
            Io::Tcp { write, .. } => write
                .take()
                .map_or(Line::Done, |write| Line::Tcp { write, deflate }),
            Io::Stream(_) => Line::Task { deflate },
        }
    }

    /// Bytes that were read and are no whole message yet.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.capacity() + self.decoder.held_bytes()
    }

    /// Drops what was read: nobody takes it any more.
    pub(crate) fn forget(&mut self) {
        self.held = Vec::new();
        self.decoder.forget();
    }

    /// Takes messages up to this size from now on.
    pub(crate) fn set_max(&mut self, max: usize) {
        self.decoder.set_max(max);
    }

    /// Whether bytes wait that were read before.
    pub(crate) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Hands the messages among the held bytes to `each`.
    pub(crate) fn read_held(&mut self, each: &mut dyn FnMut(Incoming<'_>) -> Flow) -> Result<Flow, ReadEnd> {
        let mut held = std::mem::take(&mut self.held);
        let (used, flow) = decode_all(&mut self.decoder, &mut held, each)?;
        if used < held.len() {
            held.drain(..used);
            self.held = held;
        }
        Ok(flow)
    }

    /// Reads once and hands the messages to `each`. Pending: nothing there, the waker is registered.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        each: &mut dyn FnMut(Incoming<'_>) -> Flow,
    ) -> Poll<Result<Flow, ReadEnd>> {
        self.poll_buffer(cx, |ws, bytes| ws.handle(bytes, each))
            .map(|read| read.unwrap_or_else(|error| Err(ReadEnd::Io(error))))
    }

    /// Reads once into the shared buffer, and gives what was read to `take`.
    fn poll_buffer<T>(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut Self, &mut [u8]) -> T,
    ) -> Poll<io::Result<T>> {
        let mut shared = SHARED
            .take()
            .unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice());
        let mut buffer = ReadBuf::new(&mut shared);
        let polled = match &mut self.io {
            Io::Tcp { read, .. } => Pin::new(read).poll_read(cx, &mut buffer),
            Io::Stream(stream) => Pin::new(&mut stream.io).poll_read(cx, &mut buffer),
        };
        let result = polled.map_ok(|()| take(self, buffer.filled_mut()));
        SHARED.set(Some(shared));
        result
    }

    fn handle(
        &mut self,
        bytes: &mut [u8],
        each: &mut dyn FnMut(Incoming<'_>) -> Flow,
    ) -> Result<Flow, ReadEnd> {
        if bytes.is_empty() {
            return Err(ReadEnd::Eof);
        }
        if !self.held.is_empty() {
            self.held.extend_from_slice(bytes);
            return self.read_held(each);
        }
        let (used, flow) = decode_all(&mut self.decoder, bytes, each)?;
        self.held.extend_from_slice(bytes.get(used..).unwrap_or_default());
        Ok(flow)
    }

    /// Watches for a reset while the socket is not read: bytes that wait hide it from readers. Over TLS a reset shows at
    /// the next write.
    pub(crate) fn watch_reset(&self) -> Option<Reset> {
        match &self.io {
            Io::Tcp { read, .. } => {
                let stream: &TcpStream = read.as_ref();
                // a second descriptor of the same socket, as the future has to own what it waits for
                let copy = SockRef::from(stream).try_clone();
                let copy = copy
                    .and_then(|socket| TcpStream::from_std(socket.into()))
                    .inspect_err(|error| tracing::debug!(%error, "the socket cannot be watched"))
                    .ok()?;
                Some(Box::pin(async move {
                    drop(copy.ready(Interest::ERROR).await);
                }))
            }
            Io::Stream(_) => None,
        }
    }

    /// Reads and forgets until the other side has ended, or has sent more than anyone has under way; for a socket that
    /// is being closed.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.held = Vec::new();
        let read = ready!(self.poll_buffer(cx, |_, bytes| bytes.len())).unwrap_or(0);
        self.discarded += read;
        if read == 0 || self.discarded > MOST_DISCARDED {
            return Poll::Ready(());
        }
        // the others first
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes a short frame at once, before the socket belongs to a connection. `false` if it does not take it.
    pub(crate) fn write_short(&mut self, cx: &mut Context<'_>, frame: &Bytes) -> bool {
        match &mut self.io {
            Io::Tcp { write, .. } => write
                .as_ref()
                .is_some_and(|write| write.try_write(frame).is_ok_and(|written| written == frame.len())),
            Io::Stream(stream) => {
                stream.short = frame.clone();
                // What a pending flush leaves goes out with the next one; a part of a frame would be lost then.
                !matches!(stream.poll_send(cx, |_| None), Poll::Ready(Err(_))) && stream.short.is_empty()
            }
        }
    }

    /// Sends what `next` gives, for a stream that only the task can write to. `next` is told how many bytes of the piece
    /// that it gave before are with the stream.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        next: impl FnMut(usize) -> Option<Bytes>,
    ) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Tcp { .. } => Poll::Ready(Ok(())),
            Io::Stream(stream) => stream.poll_send(cx, next),
        }
    }

    /// Ends the writing side of a stream; a TCP write half ends when it is dropped.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.io {
            Io::Tcp { .. } => Poll::Ready(()),
            Io::Stream(stream) => Pin::new(&mut stream.io).poll_shutdown(cx).map(drop),
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
        while let Some(piece) = next(written) {
            written = ready!(self.poll_write(cx, &piece))?;
        }
        if self.dirty {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.dirty = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.dirty = true;
        Poll::Ready(Ok(written))
    }
}

/// Hands all whole messages in `bytes` to `each`; says how many bytes were used.
fn decode_all(
    decoder: &mut Decoder,
    bytes: &mut [u8],
    each: &mut dyn FnMut(Incoming<'_>) -> Flow,
) -> Result<(usize, Flow), ReadEnd> {
    let mut used = 0;
    while let Some(rest) = bytes.get_mut(used..) {
        match decoder.decode(rest, &mut used).map_err(ReadEnd::Wire)? {
            None => break,
            Some(incoming) => {
                if each(incoming) == Flow::Stop {
                    return Ok((used, Flow::Stop));
                }
            }
        }
    }
    Ok((used, Flow::More))
}
