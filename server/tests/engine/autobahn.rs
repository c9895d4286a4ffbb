//! The case list of the Autobahn test suite, sections 1 to 7, 9, 10, 12 and 13, for the WebSocket of this server.
//!
//! The suite itself needs Python 2. Its cases run here against this server and against `ws` and `tungstenite`, and must
//! have the same result: the same echoes, pongs and close code. A message before an error
//! may be missing, which the suite calls non-strict.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use futures_util::{SinkExt, StreamExt};
use pesan_server::engineio::{Deflate, EngineConfig};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::harness::{Server, config, soon};

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FIN: u8 = 0x80;

/// Step of a client.
#[derive(Clone)]
enum Step {
    /// A frame: its first byte, and its data.
    Frame(u8, Vec<u8>),
    /// A compressed message in so many frames.
    Compressed(u8, Vec<u8>, usize),
}

/// How the bytes are split into writes.
#[derive(Clone, Copy)]
enum Chop {
    Whole,
    Bytes(usize),
}

struct Case {
    name: String,
    steps: Vec<Step>,
    chop: Chop,
    /// Offer in `Sec-WebSocket-Extensions`.
    extensions: &'static str,
}

fn frame(first: u8, data: impl AsRef<[u8]>) -> Step {
    Step::Frame(first, data.as_ref().to_vec())
}

fn text(data: impl AsRef<[u8]>) -> Step {
    frame(FIN | TEXT, data)
}

fn close(code: u16, reason: impl AsRef<[u8]>) -> Step {
    frame(FIN | CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
}

/// Message split into frames of `size` bytes.
fn parts(opcode: u8, data: &[u8], size: usize) -> Vec<Step> {
    let count = data.len().div_ceil(size).max(1);
    (0..count)
        .map(|index| {
            let part = data
                .get(index * size..(index * size + size).min(data.len()))
                .unwrap_or_default();
            let fin = if index + 1 == count { FIN } else { 0 };
            let opcode = if index == 0 { opcode } else { CONTINUATION };
            frame(fin | opcode, part)
        })
        .collect()
}

/// Data that compresses a little.
fn sample(size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| b'a' + u8::try_from((at.wrapping_mul(at) >> 5) % 23).expect("below 23"))
        .collect()
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, name: impl fmt::Display, steps: impl IntoIterator<Item = Step>) {
        self.add_chopped(name, Chop::Whole, steps);
    }

    fn add_chopped(&mut self, name: impl fmt::Display, chop: Chop, steps: impl IntoIterator<Item = Step>) {
        self.0.push(Case {
            name: name.to_string(),
            steps: steps.into_iter().collect(),
            chop,
            extensions: "",
        });
    }

    /// The same steps in one write, and byte by byte.
    fn add_both(&mut self, name: impl fmt::Display, steps: Vec<Step>) {
        self.add_chopped(format!("{name}, byte by byte"), Chop::Bytes(1), steps.clone());
        self.add(name, steps);
    }
}

/// Sections 1 to 7, 9 and 10.
fn plain_cases() -> Vec<Case> {
    let mut cases = Cases::default();
    for (section, opcode) in [("1.1", TEXT), ("1.2", BINARY)] {
        for (number, size) in [0, 125, 126, 127, 128, 65_535, 65_536].into_iter().enumerate() {
            let name = format!("{section}.{}", number + 1);
            cases.add(name, [frame(FIN | opcode, vec![b'*'; size])]);
        }
        let name = format!("{section}.8");
        cases.add_chopped(name, Chop::Bytes(997), [frame(FIN | opcode, vec![b'*'; 65_536])]);
    }
    pings(&mut cases);
    reserved(&mut cases);
    fragments(&mut cases);
    utf8(&mut cases);
    closes(&mut cases);
    for size in [64 << 10, 256 << 10, 1 << 20, 4 << 20] {
        for (section, opcode) in [("9.1", TEXT), ("9.2", BINARY)] {
            let name = format!("{section} {size} bytes");
            cases.add(name, [frame(FIN | opcode, sample(size))]);
        }
    }
    for size in [64, 256, 1024, 4096, 65_536, 1 << 20] {
        for (section, opcode) in [("9.3", TEXT), ("9.4", BINARY)] {
            let name = format!("{section} 1 MiB in frames of {size} bytes");
            cases.add(name, parts(opcode, &sample(1 << 20), size));
        }
    }
    for size in [64, 128, 256, 512, 1024, 2048] {
        for (section, opcode) in [("9.5", TEXT), ("9.6", BINARY)] {
            let name = format!("{section} 1 MiB in writes of {size} bytes");
            let message = [frame(FIN | opcode, sample(1 << 20))];
            cases.add_chopped(name, Chop::Bytes(size), message);
        }
    }
    for size in [0, 16, 64, 256, 1024, 4096] {
        for (section, opcode) in [("9.7", TEXT), ("9.8", BINARY)] {
            let name = format!("{section} 1000 messages of {size} bytes");
            cases.add(name, vec![frame(FIN | opcode, sample(size)); 1000]);
        }
    }
    cases.add("10.1.1", parts(TEXT, &sample(65_536), 1300));
    cases.0
}

