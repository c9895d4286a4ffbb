//! Fairness under abuse: round trips of twenty quiet clients, and the memory of the process, while others abuse the server.
//!
//! The abusers share the machine with the server and the quiet clients, so what they cost as programs is in the
//! figures too. The same abuse of another server, while the quiet clients stay with theirs, shows how much that is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use futures_util::{SinkExt, StreamExt};
use pesan_server::engineio::{Deflate, EngineConfig};
use pesan_server::http::serve::{ServeConfig, serve};
use pesan_server::socketio::{AckSender, Io, Socket};
use tokio_tungstenite::tungstenite::Message;

const BYSTANDERS: usize = 20;
/// Duration of each kind of abuse.
const TIME: Duration = Duration::from_secs(5);
/// Pause of a bystander between two round trips.
const PAUSE: Duration = Duration::from_millis(10);
/// Increase that is not counted as a doubling: on a machine without idle processors, a client waits for a time slice
/// or two.
const NOISE: Duration = Duration::from_millis(4);
/// Limit of the memory that abuse may use.
const MEMORY: u64 = 128 << 20;

type Abuse = fn(SocketAddr, &AtomicBool);

const ABUSES: [(&str, Abuse); 8] = [
    ("slow handshakes", slow_handshakes),
    ("half-open connections", half_open),
    ("headers without end", endless_headers),
    ("slow readers", slow_readers),
    ("a flood of events", flood),
    ("floods without a pause", endless_floods),
    ("giant frames", giant_frames),
    ("compressed bombs", bombs),
];

#[test]
#[ignore = "a minute, and the machine to itself: cargo xtask soak fairness"]
fn clients_beside_abusive_ones_are_served_in_time() {
    let address = start_server();
    let elsewhere = start_server();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let before = memory();
    let quiet = runtime.block_on(round_trips(address));
    println!(
        "{:<24}{:>10}{:>10}{:>10}{:>22}",
        "", "p50 ms", "p99 ms", "MiB more", "p99 ms, elsewhere"
    );
    print("nothing", &quiet, 0, &quiet);
    let mut noticed = Vec::new();
    for (name, abuse) in ABUSES {
        let trips_under = |abused| {
            let over = Arc::new(AtomicBool::new(false));
            let abuser = {
                let over = Arc::clone(&over);
                thread::spawn(move || abuse(abused, &over))
            };
            let trips = runtime.block_on(round_trips(address));
            let more = memory().saturating_sub(before);
            over.store(true, Ordering::Release);
            abuser.join().expect("an abuser does not panic");
            (trips, more)
        };
        let (beside, _) = trips_under(elsewhere);
        let (trips, more) = trips_under(address);
        print(name, &trips, more, &beside);
        if p(&trips, 99) > 2 * p(&beside, 99).max(p(&quiet, 99)).max(NOISE) {
            noticed.push(name);
        }
        assert!(more < MEMORY, "{name} costs {more} bytes");
    }
    assert!(noticed.is_empty(), "others notice {}", noticed.join(", "));
}

/// Server with its own threads.
fn start_server() -> SocketAddr {
    let (told, address) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let io = Io::default();
            io.on_connection(|socket: Socket| {
                socket.on("echo", |_: Socket, text: String, ack: AckSender| ack.send(text));
                socket.on("noise", |_: Socket, _: String| {});
                socket.on("fill", |socket: Socket| {
                    socket.emit("filled", "x".repeat(64 << 10))
                });
            });
            let config = EngineConfig {
                per_message_deflate: Some(Deflate::default()),
                ..EngineConfig::default()
            };
            let app = io.engine(config).router();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a free port");
            told.send(listener.local_addr().expect("just bound"))
                .expect("the test waits");
            serve(listener, app, ServeConfig::default(), std::future::pending()).await;
        });
    });
    address.recv().expect("the server starts")
}

/// Round trip times of all bystanders, sorted.
async fn round_trips(address: SocketAddr) -> Vec<Duration> {
    let bystanders: Vec<_> = (0..BYSTANDERS)
        .map(|_| tokio::spawn(bystander(address)))
        .collect();
    let mut trips = Vec::new();
    for bystander in bystanders {
        trips.append(&mut bystander.await.expect("a bystander does not panic"));
    }
    trips.sort();
    trips
}

