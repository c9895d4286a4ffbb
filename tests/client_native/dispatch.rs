//! Threads and tasks on which events are dispatched to the program.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pesan::socketio::proto::TransportKind;
use pesan::socketio::{Socket, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;

use crate::node::Node;
use crate::{Log, connected, open, options, soon};

/// Server that echoes events, and answers `flood` with an endless series of numbered events. Returns its address and the
/// number of these events sent so far.
async fn server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("just bound"));
    let sent = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&sent);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let socket = tokio_tungstenite::accept_async(stream).await;
        let (mut sink, mut source) = socket.expect("a WebSocket").split();
        let open = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
        for packet in [open, r#"40{"sid":"s"}"#] {
            sink.send(packet.into()).await.expect("the client is there");
        }
        let filling = "x".repeat(4 << 10);
        while let Some(Ok(Message::Text(text))) = source.next().await {
            let mut left = text.starts_with("42") && sink.send(Message::Text(text.clone())).await.is_err();
            while !left && text.starts_with(r#"42["flood""#) {
                let number = counted.fetch_add(1, Ordering::Relaxed);
                let event = format!(r#"42["flooded",{number},"{filling}"]"#);
                left = sink.send(event.into()).await.is_err();
            }
        }
    });
    (url, sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emit_while_holding_lock_of_listener_does_not_deadlock() {
    let (url, _) = server().await;
    let socket = open(&url, options());
    let received = Log::new();
    let count = Arc::new(Mutex::new(0_u64));
    let (counted, done) = (Arc::clone(&count), received.clone());
    socket.on("pesan", move |last: bool| {
        *counted.lock().expect("no panic") += 1;
        if last {
            done.add(());
        }
    });
    connected(&socket).await;
    let emitting = std::thread::spawn(move || {
        for number in 1..=20_000 {
            let held = count.lock().expect("no panic");
            socket.emit("pesan", number == 20_000).expect("connected");
            drop(held);
            if number % 64 == 0 {
                std::thread::sleep(Duration::from_micros(300));
            }
        }
        socket
    });
    received.until("all of them", |all| !all.is_empty()).await;
    emitting.join().expect("no panic");
}

/// Requests a flood and checks that the emit returns, that reading pauses while the program is behind, and the order.
async fn flood_that_waits(socket: &Socket, received: &Log<usize>, sent: &AtomicUsize) {
    let (emitted, returned) = oneshot::channel();
    let emitting = socket.clone();
    std::thread::spawn(move || emitted.send(emitting.emit("flood", ()).is_ok()));
    assert_eq!(soon("emit to return", returned).await, Ok(true));
    // A thousand events wait in the client, and some megabytes in the kernel.
    let (received_so_far, sent) = (received.all().len(), sent.load(Ordering::Relaxed));
    assert!(
        sent < received_so_far + 5000,
        "{sent} sent, {received_so_far} received"
    );
    let received_so_far = received.until("more than waited", |all| all.len() > 1500).await;
    assert!(
        received_so_far.iter().copied().eq(0..received_so_far.len()),
        "in order"
    );
    socket.manager().close_now();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emit_during_flood_returns_and_reading_pauses() {
    let (url, sent) = server().await;
    let socket = open(&url, options());
    let received = Log::new();
    let log = received.clone();
    socket.on("flooded", move |number: usize| {
        log.add(number);
        std::thread::sleep(Duration::from_micros(50));
    });
    // Later events are dispatched by the task.
    let pause = || std::thread::sleep(Duration::from_secs(1));
    socket.on_any_outgoing(move |_| pause());
    connected(&socket).await;
    flood_that_waits(&socket, &received, &sent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_does_not_keep_dropped_client_open() {
    let (url, _) = server().await;
    let socket = open(&url, options());
    let received = Log::new();
    let (log, kept) = (received.clone(), Arc::new(()));
    let counted = Arc::downgrade(&kept);
    socket.on("flooded", move |number: usize| {
        log.add(number);
        std::thread::sleep(Duration::from_millis(Arc::strong_count(&kept) as u64));
    });
    // Later events are dispatched by a task.
    let pause = || std::thread::sleep(Duration::from_millis(500));
    socket.on_any_outgoing(move |_| pause());
    connected(&socket).await;
    // Nothing is being dispatched any more.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let emitting = std::thread::spawn(move || (socket.emit("flood", ()).is_ok(), socket));
    received.until("the flood", |all| all.len() > 100).await;
    let (emitted, socket) = emitting.join().expect("no panic");
    assert!(emitted);
    drop(socket);
    let gone = async {
        while counted.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("the end", gone).await;
}

/// Server of a polling session that answers each GET with a hundred events after the first emit. Returns its address and
/// the number of these events sent so far.
async fn polled_server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("just bound"));
    let sent = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&sent);
    tokio::spawn(async move {
        let floods = Arc::<AtomicUsize>::default();
        while let Ok((mut stream, _)) = listener.accept().await {
            let (floods, counted) = (Arc::clone(&floods), Arc::clone(&counted));
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 << 10];
                while let Ok(size @ 1..) = stream.read(&mut buffer).await {
                    let request = String::from_utf8_lossy(buffer.get(..size).unwrap_or_default());
                    let mut body = "ok".to_owned();
                    if request.contains("flood") {
                        floods.store(2, Ordering::Relaxed);
                    } else if request.starts_with("POST") {
                        floods.store(1, Ordering::Relaxed);
                    } else if !request.contains("sid=") {
                        body = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#
                            .to_owned();
                    } else if floods.load(Ordering::Relaxed) < 2 {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        body = r#"40{"sid":"s"}"#.to_owned();
                    } else {
                        let first = counted.fetch_add(100, Ordering::Relaxed);
                        let numbers = first..first + 100;
                        let events: Vec<String> = numbers
                            .map(|number| format!(r#"42["flooded",{number}]"#))
                            .collect();
                        body = events.join("\u{1e}");
                    }
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    if stream.write_all((head + &body).as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_over_polling_pauses_reading() {
    let (url, sent) = polled_server().await;
    let socket = open(&url, options().transports([TransportKind::Polling]));
    let received = Log::new();
    let log = received.clone();
    socket.on("flooded", move |number: usize| log.add(number));
    // Later events are dispatched by the task.
    let pause = || std::thread::sleep(Duration::from_secs(1));
    socket.on_any_outgoing(move |_| pause());
    connected(&socket).await;
    // Nothing is being dispatched any more.
    tokio::time::sleep(Duration::from_millis(20)).await;
    flood_that_waits(&socket, &received, &sent).await;
}

#[tokio::test]
async fn auth_provider_may_connect_another_client_with_same_provider() {
    let node = Node::start("{}");
    let other = Arc::new(Mutex::new(None::<Socket>));
    let taken = Arc::clone(&other);
    let options = options().auto_connect(false).auth_with(move || {
        let other = taken.lock().expect("no panic").take();
        other.inspect(Socket::connect);
        async { Ok(Value::object([("name", Value::from("Afief"))])) }
    });
    let first = open(&node.url(), options.clone());
    first.connect();
    connected(&first).await;
    let chat = first.manager().socket("/chat").expect("a legal name");
    *other.lock().expect("no panic") = Some(chat.clone());
    let second = open(&node.url(), options);
    second.connect();
    connected(&second).await;
    connected(&chat).await;
}

/// Panics when dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("this panic is part of the test");
    }
}

#[tokio::test]
async fn captured_value_panicking_in_drop_does_not_affect_others() {
    let (url, _) = server().await;
    let socket = open(&url, options());
    let received = Log::new();
    let (log, bomb) = (received.clone(), Bomb);
    socket.once("pesan", move || assert_eq!(size_of_val(&bomb), 0));
    socket.on("then", move || log.add(()));
    for name in ["pesan", "then"] {
        socket.emit(name, 1).expect("queued");
    }
    received.until("what came after", |all| all.len() == 1).await;
}
