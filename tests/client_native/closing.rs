//! What a client still sends after it is closed or dropped, and for how long.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pesan::socketio::proto::TransportKind;
use pesan::socketio::{AckError, Socket, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::node::Node;
use crate::{Log, connected, open, options, soon};

const OPEN: &str = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
const JOINED: &str = r#"40{"sid":"s"}"#;

/// Port without a server.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Emits five events and disconnects immediately; checks that the official server handles all of them before the
/// disconnect.
async fn leave_after_emitting(transport: TransportKind, way: &str, reason: &str, leave: impl FnOnce(Socket)) {
    let node = Node::start("{}");
    let witness = open(&node.url(), options());
    let received = Log::new();
    let (log, left) = (received.clone(), received.clone());
    witness.on("pesan", move |text: String| log.add(text));
    witness.on("left", move |name: String, reason: String| {
        left.add(format!("{name}: {reason}"));
    });
    connected(&witness).await;

    let auth = Value::object([("name", Value::from("leaver"))]);
    let socket = open(&node.url(), options().auth(auth).transports([transport]));
    connected(&socket).await;
    for n in 0..5 {
        socket.emit("pesan", n.to_string()).expect("connected");
    }
    leave(socket);
    let all = received
        .until("the client to leave", |all| {
            all.iter().any(|line| line.starts_with("leaver"))
        })
        .await;
    let expected = ["0", "1", "2", "3", "4", &format!("leaver: {reason}")].map(str::to_owned);
    assert_eq!(all, expected, "{way} over {}", transport.as_str());
}

#[tokio::test]
async fn events_before_a_disconnect_arrive_over_polling() {
    let (kind, reason) = (TransportKind::Polling, "client namespace disconnect");
    let keep = Mutex::new(None);
    leave_after_emitting(kind, "disconnect", reason, |socket| {
        socket.disconnect();
        *keep.lock().expect("no panic") = Some(socket);
    })
    .await;
    leave_after_emitting(kind, "close", reason, |socket| socket.manager().close_now()).await;
    leave_after_emitting(kind, "drop", reason, drop).await;
}

#[tokio::test]
async fn events_before_a_disconnect_arrive_over_websocket() {
    let (kind, reason) = (TransportKind::WebSocket, "client namespace disconnect");
    let keep = Mutex::new(None);
    leave_after_emitting(kind, "disconnect", reason, |socket| {
        socket.disconnect();
        *keep.lock().expect("no panic") = Some(socket);
    })
    .await;
    leave_after_emitting(kind, "close", reason, |socket| socket.manager().close_now()).await;
    leave_after_emitting(kind, "drop", "transport close", drop).await;
}

#[tokio::test]
async fn event_large_after_drop_is_sent_while_progressing() {
    const SIZE: usize = 40 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("just bound"));
    let (count, counted) = oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut socket = tokio_tungstenite::accept_async(stream)
            .await
            .expect("a WebSocket");
        socket.send(OPEN.into()).await.expect("the client is there");
        assert!(socket.next().await.is_some(), "CONNECT");
        socket.send(JOINED.into()).await.expect("the client is there");
        // Half a megabyte per second: longer than all time limits.
        let (mut slowly, mut read) = (socket.into_inner(), 0);
        let mut buffer = vec![0; 256 << 10];
        while let Ok(more @ 1..) = slowly.read(&mut buffer).await {
            read += more;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        count.send(read).expect("the test waits");
    });
    let socket = open(&url, options());
    connected(&socket).await;
    // From here on, tokio advances the paused clock whenever all tasks are idle.
    tokio::time::pause();
    socket.emit("pesan", "x".repeat(SIZE)).expect("connected");
    drop(socket);
    let read = counted.await.expect("the server counts");
    assert!(read > SIZE, "{read} bytes arrived of {SIZE}");
}

