//! One connection of the load generator: a minimum of HTTP, WebSocket and Socket.IO, without copying payloads.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use mio::net::TcpStream;

/// Received message that the generator counts.
pub(crate) enum Incoming {
    /// The namespace is joined.
    Joined,
    /// A broadcast arrived.
    Message {
        /// Its number.
        number: u64,
        /// Sending time, in nanoseconds since the start of the generator.
        sent_at: u64,
    },
}

/// Connection to the server.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    /// Prefix of the payload of a packet: the namespace and a comma, or nothing.
    prefix: Rc<str>,
    upgraded: bool,
    partial: Vec<u8>,
    unsent: Vec<u8>,
}

const REQUEST: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const EVENT: &[u8] = b"[\"pesan\",\"";

impl Client {
    /// Starts to connect; the request goes out once the stream is writable.
    pub(crate) fn dial(addr: SocketAddr, prefix: &Rc<str>) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            prefix: Rc::clone(prefix),
            upgraded: false,
            partial: Vec::new(),
            unsent: REQUEST.as_bytes().to_vec(),
        })
    }

    /// Stream to register for events.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Sends text as one masked frame; a mask of zeros is a mask too.
    pub(crate) fn send(&mut self, text: &str) -> io::Result<()> {
        let length = text.len();
        self.unsent.push(0x81);
        match u8::try_from(length) {
            Ok(short) if short < 126 => self.unsent.push(0x80 | short),
            _ => {
                self.unsent.push(0x80 | 126);
                self.unsent.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        self.unsent.extend_from_slice(&[0; 4]);
        self.unsent.extend_from_slice(text.as_bytes());
        self.flush()
    }

    /// Writes queued bytes as far as the stream accepts them.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected
                    ) =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads until the stream is empty, and calls `each` with the messages.
    pub(crate) fn read(&mut self, buffer: &mut [u8], mut each: impl FnMut(Incoming)) -> io::Result<()> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the server closed a connection",
                    ));
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let drained = count < buffer.len();
            let fresh = buffer.get(..count).unwrap_or_default();
            if self.partial.is_empty() {
                let used = self.consume(fresh, &mut each)?;
                self.partial
                    .extend_from_slice(fresh.get(used..).unwrap_or_default());
            } else {
                let mut all = std::mem::take(&mut self.partial);
                all.extend_from_slice(fresh);
                let used = self.consume(&all, &mut each)?;
                all.drain(..used);
                self.partial = all;
            }
            if drained {
                return Ok(());
            }
        }
    }

    /// Handles whole messages at the start of `bytes`; returns how many bytes they take.
    fn consume(&mut self, bytes: &[u8], each: &mut impl FnMut(Incoming)) -> io::Result<usize> {
        let mut used = 0;
        if !self.upgraded {
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
                return Ok(0);
            };
            if !bytes.starts_with(b"HTTP/1.1 101") {
                return Err(io::Error::other("the server refused a WebSocket"));
            }
            self.upgraded = true;
            used = end + 4;
        }
        while let Some((payload, length)) = frame(bytes.get(used..).unwrap_or_default()) {
            used += length;
            match payload {
                b"2" => self.send("3")?,
                payload if payload.starts_with(b"0") => self.send(&format!("40{}", self.prefix))?,
                payload => {
                    let message =
                        |kind: &[u8]| payload.strip_prefix(kind)?.strip_prefix(self.prefix.as_bytes());
                    if let Some(text) = message(b"42").and_then(|rest| rest.strip_prefix(EVENT)) {
                        let hex = |from: usize, to: usize| {
                            u64::from_str_radix(std::str::from_utf8(text.get(from..to)?).ok()?, 16).ok()
                        };
                        if let (Some(number), Some(sent_at)) = (hex(0, 8), hex(8, 24)) {
                            each(Incoming::Message { number, sent_at });
                        }
                    } else if message(b"40").is_some() {
                        each(Incoming::Joined);
                    }
                }
            }
        }
        Ok(used)
    }
}

/// First frame of a server, and the bytes that it takes; `None` while it is not whole.
fn frame(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (head, length) = match *bytes.get(1)? & 0x7f {
        126 => (
            4usize,
            usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])),
        ),
        127 => (
            10,
            usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?,
        ),
        short => (2, usize::from(short)),
    };
    let payload = bytes.get(head..head.checked_add(length)?)?;
    Some((payload, head + length))
}
