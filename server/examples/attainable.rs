//! Upper bound for a broadcast server on one processor of this machine.
//!
//! One thread, one poll. Every broadcast of a turn is framed once, and each connection gets all of a turn in one
//! write. It knows just enough of the protocol for the load generator, checks nothing, keeps no rooms, times nothing
//! out, and drops a connection whose socket is full: a server that does all this cannot be faster.
//!
//! ```text
//! PORT=5000 attainable
//! ```

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);
const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct Connection {
    stream: TcpStream,
    upgraded: bool,
    joined: bool,
    partial: Vec<u8>,
    unsent: Vec<u8>,
}

fn main() -> anyhow::Result<()> {
    let port = std::env::var("PORT")?.parse()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    let mut listener = TcpListener::from_std(socket.into());
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut buffer = vec![0; 256 << 10];
    let mut turn = Vec::new();
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let token = Token(connections.len());
                    poll.registry()
                        .register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
                    connections.push(Some(Connection::new(stream)));
                }
                continue;
            }
            let Some(slot) = connections.get_mut(event.token().0) else {
                continue;
            };
            let served = slot.as_mut().map_or(Ok(()), |connection| {
                connection.flush()?;
                connection.receive(&mut buffer, &mut turn)
            });
            if served.is_err() {
                *slot = None;
            }
        }
        if turn.is_empty() {
            continue;
        }
        for slot in &mut connections {
            let sent = match slot {
                Some(connection) if connection.joined => connection.write(&turn),
                _ => Ok(()),
            };
            if sent.is_err() {
                *slot = None;
            }
        }
        turn.clear();
    }
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            upgraded: false,
            joined: false,
            partial: Vec::new(),
            unsent: Vec::new(),
        }
    }

    /// Writes at once what the socket takes; the rest waits until it is writable.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut written = 0;
        if self.unsent.is_empty() {
            written = match self.stream.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                other => other?,
            };
        }
        self.unsent
            .extend_from_slice(bytes.get(written..).unwrap_or_default());
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let unsent = std::mem::take(&mut self.unsent);
        if unsent.is_empty() {
            Ok(())
        } else {
            self.write(&unsent)
        }
    }

    fn receive(&mut self, buffer: &mut [u8], turn: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                other => other?,
            };
            self.partial
                .extend_from_slice(buffer.get(..count).unwrap_or_default());
            let mut bytes = std::mem::take(&mut self.partial);
            let used = self.consume(&mut bytes, turn)?;
            bytes.drain(..used);
            self.partial = bytes;
            if count < buffer.len() {
                return Ok(());
            }
        }
    }

    fn consume(&mut self, bytes: &mut [u8], turn: &mut Vec<u8>) -> io::Result<usize> {
        let mut used = 0;
        if !self.upgraded {
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
                return Ok(0);
            };
            used = end + 4;
            self.upgraded = true;
            let mut first = ACCEPTED.as_bytes().to_vec();
            let open = r#"0{"sid":"attainable","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
            push_frame(&mut first, open.as_bytes());
            self.write(&first)?;
        }
        while let Some((payload, length)) = bytes.get_mut(used..).and_then(unmask) {
            used += length;
            match payload {
                b"40" => {
                    self.joined = true;
                    let mut reply = Vec::new();
                    push_frame(&mut reply, br#"40{"sid":"attainable"}"#);
                    self.write(&reply)?;
                }
                event if event.starts_with(b"42") => push_frame(turn, event),
                _ => {}
            }
        }
        Ok(used)
    }
}

/// First frame of a client, unmasked where it stands, and the bytes that it takes; `None` while it is not whole.
fn unmask(bytes: &mut [u8]) -> Option<(&[u8], usize)> {
    let (head, length) = match *bytes.get(1)? & 0x7f {
        126 => (
            8usize,
            usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])),
        ),
        127 => return None,
        short => (6, usize::from(short)),
    };
    let mask: [u8; 4] = bytes.get(head - 4..head)?.try_into().ok()?;
    let payload = bytes.get_mut(head..head + length)?;
    payload
        .iter_mut()
        .zip(mask.iter().cycle())
        .for_each(|(byte, mask)| *byte ^= mask);
    Some((payload, head + length))
}

fn push_frame(out: &mut Vec<u8>, payload: &[u8]) {
    out.push(0x81);
    if let Some(short) = u8::try_from(payload.len()).ok().filter(|short| *short < 126) {
        out.push(short);
    } else {
        out.push(126);
        out.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    }
    out.extend_from_slice(payload);
}