fn pings(cases: &mut Cases) {
    let ping = |data: &[u8]| frame(FIN | PING, data);
    cases.add("2.1", [ping(b"")]);
    cases.add("2.2", [ping(b"Hello, world!")]);
    cases.add("2.3", [ping(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")]);
    cases.add("2.4", [ping(&[0xfe; 125])]);
    cases.add("2.5", [ping(&[0xfe; 126])]);
    cases.add_chopped("2.6", Chop::Bytes(1), [ping(&[0xfe; 125])]);
    cases.add("2.7", [frame(FIN | PONG, "")]);
    cases.add("2.8", [frame(FIN | PONG, "unsolicited pong payload")]);
    cases.add(
        "2.9",
        [
            frame(FIN | PONG, "unsolicited pong payload"),
            ping(b"ping payload"),
        ],
    );
    let ten: Vec<Step> = (0..10)
        .map(|number| ping(format!("payload-{number}").as_bytes()))
        .collect();
    cases.add("2.10", ten.clone());
    cases.add_chopped("2.11", Chop::Bytes(1), ten);
}

fn reserved(cases: &mut Cases) {
    cases.add("3.1", [frame(0xc1, "Hello, world!")]);
    let three = vec![
        text("Hello, world!"),
        frame(0xa1, "Hello, world!"),
        frame(FIN | PING, ""),
    ];
    cases.add_both("3.2, 3.3, 3.4", three);
    cases.add("3.5", [frame(0xd2, "\x00\x7f")]);
    cases.add("3.6", [frame(0xe9, "Hello, world!")]);
    cases.add("3.7", [frame(0xf8, "")]);
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.add(format!("4.1, 4.2 opcode {opcode}"), [frame(FIN | opcode, "")]);
        let after = vec![
            text("Hello, world!"),
            frame(FIN | opcode, "reserved opcode payload"),
            frame(FIN | PING, ""),
        ];
        cases.add_both(format!("4.1, 4.2 opcode {opcode} after a message"), after);
    }
}

fn fragments(cases: &mut Cases) {
    let first = || frame(TEXT, "fragment1");
    let middle = || frame(CONTINUATION, "fragment2");
    let last = || frame(FIN, "fragment2");
    let ping = || frame(FIN | PING, "ping payload");
    cases.add("5.1", [frame(PING, "fragment1"), last()]);
    cases.add("5.2", [frame(PONG, "fragment1"), last()]);
    cases.add_both("5.3, 5.4, 5.5", vec![first(), last()]);
    cases.add_both("5.6, 5.7, 5.8", vec![first(), ping(), last()]);
    let nothing_begun = vec![frame(FIN, "non-continuation payload"), text("Hello, world!")];
    cases.add_both("5.9, 5.10, 5.11", nothing_begun);
    let nothing_begun = vec![frame(CONTINUATION, "non-continuation payload"), text("Hello!")];
    cases.add_both("5.12, 5.13, 5.14", nothing_begun);
    cases.add("5.15", [first(), last(), middle(), text("fragment4")]);
    let not_begun = [middle(), frame(FIN | TEXT, "fragment3")];
    cases.add("5.16", [not_begun.clone(), not_begun].concat());
    let not_begun = [last(), frame(FIN | TEXT, "fragment3")];
    cases.add("5.17", [not_begun.clone(), not_begun].concat());
    cases.add("5.18", [first(), text("fragment2")]);
    let with_pings = vec![
        first(),
        middle(),
        ping(),
        frame(CONTINUATION, "fragment3"),
        frame(CONTINUATION, "fragment4"),
        ping(),
        frame(FIN, "fragment5"),
    ];
    cases.add_both("5.19, 5.20", with_pings);
}

fn utf8(cases: &mut Cases) {
    cases.add("6.1.1", [text("")]);
    let empty = || frame(CONTINUATION, "");
    cases.add("6.1.2", [frame(TEXT, ""), empty(), frame(FIN, "")]);
    cases.add(
        "6.1.3",
        [frame(TEXT, ""), frame(CONTINUATION, "middle"), frame(FIN, "")],
    );
    let valid: [&[u8]; 25] = [
        "Hello-µ@ßöäüàá-UTF-8!!".as_bytes(),
        "κόσμε".as_bytes(),
        b"\x00",
        b"\xc2\x80",
        b"\xe0\xa0\x80",
        b"\xf0\x90\x80\x80",
        b"\x7f",
        b"\xdf\xbf",
        b"\xef\xbf\xbf",
        b"\xf4\x8f\xbf\xbf",
        b"\xed\x9f\xbf",
        b"\xee\x80\x80",
        b"\xef\xbf\xbd",
        b"\xef\xbf\xbe",
        b"\xf0\x9f\xbf\xbe",
        b"\xf0\x9f\xbf\xbf",
        b"\xf0\xaf\xbf\xbe",
        b"\xf1\x8f\xbf\xbf",
        b"\xf3\xbf\xbf\xbf",
        b"\xf4\x8f\xbf\xbe",
        b"\xef\xb7\x90",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xa8",
        b"a\xcc\x88",
        b"\xe2\x82\xac\xf0\x9f\x98\x80",
    ];
    let invalid: [&[u8]; 50] = [
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xf7\xbf\xbf\xbf",
        b"\xfb\xbf\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\x80",
        b"\xbf",
        b"\x80\xbf",
        b"\x80\xbf\x80",
        b"\x80\xbf\x80\xbf",
        b"\x80\xbf\x80\xbf\x80",
        b"\x80\xbf\x80\xbf\x80\xbf",
        b"\x80\x81\x82\x83\x84\x85\x86\x87",
        b"\xc0 \xc1 \xc2 \xc3 ",
        b"\xe0 \xe1 \xe2 \xe3 ",
        b"\xf0 \xf1 \xf2 \xf3 ",
        b"\xf8 \xf9 \xfa \xfb ",
        b"\xfc \xfd ",
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xf8\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80",
        b"\xdf",
        b"\xef\xbf",
        b"\xf7\xbf\xbf",
        b"\xfb\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf",
        b"\xc0\xe0\x80\xf0\x80\x80",
        b"\xfe",
        b"\xff",
        b"\xfe\xfe\xff\xff",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xf8\x80\x80\x80\xaf",
        b"\xfc\x80\x80\x80\x80\xaf",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf8\x87\xbf\xbf\xbf",
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xed\xaf\xbf",
        b"\xed\xb0\x80",
        b"\xed\xbf\xbf",
        b"\xed\xa0\x80\xed\xb0\x80",
    ];
    for (kind, list) in [("valid", &valid[..]), ("not valid", &invalid[..])] {
        for data in list {
            let name = format!("6.2 to 6.23 {kind} {}", data.escape_ascii());
            cases.add(format!("{name}, whole"), [text(data)]);
            cases.add(format!("{name}, in frames of one byte"), parts(TEXT, data, 1));
            // binary data may be anything
            cases.add(format!("{name}, as binary"), [frame(FIN | BINARY, data)]);
        }
    }
    let begun = "κόσμε".as_bytes();
    cases.add_both(
        "6.4",
        vec![
            frame(TEXT, begun),
            frame(CONTINUATION, b"\xf4\x90\x80\x80"),
            frame(FIN, "edited"),
        ],
    );
}

fn closes(cases: &mut Cases) {
    let hello = || text("Hello World!");
    cases.add("7.1.1", [hello(), close(1000, "")]);
    cases.add("7.1.2", [close(1000, ""), close(1000, "")]);
    cases.add("7.1.3", [close(1000, ""), frame(FIN | PING, "")]);
    cases.add("7.1.4", [close(1000, ""), hello()]);
    cases.add(
        "7.1.5",
        [frame(TEXT, "fragment1"), close(1000, ""), frame(FIN, "fragment2")],
    );
    cases.add("7.3.1", [frame(FIN | CLOSE, "")]);
    cases.add("7.3.2", [frame(FIN | CLOSE, "a")]);
    cases.add("7.3.3", [close(1000, "")]);
    cases.add("7.3.4", [close(1000, "Hello World!")]);
    cases.add("7.3.5", [close(1000, "*".repeat(123))]);
    cases.add("7.3.6", [close(1000, "*".repeat(124))]);
    cases.add("7.5.1", [close(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited")]);
    let codes = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
    ];
    for code in codes {
        cases.add(format!("7.7 code {code}"), [close(code, "")]);
    }
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ] {
        cases.add(format!("7.9, 7.13 code {code}"), [close(code, "")]);
    }
}

/// Sections 12 and 13.
fn compressed_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let offers = [
        "permessage-deflate",
        "permessage-deflate; client_no_context_takeover",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=15; client_max_window_bits",
        "permessage-deflate; server_no_context_takeover, permessage-deflate",
        "permessage-foo, permessage-deflate; client_max_window_bits=15",
    ];
    for (section, extensions) in offers.into_iter().enumerate() {
        let mut add = |name: String, steps: Vec<Step>, chop| {
            cases.push(Case {
                name: format!("12, 13.{} {name}", section + 1),
                steps,
                chop,
                extensions,
            });
        };
        for size in [0, 16, 64, 256, 1024, 4096, 8192, 32_768, 131_072] {
            for opcode in [TEXT, BINARY] {
                let message = Step::Compressed(opcode, sample(size), 1);
                let name = format!("opcode {opcode}, {size} bytes");
                add(name, vec![message; 20], Chop::Whole);
            }
        }
        let in_parts = Step::Compressed(TEXT, sample(8192), 7);
        add(
            "in seven frames".to_owned(),
            vec![in_parts.clone(); 5],
            Chop::Bytes(61),
        );
        add(
            "beside plain messages".to_owned(),
            vec![
                in_parts.clone(),
                text("plain"),
                frame(FIN | PING, "ping"),
                in_parts,
            ],
            Chop::Whole,
        );
        add(
            "garbage".to_owned(),
            vec![frame(0xc2, b"\xff\xff\xff\xff")],
            Chop::Whole,
        );
        add(
            "text that is no UTF-8".to_owned(),
            vec![Step::Compressed(TEXT, b"\xff".to_vec(), 1)],
            Chop::Whole,
        );
        add(
            "a compressed continuation".to_owned(),
            vec![frame(TEXT, "a"), frame(0xc0, "b")],
            Chop::Whole,
        );
        add(
            "a compressed ping".to_owned(),
            vec![frame(0xc9, "a")],
            Chop::Whole,
        );
    }
    cases
}

/// Message as `permessage-deflate` sends it.
fn deflate(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 64);
    Compress::new(Compression::default(), false)
        .compress_vec(data, &mut out, FlushCompress::Sync)
        .expect("compression cannot fail");
    out.truncate(out.len() - 4);
    out
}

/// Bytes of a case for a server. `prefix` goes before each text: Engine.IO needs a packet type.
fn encode(case: &Case, prefix: &str) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x9f, 0x00, 0xe7];
    let mut out = Vec::new();
    let mut push = |first: u8, data: &[u8]| {
        out.push(first);
        match data.len() {
            short @ 0..=125 => out.push(0x80 | u8::try_from(short).expect("checked")),
            medium @ 126..=65_535 => {
                out.push(0xfe);
                out.extend(u16::try_from(medium).expect("checked").to_be_bytes());
            }
            long => {
                out.push(0xff);
                out.extend((long as u64).to_be_bytes());
            }
        }
        out.extend(MASK);
        out.extend(data.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    };
    let prefixed = |opcode: u8, data: &[u8]| match opcode {
        TEXT => [prefix.as_bytes(), data].concat(),
        _ => data.to_vec(),
    };
    for step in &case.steps {
        match step {
            Step::Frame(first, data) => push(*first, &prefixed(first & 0x0f, data)),
            Step::Compressed(opcode, data, count) => {
                let data = deflate(&prefixed(*opcode, data));
                for (index, part) in data.chunks(data.len().div_ceil(*count)).enumerate() {
                    let is_last = index + 1 == data.chunks(data.len().div_ceil(*count)).len();
                    let begin = if index == 0 { 0x40 | opcode } else { CONTINUATION };
                    push(if is_last { FIN } else { 0 } | begin, part);
                }
            }
        }
    }
    out
}