async fn bystander(address: SocketAddr) -> Vec<Duration> {
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = tokio_tungstenite::connect_async(url)
        .await
        .expect("the server serves");
    socket.send(Message::text("40")).await.expect("connected");
    let mut trips = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < TIME {
        let sent = Instant::now();
        let id = trips.len();
        let event = format!(r#"42{id}["echo","hello"]"#);
        socket.send(Message::text(event)).await.expect("connected");
        let answer = format!(r#"43{id}["hello"]"#);
        while socket
            .next()
            .await
            .expect("the server stays")
            .expect("the server stays")
            .to_text()
            .expect("text")
            != answer
        {}
        trips.push(sent.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    trips
}

fn p(trips: &[Duration], percent: usize) -> Duration {
    trips
        .get(trips.len() * percent / 100)
        .copied()
        .unwrap_or_default()
}

fn print(name: &str, trips: &[Duration], more: u64, beside: &[Duration]) {
    let ms = |trips, percent| p(trips, percent).as_secs_f64() * 1000.0;
    let mib = more as f64 / f64::from(1 << 20);
    println!(
        "{name:<24}{:>10.2}{:>10.2}{mib:>10.1}{:>22.2}",
        ms(trips, 50),
        ms(trips, 99),
        ms(beside, 99)
    );
}

/// Resident memory of this process: the server and the clients.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux machine");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("the kernel says it") << 10
}

/// Five hundred clients that send their request letter by letter.
fn slow_handshakes(address: SocketAddr, over: &AtomicBool) {
    let mut lines: Vec<TcpStream> = Vec::new();
    while !over.load(Ordering::Acquire) {
        while lines.len() < 500 {
            let Ok(mut line) = TcpStream::connect(address) else {
                break;
            };
            if line
                .write_all(b"GET /socket.io/?EIO=4 HTTP/1.1\r\nhost: x\r\nx-slow: ")
                .is_ok()
            {
                lines.push(line);
            }
        }
        lines.retain_mut(|line| line.write_all(b"a").is_ok());
        thread::sleep(Duration::from_millis(100));
    }
}

/// A thousand that connect and send nothing.
fn half_open(address: SocketAddr, over: &AtomicBool) {
    let mut lines = Vec::new();
    while !over.load(Ordering::Acquire) {
        if lines.len() < 1000 {
            lines.extend(TcpStream::connect(address).ok());
        } else {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Requests whose header is over the limit.
fn endless_headers(address: SocketAddr, over: &AtomicBool) {
    let header = format!("x-long: {}\r\n", "a".repeat(8000));
    while !over.load(Ordering::Acquire) {
        let Ok(mut line) = TcpStream::connect(address) else {
            continue;
        };
        let mut going = line
            .write_all(b"GET /socket.io/?EIO=4 HTTP/1.1\r\nhost: x\r\n")
            .is_ok();
        let mut sent = 0;
        while going && sent < 1 << 20 && !over.load(Ordering::Acquire) {
            going = line.write_all(header.as_bytes()).is_ok();
            sent += header.len();
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Fifty that send requests without pause and read nothing.
fn slow_readers(address: SocketAddr, over: &AtomicBool) {
    let mut readers: Vec<TcpStream> = Vec::new();
    while !over.load(Ordering::Acquire) {
        while readers.len() < 50 {
            readers.extend(join(address, ""));
        }
        readers.retain_mut(|reader| reader.write_all(&frame(0x81, br#"42["fill"]"#)).is_ok());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Ten that send some 20,000 events per second together.
fn flood(address: SocketAddr, over: &AtomicBool) {
    let events = frame(0x81, br#"42["noise","x"]"#).repeat(20);
    let mut floods: Vec<TcpStream> = Vec::new();
    while !over.load(Ordering::Acquire) {
        while floods.len() < 10 {
            floods.extend(join(address, ""));
        }
        floods.retain_mut(|flood| flood.write_all(&events).is_ok());
        thread::sleep(Duration::from_millis(10));
    }
}

/// Two connections that send as fast as the server reads.
fn endless_floods(address: SocketAddr, over: &AtomicBool) {
    let events = frame(0x81, br#"42["noise","x"]"#).repeat(1000);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Acquire) {
                    let Some(mut flood) = join(address, "") else {
                        continue;
                    };
                    while !over.load(Ordering::Acquire) && flood.write_all(&events).is_ok() {}
                }
            });
        }
    });
}

/// Frames whose header announces a gigabyte.
fn giant_frames(address: SocketAddr, over: &AtomicBool) {
    let mut head = vec![0x81, 0xff];
    head.extend((1u64 << 30).to_be_bytes());
    head.extend([0; 4]);
    head.resize(64 << 10, b'x');
    while !over.load(Ordering::Acquire) {
        if let Some(mut line) = join(address, "") {
            // The server closes it at some point.
            while line.write_all(&head).is_ok() {}
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Messages of 64 KiB that inflate to 64 MiB.
fn bombs(address: SocketAddr, over: &AtomicBool) {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b'4'; 64 << 20]).expect("in memory");
    let bomb = frame(0xc1, &encoder.finish().expect("in memory"));
    while !over.load(Ordering::Acquire) {
        if let Some(mut line) = join(address, "sec-websocket-extensions: permessage-deflate\r\n")
            && line.write_all(&bomb).is_ok()
        {
            // Until the server closes the connection.
            while line.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Opens a client in the root namespace, with additional request headers.
fn join(address: SocketAddr, headers: &str) -> Option<TcpStream> {
    let mut line = TcpStream::connect(address).ok()?;
    line.set_read_timeout(Some(TIME)).ok()?;
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    line.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = line.read(&mut part).ok().filter(|read| *read > 0)?;
        answer.extend_from_slice(part.get(..read)?);
    }
    line.write_all(&frame(0x81, b"40")).ok()?;
    Some(line)
}

/// Frame with a mask of zeros.
fn frame(first: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(data.len()) {
        Ok(len @ 0..=125) => frame.push(0x80 | len as u8),
        Ok(len) => {
            frame.push(0xfe);
            frame.extend(len.to_be_bytes());
        }
        Err(_) => {
            frame.push(0xff);
            frame.extend((data.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend_from_slice(data);
    frame
}
