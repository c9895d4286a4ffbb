//! Clients that exceed limits or flood the server.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pesan_server::socketio::{IoConfig, Socket, SocketIoLimits};
use tokio::sync::mpsc;

use crate::support::{Served, until};

#[tokio::test]
async fn rooms_of_one_socket_are_limited_and_removed_with_it() {
    let limits = SocketIoLimits {
        max_rooms_per_socket: 1000,
        ..SocketIoLimits::default()
    };
    let served = Served::with(IoConfig {
        limits,
        ..IoConfig::default()
    })
    .await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    served
        .io
        .on_error(move |error| sender.send(error.message.clone()).expect("the test listens"));
    served.io.on_connection(|socket: Socket| {
        socket.on("join", |socket: Socket, room: String| {
            socket.join(room);
        });
        socket.on("marco", |socket: Socket| socket.emit("polo", ()));
    });
    let mut raw = served.join().await;
    raw.send_all((0..2000).map(|n| format!(r#"2["join","room-{n}"]"#)))
        .await;
    raw.expect_silence().await;
    assert_eq!(served.io.room_sizes().len(), 1000);
    assert_eq!(receiver.recv().await.as_deref(), Some("already in 1000 rooms"));
    raw.close().await;
    until("the rooms went", || served.io.room_sizes().is_empty()).await;
}

#[tokio::test]
async fn rooms_very_many_are_joined_and_left() {
    let served = Served::start().await;
    let (sender, mut sockets) = mpsc::unbounded_channel();
    served
        .io
        .on_connection(move |socket: Socket| sender.send(socket).map_err(|_| "the test listens"));
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(served.join().await);
        let socket = sockets.recv().await.expect("it joined");
        for n in 0..10_000 {
            assert!(socket.join(format!("room-{}-{n}", socket.id())));
        }
    }
    assert_eq!(served.io.room_sizes().len(), 100_000);
    served.io.emit("still", ()).expect("can be sent");
    for raw in &mut clients {
        assert_eq!(raw.next().await, r#"2["still"]"#);
    }
    drop(clients);
    until("the rooms went", || served.io.room_sizes().is_empty()).await;
}

#[tokio::test]
async fn attachments_over_the_limit_are_refused() {
    let served = Served::start().await;
    let mut raw = served.join().await;
    raw.send(r#"511-["x"]"#).await;
    raw.expect_end().await;
    let limits = SocketIoLimits {
        max_attachment_bytes: Some(1000),
        ..SocketIoLimits::default()
    };
    let served = Served::with(IoConfig {
        limits,
        ..IoConfig::default()
    })
    .await;
    let mut raw = served.join().await;
    raw.send(r#"510-["x",{"_placeholder":true,"num":0}]"#).await;
    raw.send_binary(&[0; 600]).await;
    raw.send_binary(&[0; 600]).await;
    raw.expect_end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_sending_without_pause_do_not_starve_others() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.on("noise", |_: Socket, _: String| {});
        socket.on("marco", |socket: Socket| socket.emit("polo", ()));
    });
    let over = Arc::new(AtomicBool::new(false));
    // As many as the server has threads; each flood once blocked a thread for seconds.
    let floods = [(); 2].map(|()| {
        let (over, address) = (over.clone(), served.address);
        std::thread::spawn(move || flood(address, &over))
    });
    let mut raw = served.join().await;
    until("the floods have come", || served.io.len() == 3).await;
    for _ in 0..20 {
        raw.expect_silence().await;
    }
    over.store(true, Ordering::Relaxed);
    for flood in floods {
        flood.join().expect("no panic");
    }
}

/// Sends small events as fast as they are accepted.
fn flood(address: SocketAddr, over: &AtomicBool) {
    let mut socket = std::net::TcpStream::connect(address).expect("it listens");
    let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).expect("open");
    let frame = |text: &str| {
        let length = u8::try_from(text.len()).expect("short");
        [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
    };
    // The handshake response is first.
    assert!(socket.read(&mut [0; 1024]).expect("open") > 0);
    socket.write_all(&frame("40")).expect("open");
    let events = frame(r#"42["noise","x"]"#).repeat(1000);
    while !over.load(Ordering::Relaxed) {
        socket.write_all(&events).expect("open");
    }
}

#[tokio::test]
async fn acks_not_requested_are_ignored() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.on("marco", |socket: Socket| socket.emit("polo", ()));
    });
    let mut raw = served.join().await;
    raw.send_all((0..10_000).map(|n| format!("3{n}[]"))).await;
    raw.expect_silence().await;
}

#[tokio::test]
async fn client_with_a_full_backlog_is_not_read() {
    let limits = SocketIoLimits {
        max_queued_events: 4,
        ..SocketIoLimits::default()
    };
    let served = Served::with(IoConfig {
        limits,
        ..IoConfig::default()
    })
    .await;
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let opened = gate.clone();
    let (sender, mut seen) = mpsc::unbounded_channel();
    served.io.on_connection(move |socket: Socket| {
        let (gate, sender) = (opened.clone(), sender.clone());
        // Catch-all listeners are called when an event is handled.
        socket.on("slow", move |_: Socket, n: u32| {
            let (gate, sender) = (gate.clone(), sender.clone());
            async move {
                sender.send(n).expect("the test listens");
                gate.acquire().await.expect("never closed").forget();
            }
        });
    });
    let mut raw = served.join().await;
    raw.send_all((0..100).map(|n| format!(r#"2["slow",{n}]"#))).await;
    assert_eq!(seen.recv().await, Some(0));
    let mut other = served.join().await;
    other.send("1").await;
    assert!(seen.try_recv().is_err(), "one at a time");
    gate.add_permits(100);
    for n in 1..100 {
        assert_eq!(seen.recv().await, Some(n));
    }
}