/// Close frame of a client, with an empty mask.
const GOOD_BYE: [u8; 8] = [FIN | CLOSE, 0x82, 0, 0, 0, 0, 0x03, 0xe8];

/// Size of the first frame of a server, once it is there.
fn first_frame(bytes: &[u8]) -> Option<usize> {
    let (head, length) = match *bytes.get(1)? {
        126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        short => (2, u64::from(short)),
    };
    let size = head + usize::try_from(length).ok()?;
    (bytes.len() >= size).then_some(size)
}

/// Result of a case.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    messages: Vec<(u8, Vec<u8>)>,
    pongs: Vec<Vec<u8>>,
    /// Code of the close frame; `None` without one.
    close: Option<u16>,
}

impl Outcome {
    fn read(mut bytes: &[u8], prefix: &str) -> Self {
        let mut outcome = Self::default();
        let mut inflate = Decompress::new(false);
        while let [first, length, rest @ ..] = bytes {
            let (length, rest) = match length {
                126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
                127 => {
                    let (length, rest) = rest.split_first_chunk().expect("a whole head");
                    let length = usize::try_from(u64::from_be_bytes(*length));
                    (length.expect("a length"), rest)
                }
                short => (usize::from(*short), rest),
            };
            // A server that has failed may stop within a frame.
            let Some((data, after)) = rest.split_at_checked(length) else {
                break;
            };
            bytes = after;
            let mut data = data.to_vec();
            if first & 0x40 != 0 {
                data.extend([0, 0, 0xff, 0xff]);
                let mut out = Vec::with_capacity(1 << 20);
                inflate
                    .decompress_vec(&data, &mut out, FlushDecompress::Sync)
                    .expect("what the server compressed can be inflated");
                data = out;
            }
            match first & 0x0f {
                PONG => outcome.pongs.push(data),
                CLOSE => {
                    let code = data.first_chunk().map_or(1000, |code| u16::from_be_bytes(*code));
                    outcome.close = Some(code);
                    break;
                }
                opcode => outcome.messages.push((opcode, data)),
            }
        }
        if !prefix.is_empty() {
            // The open packet.
            outcome.messages.remove(0);
            for (opcode, data) in &mut outcome.messages {
                if *opcode == TEXT {
                    assert_eq!(data.remove(0), prefix.as_bytes()[0]);
                }
            }
        }
        outcome
    }