/// Answers polling requests except the last one; reports when that arrived and when the client gave up.
async fn answer(mut stream: TcpStream, goodbye: mpsc::UnboundedSender<&'static str>) {
    let mut buffer = vec![0; 64 << 10];
    let mut gets = 0;
    while let Ok(size @ 1..) = stream.read(&mut buffer).await {
        let request = String::from_utf8_lossy(buffer.get(..size).unwrap_or_default()).into_owned();
        let body = if request.starts_with("GET") {
            gets += 1;
            if request.contains("sid=e") { JOINED } else { OPEN }
        } else if request.contains("\r\n\r\n40") {
            "ok"
        } else {
            goodbye.send("it came").expect("the test waits");
            while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
            goodbye.send("it was given up").expect("the test waits");
            return;
        };
        let head = "HTTP/1.1 200 OK\r\ncontent-length:";
        let response = format!("{head} {}\r\n\r\n{body}", body.len());
        stream
            .write_all(response.as_bytes())
            .await
            .expect("the client is there");
        if gets == 2 {
            std::future::pending::<()>().await;
        }
    }
}

#[tokio::test]
async fn close_without_reply_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("just bound"));
    let (sender, mut goodbye) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, sender.clone()));
        }
    });
    let socket = open(&url, options().transports([TransportKind::Polling]));
    connected(&socket).await;
    drop(socket);
    assert_eq!(soon("the goodbye", goodbye.recv()).await, Some("it came"));
    tokio::time::pause();
    let hour = Duration::from_secs(3600);
    let end = tokio::time::timeout(hour, goodbye.recv()).await;
    assert_eq!(end, Ok(Some("it was given up")));
}

#[tokio::test]
async fn manager_closed_drops_captured_handles() {
    let socket = open(NOWHERE, options());
    let (captured, (held, gone)) = (socket.clone(), oneshot::channel::<()>());
    socket
        .emit_then("pesan", (), move |answer: Result<Value, AckError>| {
            assert!(answer.is_err() && !captured.connected());
            drop(held);
        })
        .expect("queued");
    socket.manager().close_now();
    drop(socket);
    assert!(soon("the closure to go", gone).await.is_err());
}

#[tokio::test]
async fn event_stream_ends_with_its_client() {
    let socket = open(NOWHERE, options());
    let (mut closed, mut dropped) = (socket.events(), socket.events());
    let waiting = tokio::spawn(async move { closed.recv().await.is_none() });
    tokio::task::yield_now().await;
    socket.manager().close_now();
    assert!(soon("the end", waiting).await.expect("no panic"));
    let mut again = socket.events();
    drop(socket);
    assert!(soon("the end", dropped.recv()).await.is_none());
    assert!(soon("the end", again.recv()).await.is_none());
}

/// Emits 100 events in a runtime that ends as soon as `close` has completed, so that nothing is sent afterwards.
fn emit_and_close(url: String, transport: TransportKind) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            let socket = open(&url, options().transports([transport]));
            for number in 0..100 {
                socket
                    .emit("pesan", number.to_string())
                    .expect("the queue is not full");
            }
            soon("the close", socket.close()).await.expect("it was connected");
        });
        runtime.shutdown_background();
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn close_awaited_loses_no_event() {
    let node = Node::start("{}");
    let witness = open(&node.url(), options());
    let received = Log::new();
    let log = received.clone();
    witness.on("pesan", move |text: String| log.add(text));
    connected(&witness).await;
    let expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    for transport in [TransportKind::WebSocket, TransportKind::Polling] {
        for _ in 0..50 {
            received.0.lock().expect("no panic").clear();
            emit_and_close(node.url(), transport).join().expect("no panic");
            let all = received.until("100 events", |all| all.len() == 100).await;
            assert_eq!(all, expected, "{}", transport.as_str());
        }
    }
}

#[tokio::test]
async fn flush_waits_for_acks_and_for_the_connection() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    let acked = Log::new();
    let log = acked.clone();
    socket
        .emit_then("echo", 7, move |answer: Result<u32, AckError>| log.add(answer))
        .expect("queued");
    soon("the flush", socket.flush()).await.expect("it connects");
    assert_eq!(socket.queue_len() + socket.pending_acks(), 0);
    acked.until("the ack", |all| all == [Ok(7)]).await;
}

#[tokio::test]
async fn flush_of_a_disconnected_socket_fails_with_the_queued_events() {
    let socket = open(NOWHERE, options().auto_connect(false));
    socket.emit("pesan", "a").expect("queued");
    socket.emit("pesan", "b").expect("queued");
    let error = soon("the flush", socket.flush())
        .await
        .expect_err("it will not connect");
    assert_eq!(
        error.to_string(),
        "2 events are queued, and the socket is not connected"
    );
    assert_eq!(soon("the close", socket.manager().close()).await, Err(error));
}
