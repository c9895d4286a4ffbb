//! Backlog: events that wait for handlers, its limits, and what happens when the client disconnects.

use std::sync::Arc;
use std::time::Duration;

use pesan_server::engineio::EngineConfig;
use pesan_server::socketio::{AckError, AckSender, DisconnectReason, Io, IoConfig, Socket, SocketIoLimits};
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::support::{PATIENCE, Raw, Served, until};

/// Waits for a future with a timeout.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("in time")
}

fn limited(max_queued_events: usize) -> IoConfig {
    IoConfig {
        limits: SocketIoLimits {
            max_queued_events,
            ..SocketIoLimits::default()
        },
        ..IoConfig::default()
    }
}

/// Closed gate.
fn closed() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}

/// `ask` requests an ack from the client, `wait` waits for a permit of the gate, `marco` is answered at once.
fn serves(io: &Io, gate: &Arc<Semaphore>) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let gate = gate.clone();
    io.on_connection(move |socket: Socket| {
        socket.on("ask", async |socket: Socket, ack: AckSender| {
            let answer = socket.emit_with_ack::<u32>("q", ()).await;
            ack.send(answer.map_or_else(|error| error.to_string(), |n| n.to_string()))
        });
        let (gate, waits, leaves) = (gate.clone(), sender.clone(), sender.clone());
        socket.on("wait", move |_: Socket, n: u32| {
            let (gate, sender) = (gate.clone(), waits.clone());
            async move {
                gate.acquire().await.expect("never closed").forget();
                sender.send(format!("done {n}")).expect("the test listens");
            }
        });
        socket.on("marco", |socket: Socket| socket.emit("polo", ()));
        for event in ["disconnecting", "disconnect"] {
            let sender = leaves.clone();
            socket.on(event, move |socket: Socket, reason: DisconnectReason| {
                let rooms = socket.nsp().room_sizes().len();
                let report = format!("{event} {reason}, {rooms} rooms, {} sockets", socket.nsp().len());
                sender.send(report).expect("the test listens");
            });
        }
        socket.join("room");
    });
    receiver
}