    fn has_failed(&self) -> bool {
        self.close
            .is_none_or(|code| matches!(code, 1002 | 1003 | 1007 | 1009))
    }

    fn starts_like(&self, other: &Self) -> bool {
        other.messages.starts_with(&self.messages) && other.pongs.starts_with(&self.pongs)
    }
}

/// Sends a case to a server, then a close frame after `frames` frames, and reads until the end.
async fn run(case: &Case, address: SocketAddr, path: &str, prefix: &str, frames: usize) -> Outcome {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket");
    let extensions = match case.extensions {
        "" => String::new(),
        offer => format!("Sec-WebSocket-Extensions: {offer}\r\n"),
    };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the server reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("an answer"));
    }
    let head = String::from_utf8(head).expect("text").to_lowercase();
    assert_eq!(
        head.contains("permessage-deflate"),
        !extensions.is_empty(),
        "{head}"
    );
    let bytes = encode(case, prefix);
    let (mut read, mut write) = stream.split();
    let (all_came, all) = tokio::sync::oneshot::channel();
    let send = async {
        let size = match case.chop {
            Chop::Whole => bytes.len(),
            Chop::Bytes(size) => size,
        };
        for part in bytes.chunks(size) {
            // A server that has failed the connection does not read any more.
            if write.write_all(part).await.is_err() {
                return;
            }
        }
        // An error means that the server has closed it before.
        if all.await.is_ok() {
            write.write_all(&GOOD_BYE).await.unwrap_or_default();
        }
    };
    let receive = async {
        let mut received = Vec::new();
        let (mut at, mut missing) = (0, frames);
        let mut all_came = Some(all_came);
        loop {
            while missing > 0
                && let Some(size) = received.get(at..).and_then(first_frame)
            {
                at += size;
                missing -= 1;
            }
            if missing == 0
                && let Some(all_came) = all_came.take()
            {
                all_came.send(()).unwrap_or_default();
            }
            // A reset after the close frame is accepted too.
            let Ok(1..) = read.read_buf(&mut received).await else {
                return received;
            };
        }
    };
    let ((), received) = tokio::join!(send, receive);
    Outcome::read(&received, prefix)
}

