//! On whose thread a program hears of what happens, and that nothing cuts it short.

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

/// Server that answers an event with itself, and one named `flood` with as many as anybody reads, numbered; gives its
/// address, and how many of these it sent.
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
async fn a_program_may_emit_while_it_holds_what_its_listeners_wait_for() {
    let (url, _) = server().await;
    let socket = open(&url, options());
    let heard = Log::new();
    let count = Arc::new(Mutex::new(0_u64));
    let (counted, done) = (Arc::clone(&count), heard.clone());
    socket
        .on("pesan", move |last: bool| {
            *counted.lock().expect("no panic") += 1;
            if last {
                done.add(());
            }
        })
        .forget();
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
    heard.until("all of them", |all| !all.is_empty()).await;
    emitting.join().expect("no panic");
}

/// Asks for a flood: the emit returns, what the program has not heard is soon not sent either, and all comes in order.
async fn flood_that_waits(socket: &Socket, heard: &Log<usize>, sent: &AtomicUsize) {
    let (emitted, returned) = oneshot::channel();
    let emitting = socket.clone();
    std::thread::spawn(move || emitted.send(emitting.emit("flood", ()).is_ok()));
    assert_eq!(soon("emit to return", returned).await, Ok(true));
    // a thousand wait here, and some megabytes in the kernel
    let (told, sent) = (heard.all().len(), sent.load(Ordering::Relaxed));
    assert!(sent < told + 5000, "{sent} sent, {told} heard");
    let told = heard.until("more than waited", |all| all.len() > 1500).await;
    assert!(told.iter().copied().eq(0..told.len()), "in order");
    socket.client().close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emit_is_not_kept_by_a_flood_and_the_flood_waits_for_the_program() {
    let (url, sent) = server().await;
    let socket = open(&url, options());
    let heard = Log::new();
    let log = heard.clone();
    socket
        .on("flooded", move |number: usize| {
            log.add(number);
            std::thread::sleep(Duration::from_micros(50));
        })
        .forget();
    // what comes meanwhile is left to whoever runs this
    let pause = || std::thread::sleep(Duration::from_secs(1));
    socket.on_any_outgoing(move |_| pause()).forget();
    connected(&socket).await;
    flood_that_waits(&socket, &heard, &sent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_does_not_keep_open_what_nobody_has() {
    let (url, _) = server().await;
    let socket = open(&url, options());
    let heard = Log::new();
    let (log, kept) = (heard.clone(), Arc::new(()));
    let counted = Arc::downgrade(&kept);
    socket
        .on("flooded", move |number: usize| {
            log.add(number);
            std::thread::sleep(Duration::from_millis(Arc::strong_count(&kept) as u64));
        })
        .forget();
    // what comes meanwhile is left to a task
    let pause = || std::thread::sleep(Duration::from_millis(500));
    socket.on_any_outgoing(move |_| pause()).forget();
    connected(&socket).await;
    // nobody is telling any more
    tokio::time::sleep(Duration::from_millis(50)).await;
    let emitting = std::thread::spawn(move || (socket.emit("flood", ()).is_ok(), socket));
    heard.until("the flood", |all| all.len() > 100).await;
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

/// Server of a polling session that answers each GET with a hundred events once somebody emitted; gives its address, and
/// how many of these it sent.
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
async fn a_flood_by_polling_waits_for_the_program_as_well() {
    let (url, sent) = polled_server().await;
    let socket = open(&url, options().transports([TransportKind::Polling]));
    let heard = Log::new();
    let log = heard.clone();
    socket
        .on("flooded", move |number: usize| log.add(number))
        .forget();
    // what comes meanwhile is left to whoever runs this
    let pause = || std::thread::sleep(Duration::from_secs(1));
    socket.on_any_outgoing(move |_| pause()).forget();
    connected(&socket).await;
    // nobody is telling any more
    tokio::time::sleep(Duration::from_millis(20)).await;
    flood_that_waits(&socket, &heard, &sent).await;
}

#[tokio::test]
async fn who_is_asked_may_make_another_client_ask_the_same() {
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
    let chat = first.client().socket("/chat").expect("a legal name");
    *other.lock().expect("no panic") = Some(chat.clone());
    let second = open(&node.url(), options);
    second.connect();
    connected(&second).await;
    connected(&chat).await;
}

/// Panics as it goes.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("this panic is part of the test");
    }
}

#[tokio::test]
async fn a_panic_of_what_a_listener_captured_harms_nobody() {
    let (url, _) = server().await;
    let socket = open(&url, options());
    let heard = Log::new();
    let (log, bomb) = (heard.clone(), Bomb);
    socket
        .once("pesan", move || assert_eq!(size_of_val(&bomb), 0))
        .forget();
    socket.on("then", move || log.add(())).forget();
    for name in ["pesan", "then"] {
        socket.emit(name, 1).expect("queued");
    }
    heard.until("what came after", |all| all.len() == 1).await;
}