/// Acknowledges every event of the server, until `wanted` acks for its own events have arrived.
async fn answer_questions(raw: &mut Raw, wanted: usize) -> Vec<String> {
    let mut answers = Vec::new();
    while answers.len() < wanted {
        let packet = raw.next().await;
        match packet
            .strip_prefix('2')
            .and_then(|rest| rest.strip_suffix(r#"["q"]"#))
        {
            Some(id) => raw.send(&format!("3{id}[7]")).await,
            None => answers.push(packet),
        }
    }
    answers
}

#[tokio::test]
async fn ack_within_handlers_with_a_full_backlog_arrives() {
    // Once, 70 concurrent requests all timed out: the acks were behind the 65th event.
    for config in [IoConfig::default(), limited(8)] {
        let served = Served::with(config).await;
        let _told = serves(&served.io, &closed());
        let mut raw = served.join().await;
        raw.send_all((0..30).map(|n| format!(r#"2{n}["ask"]"#))).await;
        let answers = answer_questions(&mut raw, 30).await;
        let expected: Vec<String> = (0..30).map(|n| format!(r#"3{n}["7"]"#)).collect();
        assert_eq!(answers, expected);
    }
}

#[tokio::test]
async fn ack_behind_too_many_events_fails_with_overrun() {
    let served = Served::with(limited(8)).await;
    let _told = serves(&served.io, &closed());
    let mut raw = served.join().await;
    raw.send_all((0..40).map(|n| format!(r#"2{n}["ask"]"#))).await;
    let mut overrun = 0;
    for answer in answer_questions(&mut raw, 40).await {
        overrun += usize::from(answer.ends_with(&format!(r#"["{}"]"#, AckError::Overrun)));
    }
    assert!((1..40).contains(&overrun), "{overrun}: the others had room");
}

#[tokio::test]
async fn namespace_beside_one_with_a_running_handler_is_served() {
    let served = Served::start().await;
    let gate = closed();
    let _told = serves(&served.io, &gate);
    served
        .io
        .of("/other")
        .expect("a legal name")
        .on_connection(|socket: Socket| {
            socket.on("marco", |socket: Socket| socket.emit("polo", ()));
        });
    let mut raw = served.join().await;
    raw.join("/other").await;
    raw.send_all((0..500).map(|n| format!(r#"2["wait",{n}]"#))).await;
    raw.send(r#"2/other,["marco"]"#).await;
    assert_eq!(raw.next().await, r#"2/other,["polo"]"#);
}

#[tokio::test]
async fn connection_with_a_full_backlog_survives_its_ping_timeout() {
    let config = EngineConfig {
        ping_interval: Duration::from_millis(50),
        ping_timeout: Duration::from_millis(1000),
        ..EngineConfig::default()
    };
    let served = Served::serve_with(Io::new(limited(4)), config).await;
    let gate = closed();
    let mut receiver = serves(&served.io, &gate);
    let mut raw = served.join().await;
    raw.send_all((0..100).map(|n| format!(r#"2["wait",{n}]"#))).await;
    // Longer than the ping timeout.
    for n in 0..10 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        gate.add_permits(1);
        assert_eq!(soon(receiver.recv()).await, Some(format!("done {n}")));
    }
    gate.add_permits(90);
    for n in 10..100 {
        assert_eq!(soon(receiver.recv()).await, Some(format!("done {n}")));
    }
    raw.expect_silence().await;
}

#[tokio::test]
async fn connection_reset_while_paused_is_noticed() {
    let served = Served::with(limited(4)).await;
    let gate = closed();
    let mut receiver = serves(&served.io, &gate);
    let mut raw = served.join().await;
    raw.send_all((0..100).map(|n| format!(r#"2["wait",{n}]"#))).await;
    let all = || served.io.sockets();
    assert!(all().iter().all(Socket::connected));
    raw.reset();
    until("it is noticed", || all().iter().all(|socket| !socket.connected())).await;
    gate.add_permits(100);
    for n in 0..4 {
        assert_eq!(
            soon(receiver.recv()).await,
            Some(format!("done {n}")),
            "it was read"
        );
    }
}

#[tokio::test]
async fn events_received_before_the_disconnection_are_handled_first() {
    for how in ["leave", "close", "reset"] {
        let served = Served::start().await;
        let gate = closed();
        let mut receiver = serves(&served.io, &gate);
        let mut raw = served.join().await;
        raw.send_all((0..5).map(|n| format!(r#"2["wait",{n}]"#))).await;
        raw.expect_read(&served.io).await;
        let reason = match how {
            "leave" => {
                raw.send("1").await;
                "client namespace disconnect"
            }
            "close" => {
                raw.close().await;
                "transport close"
            }
            _ => {
                raw.reset();
                "transport close"
            }
        };
        until("it left", || {
            served.io.sockets().iter().all(|socket| !socket.connected())
        })
        .await;
        gate.add_permits(5);
        for n in 0..5 {
            assert_eq!(soon(receiver.recv()).await, Some(format!("done {n}")), "{how}");
        }
        let last = [soon(receiver.recv()).await, soon(receiver.recv()).await];
        let expected = [
            format!("disconnecting {reason}, 1 rooms, 1 sockets"),
            format!("disconnect {reason}, 0 rooms, 0 sockets"),
        ];
        assert_eq!(last.map(Option::unwrap_or_default), expected);
    }
}

#[tokio::test]
async fn handlers_sending_to_a_disconnected_client_are_not_reported() {
    let served = Served::start().await;
    let gate = closed();
    let mut receiver = serves(&served.io, &gate);
    let (sender, mut reported) = mpsc::unbounded_channel();
    served
        .io
        .on_error(move |error| sender.send(error.message.clone()).expect("the test listens"));
    let mut raw = served.join().await;
    raw.send(r#"2["wait",0]"#).await;
    raw.send_all((0..10).map(|n| format!(r#"2{n}["ask"]"#))).await;
    raw.send_all((0..10).map(|_| r#"2["marco"]"#.to_owned())).await;
    raw.expect_read(&served.io).await;
    raw.close().await;
    until("it left", || {
        served.io.sockets().iter().all(|socket| !socket.connected())
    })
    .await;
    gate.add_permits(1);
    while !soon(receiver.recv())
        .await
        .unwrap_or_default()
        .starts_with("disconnect ")
    {}
    assert!(reported.try_recv().is_err());
}

#[tokio::test]
async fn events_waiting_when_the_server_disconnects_are_dropped() {
    let served = Served::start().await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let gate = Arc::new(Notify::new());
    let opened = gate.clone();
    served.io.on_connection(move |socket: Socket| {
        let (gate, sender) = (opened.clone(), sender.clone());
        let last = sender.clone();
        socket.on("bad", move |socket: Socket, n: u32| {
            let (gate, sender) = (gate.clone(), sender.clone());
            async move {
                gate.notified().await;
                sender.send(n.to_string()).expect("the test listens");
                socket.disconnect(true);
            }
        });
        socket.on("disconnect", move |_: Socket, reason: String| {
            last.send(reason).expect("the test listens");
        });
    });
    let mut raw = served.join().await;
    raw.send_all((0..3).map(|n| format!(r#"2["bad",{n}]"#))).await;
    // Nor does it join another namespace while disconnecting.
    served
        .io
        .of("/other")
        .expect("a legal name")
        .on_connection(|_: Socket| -> () { panic!("it was let in") });
    raw.send("0/other,").await;
    gate.notify_one();
    assert_eq!(soon(receiver.recv()).await.as_deref(), Some("0"));
    assert_eq!(
        soon(receiver.recv()).await.as_deref(),
        Some("server namespace disconnect")
    );
    assert!(receiver.try_recv().is_err());
}

#[tokio::test]
async fn socket_leaving_gets_nothing_while_its_last_events_are_handled() {
    let served = Served::start().await;
    let gate = closed();
    let mut receiver = serves(&served.io, &gate);
    let mut raw = served.join().await;
    raw.send(r#"2["wait",1]"#).await;
    raw.send("1").await;
    // The same connection connects again while the former socket is still in its rooms.
    let sid = raw.join("/").await;
    assert_eq!(served.io.len(), 2);
    served.io.emit("all", ()).expect("can be sent");
    served.io.to("room").emit("room", ()).expect("can be sent");
    served
        .io
        .to([sid.as_str(), "room"])
        .emit("both", ())
        .expect("can be sent");
    for event in ["all", "room", "both"] {
        assert_eq!(raw.next().await, format!(r#"2["{event}"]"#));
    }
    raw.expect_silence().await;
    gate.add_permits(1);
    assert_eq!(soon(receiver.recv()).await.as_deref(), Some("done 1"));
    let left = soon(receiver.recv()).await.unwrap_or_default();
    assert_eq!(
        left,
        "disconnecting client namespace disconnect, 1 rooms, 2 sockets"
    );
    until("it is gone", || served.io.len() == 1).await;
    served.io.emit("last", ()).expect("can be sent");
    assert_eq!(raw.next().await, r#"2["last"]"#);
}