/// Runs all cases against this server and the reference.
async fn compare(cases: &[Case], server: &Server, reference: SocketAddr, same_code: bool) -> Vec<String> {
    let results = futures_util::stream::iter(cases).map(async |case| {
        let path = "/engine.io/?EIO=4&transport=websocket";
        let theirs = soon(&case.name, run(case, reference, "/", "", 0)).await;
        let frames = match theirs.has_failed() {
            true => 0,
            // The open packet is first.
            false => 1 + theirs.messages.len() + theirs.pongs.len(),
        };
        let ours = soon(&case.name, run(case, server.address, path, "4", frames)).await;
        let is_alike = if theirs.has_failed() {
            ours.has_failed() && ours.starts_like(&theirs) && (!same_code || ours.close == theirs.close)
        } else {
            ours == theirs
        };
        (!is_alike).then(|| {
            let brief = |outcome: &Outcome| {
                let sizes: Vec<_> = outcome.messages.iter().map(|(_, data)| data.len()).collect();
                format!(
                    "{} messages {:?}, {} pongs, {:?}",
                    sizes.len(),
                    sizes.get(..5),
                    outcome.pongs.len(),
                    outcome.close
                )
            };
            format!("{}: {} instead of {}", case.name, brief(&ours), brief(&theirs))
        })
    });
    let results: Vec<_> = results.buffer_unordered(8).collect().await;
    results.into_iter().flatten().collect()
}

