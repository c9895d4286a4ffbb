//! Fairness under attack: round trip times of twenty well-behaved clients, and the memory of the process, while other clients
//! attack the server.
//!
//! The attackers share the machine with the server and its clients, so the processor time of the attackers themselves
//! slows down the round trips too. The control shows how much: the same attack on another server.

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

const CLIENTS: usize = 20;
/// Duration of each attack.
const ATTACK_TIME: Duration = Duration::from_secs(5);
/// Pause of a client between two round trips.
const PAUSE: Duration = Duration::from_millis(10);
/// Round trip times below this are accepted: on a busy machine, a client waits for one or two time slices of the
/// scheduler.
const NOISE: Duration = Duration::from_millis(4);
/// Limit of the additional memory during an attack.
const MAX_MEMORY: u64 = 128 << 20;

type Attack = fn(SocketAddr, &AtomicBool);

const ATTACKS: [(&str, Attack); 8] = [
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
#[ignore = "runs for a minute and needs an idle machine: cargo xtask soak fairness"]
fn clients_beside_attackers_are_served_in_time() {
    let address = start_server();
    let control = start_server();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let before = memory();
    let quiet = runtime.block_on(round_trips(address));
    println!(
        "{:<24}{:>10}{:>10}{:>10}{:>22}",
        "", "p50 ms", "p99 ms", "MiB more", "p99 ms, control"
    );
    print("no attack", &quiet, 0, &quiet);
    let mut slowed_down_by = Vec::new();
    for (name, attack) in ATTACKS {
        let attacked = |target| {
            let over = Arc::new(AtomicBool::new(false));
            let attacker = {
                let over = Arc::clone(&over);
                thread::spawn(move || attack(target, &over))
            };
            let trips = runtime.block_on(round_trips(address));
            let more = memory().saturating_sub(before);
            over.store(true, Ordering::Release);
            attacker.join().expect("an attacker does not panic");
            (trips, more)
        };
        let (baseline, _) = attacked(control);
        let (trips, more) = attacked(address);
        print(name, &trips, more, &baseline);
        if percentile(&trips, 99) > 2 * percentile(&baseline, 99).max(percentile(&quiet, 99)).max(NOISE) {
            slowed_down_by.push(name);
        }
        assert!(more < MAX_MEMORY, "{name} costs {more} bytes");
    }
    assert!(
        slowed_down_by.is_empty(),
        "clients are slowed down by {}",
        slowed_down_by.join(", ")
    );
}

/// Starts a server with its own threads.
fn start_server() -> SocketAddr {
    let (sender, address) = std::sync::mpsc::channel();
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
            sender
                .send(listener.local_addr().expect("just bound"))
                .expect("the test waits");
            serve(listener, app, ServeConfig::default(), std::future::pending()).await;
        });
    });
    address.recv().expect("the server starts")
}

/// Measures the round trip times of all clients; returns them sorted.
async fn round_trips(address: SocketAddr) -> Vec<Duration> {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(client_round_trips(address)))
        .collect();
    let mut trips = Vec::new();
    for client in clients {
        trips.append(&mut client.await.expect("a client does not panic"));
    }
    trips.sort();
    trips
}

async fn client_round_trips(address: SocketAddr) -> Vec<Duration> {
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = tokio_tungstenite::connect_async(url)
        .await
        .expect("the server serves");
    socket.send(Message::text("40")).await.expect("connected");
    let mut trips = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < ATTACK_TIME {
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

fn percentile(trips: &[Duration], percent: usize) -> Duration {
    trips
        .get(trips.len() * percent / 100)
        .copied()
        .unwrap_or_default()
}

fn print(name: &str, trips: &[Duration], more: u64, baseline: &[Duration]) {
    let ms = |trips, percent| percentile(trips, percent).as_secs_f64() * 1000.0;
    let mib = more as f64 / f64::from(1 << 20);
    println!(
        "{name:<24}{:>10.2}{:>10.2}{mib:>10.1}{:>22.2}",
        ms(trips, 50),
        ms(trips, 99),
        ms(baseline, 99)
    );
}

/// Resident memory of this process: the server and the clients.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux machine");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("a size in kB") << 10
}

/// 500 clients that send their request byte by byte.
fn slow_handshakes(address: SocketAddr, over: &AtomicBool) {
    let mut streams: Vec<TcpStream> = Vec::new();
    while !over.load(Ordering::Acquire) {
        while streams.len() < 500 {
            let Ok(mut stream) = TcpStream::connect(address) else {
                break;
            };
            if stream
                .write_all(b"GET /socket.io/?EIO=4 HTTP/1.1\r\nhost: x\r\nx-slow: ")
                .is_ok()
            {
                streams.push(stream);
            }
        }
        streams.retain_mut(|stream| stream.write_all(b"a").is_ok());
        thread::sleep(Duration::from_millis(100));
    }
}

/// 1000 clients that connect and send nothing.
fn half_open(address: SocketAddr, over: &AtomicBool) {
    let mut streams = Vec::new();
    while !over.load(Ordering::Acquire) {
        if streams.len() < 1000 {
            streams.extend(TcpStream::connect(address).ok());
        } else {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Requests with a header over the limit.
fn endless_headers(address: SocketAddr, over: &AtomicBool) {
    let header = format!("x-long: {}\r\n", "a".repeat(8000));
    while !over.load(Ordering::Acquire) {
        let Ok(mut stream) = TcpStream::connect(address) else {
            continue;
        };
        let mut going = stream
            .write_all(b"GET /socket.io/?EIO=4 HTTP/1.1\r\nhost: x\r\n")
            .is_ok();
        let mut sent = 0;
        while going && sent < 1 << 20 && !over.load(Ordering::Acquire) {
            going = stream.write_all(header.as_bytes()).is_ok();
            sent += header.len();
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// 50 clients that request large events without pause and read nothing.
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

/// Ten clients that together send about 20,000 events per second.
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

/// Two clients that send as fast as the server reads.
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

/// Frames whose header announces 1 GiB.
fn giant_frames(address: SocketAddr, over: &AtomicBool) {
    let mut head = vec![0x81, 0xff];
    head.extend((1u64 << 30).to_be_bytes());
    head.extend([0; 4]);
    head.resize(64 << 10, b'x');
    while !over.load(Ordering::Acquire) {
        if let Some(mut stream) = join(address, "") {
            // Until the server closes the connection.
            while stream.write_all(&head).is_ok() {}
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
        if let Some(mut stream) = join(address, "sec-websocket-extensions: permessage-deflate\r\n")
            && stream.write_all(&bomb).is_ok()
        {
            // Until the server closes the connection.
            while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Opens a client in the root namespace, with additional request headers.
fn join(address: SocketAddr, headers: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(ATTACK_TIME)).ok()?;
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
        answer.extend_from_slice(part.get(..read)?);
    }
    stream.write_all(&frame(0x81, b"40")).ok()?;
    Some(stream)
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