fn serve() -> Server {
    Server::start(EngineConfig {
        max_payload: 16 << 20,
        per_message_deflate: Some(Deflate {
            threshold: 0,
            ..Deflate::default()
        }),
        ..config()
    })
}

/// Echo server with the package `ws`.
async fn ws() -> (Child, SocketAddr) {
    const SCRIPT: &str = r#"
import { WebSocketServer } from "ws";
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: { threshold: 0 } });
server.on("connection", (socket) => {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
  socket.on("error", () => {});
});
server.on("listening", () => console.log(server.address().port));
"#;
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/peers");
    assert!(
        peers.join("node_modules/ws").exists(),
        "run `npm ci` in tests/peers, or `cargo xtask test`"
    );
    let mut node = Command::new("node")
        .args(["--input-type=module", "--eval", SCRIPT])
        .current_dir(peers)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Node is installed");
    let mut lines = BufReader::new(node.stdout.take().expect("a pipe")).lines();
    let line = soon("a port", lines.next_line()).await.expect("Node runs");
    let port: u16 = line
        .and_then(|line| line.parse().ok())
        .expect("Node says its port");
    (node, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// Echo server with the crate `tungstenite`.
async fn tungstenite() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("just bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(stream)
                    .await
                    .expect("a handshake");
                while let Some(Ok(message)) = socket.next().await {
                    let is_data = message.is_text() || message.is_binary();
                    // A closing socket is read until its end.
                    if is_data && socket.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn autobahn_cases_close_like_ws() {
    let server = serve();
    let (_node, reference) = ws().await;
    let cases = plain_cases();
    let differ = compare(&cases, &server, reference, true).await;
    println!("{} cases", cases.len());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn autobahn_compression_cases_close_like_ws() {
    let server = serve();
    let (_node, reference) = ws().await;
    let cases = compressed_cases();
    let differ = compare(&cases, &server, reference, true).await;
    println!("{} cases", cases.len());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn autobahn_cases_close_like_tungstenite() {
    let server = serve();
    let reference = tungstenite().await;
    let mut cases = plain_cases();
    // Registered since, and accepted by `ws`.
    cases.retain(|case| case.name != "7.7 code 1014");
    let differ = compare(&cases, &server, reference, false).await;
    println!("{} cases", cases.len());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
