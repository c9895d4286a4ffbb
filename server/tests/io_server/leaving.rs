//! Clients that disconnect at unusual moments: nothing of them may remain.

use std::sync::Arc;
use std::time::Duration;

use pesan::socketio::Options;
use pesan::socketio::proto::TransportKind;
use pesan_server::socketio::{DisconnectReason, ErrorKind, Io, IoConfig, Recovery, Socket};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Lost, PATIENCE, Raw, Served, join, lost, offset, until};

/// Waits for a future with a timeout.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("in time")
}

fn cleaning() -> IoConfig {
    IoConfig {
        cleanup_empty_child_namespaces: true,
        ..IoConfig::default()
    }
}

fn names(io: &Io) -> Vec<String> {
    let made = io.namespaces();
    made.iter().map(|namespace| namespace.name().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn client_closed_and_awaited_loses_no_event() {
    let served = Served::start().await;
    let (sender, mut received) = mpsc::unbounded_channel();
    served.io.on_connection(move |socket: Socket| {
        let sender = sender.clone();
        socket.on("number", move |number: u32| {
            sender.send(number).map_err(|_| "the test listens")
        });
    });
    let url = format!("http://{}", served.address);
    for transport in [TransportKind::WebSocket, TransportKind::Polling] {
        for _ in 0..50 {
            let url = url.clone();
            // The runtime of the client ends as soon as `close` has completed, so that nothing is sent afterwards.
            let client = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.expect("a runtime");
                runtime.block_on(async {
                    let options = Options::new().force_new().transports([transport]);
                    let socket = pesan::socketio::Socket::open(&url, options).expect("a good address");
                    for number in 0..100 {
                        socket.emit("number", number).expect("the queue is not full");
                    }
                    soon(socket.close()).await.expect("it was connected");
                });
                runtime.shutdown_background();
            });
            client.join().expect("no panic");
            for number in 0..100 {
                assert_eq!(
                    soon(received.recv()).await,
                    Some(number),
                    "{}",
                    transport.as_str()
                );
            }
        }
    }
}

#[tokio::test]
async fn disconnect_after_a_panic_in_disconnecting_is_called() {
    let served = Served::start().await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (reports, mut reported) = mpsc::unbounded_channel();
    served
        .io
        .on_error(move |error| reports.send(error.kind).expect("the test listens"));
    served.io.on_connection(move |socket: Socket| {
        socket.on("disconnecting", async || -> () {
            tokio::task::yield_now().await;
            panic!("on purpose");
        });
        let sender = sender.clone();
        socket.on("disconnect", move |_: Socket, reason: DisconnectReason| {
            sender.send(reason).map_err(|_| "the test listens")
        });
    });
    let mut raw = served.join().await;
    raw.send("1").await;
    let reason = soon(receiver.recv()).await.expect("it is receiver");
    assert_eq!(reason, DisconnectReason::ClientNamespaceDisconnect);
    assert_eq!(soon(reported.recv()).await, Some(ErrorKind::Panic));
}

#[tokio::test]
async fn namespace_whose_only_client_is_refused_is_removed() {
    let served = Served::with(cleaning()).await;
    let parent = served.io.of_dynamic("/team-*");
    parent.with_middleware(async |_: Socket| {
        tokio::task::yield_now().await;
        Err::<(), _>("no")
    });
    let mut raw = served.open().await;
    for team in 0..5 {
        raw.send(&format!("0/team-{team},")).await;
        assert_eq!(raw.next().await, format!(r#"4/team-{team},{{"message":"no"}}"#));
    }
    assert_eq!(names(&served.io), ["/"]);
    assert!(parent.children().is_empty());
}

#[tokio::test]
async fn namespace_whose_only_client_is_lost_while_connecting_is_removed() {
    let served = Served::with(cleaning()).await;
    let (asked, mut coming) = mpsc::unbounded_channel();
    served.io.of_dynamic("/team-*").with_middleware(move |_: Socket| {
        let asked = asked.clone();
        async move {
            asked.send(()).map_err(|_| "the test listens")?;
            std::future::pending::<Result<(), &str>>().await
        }
    });
    let mut raw = served.open().await;
    raw.send("0/team-1,").await;
    soon(coming.recv()).await.expect("it is asked");
    assert_eq!(served.io.namespaces().len(), 2);
    raw.close().await;
    until("the namespace went", || names(&served.io) == ["/"]).await;
}

#[tokio::test]
async fn namespace_with_a_pending_connect_is_not_removed() {
    let served = Served::with(cleaning()).await;
    let gate = Arc::new(Semaphore::new(1));
    let (asked, mut coming) = mpsc::unbounded_channel();
    let (opened, team) = (gate.clone(), served.io.of_dynamic("/team-*"));
    team.with_middleware(move |_: Socket| {
        let (gate, asked) = (opened.clone(), asked.clone());
        async move {
            asked.send(()).map_err(|_| "the test listens")?;
            gate.acquire().await.expect("never closed").forget();
            Ok::<_, &str>(())
        }
    });
    let mut first = served.open().await;
    first.join("/team-1").await;
    soon(coming.recv()).await.expect("the first is asked");
    let mut second = served.open().await;
    second.send("0/team-1,").await;
    soon(coming.recv()).await.expect("the second is asked");
    first.send("1/team-1,").await;
    // The response to another CONNECT shows that the first was removed.
    first.join("/").await;
    gate.add_permits(2);
    assert!(second.next().await.starts_with("0/team-1,{"));
    let mut third = served.open().await;
    third.join("/team-1").await;
    served
        .io
        .of("/team-1")
        .expect("a legal name")
        .emit("all", ())
        .expect("can be sent");
    for raw in [&mut second, &mut third] {
        assert_eq!(raw.next().await, r#"2/team-1,["all"]"#);
    }
}

fn recovering(skip_middlewares: bool) -> IoConfig {
    IoConfig {
        recovery: Some(Recovery {
            skip_middlewares,
            ..Recovery::default()
        }),
        ..IoConfig::default()
    }
}

#[tokio::test]
async fn server_with_recovery_can_be_closed_from_any_thread() {
    let served = Served::with(recovering(true)).await;
    let mut raw = served.join().await;
    let io = served.io.clone();
    let closing = std::thread::spawn(move || io.close());
    closing.join().expect("no panic");
    raw.expect_end().await;
    assert!(served.io.is_empty());
}

#[tokio::test]
async fn client_lost_while_resuming_may_resume_again() {
    let served = Served::with(recovering(false)).await;
    let Lost { sid, auth, .. } = lost(&served).await;
    let gate = Arc::new(Semaphore::new(0));
    let (asked, mut coming) = mpsc::unbounded_channel();
    let opened = gate.clone();
    served.io.with_middleware(move |_: Socket| {
        let (gate, asked) = (opened.clone(), asked.clone());
        async move {
            asked.send(()).map_err(|_| "the test listens")?;
            gate.acquire().await.expect("never closed").forget();
            Ok::<_, &str>(())
        }
    });
    let mut raw = served.open().await;
    raw.send(&format!("0{auth}")).await;
    soon(coming.recv()).await.expect("it is asked");
    let engine = served.io.engine(pesan_server::engineio::EngineConfig::default());
    raw.close().await;
    until("the connection is gone", || engine.sessions() == 0).await;
    gate.add_permits(1);
    let mut raw = served.open().await;
    assert_eq!(join(&mut raw, &auth).await.0, sid);
}

/// Notifies when it is dropped.
struct Told(mpsc::UnboundedSender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.send(()).unwrap_or_default();
    }
}

#[tokio::test]
async fn socket_lost_while_connecting_is_released() {
    let served = Served::start().await;
    let (sender, mut dropped) = mpsc::unbounded_channel();
    let (asked, mut coming) = mpsc::unbounded_channel();
    served.io.with_middleware(move |socket: Socket| {
        socket.data().insert(Told(sender.clone()));
        let held = socket.clone();
        socket.on("hello", move || held.emit("hello", ()));
        let asked = asked.clone();
        async move {
            asked.send(()).map_err(|_| "the test listens")?;
            std::future::pending::<Result<(), &str>>().await
        }
    });
    let mut raw = served.open().await;
    raw.send("0").await;
    soon(coming.recv()).await.expect("it is asked");
    raw.close().await;
    soon(dropped.recv()).await.expect("nothing holds it");
}

#[tokio::test]
async fn matcher_panic_leaves_no_socket() {
    let served = Served::start().await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    served.io.on_connection(move |socket: Socket| {
        let sender = sender.clone();
        socket.join("room");
        socket.on("disconnect", move |_: Socket, reason: DisconnectReason| {
            sender.send(reason).map_err(|_| "the test listens")
        });
    });
    served
        .io
        .of_dynamic(|name: &str, _: &pesan::socketio::Value| name.parse::<u8>().expect("on purpose") == 0);
    let mut raw = served.join().await;
    raw.send("0/a,").await;
    raw.expect_end().await;
    assert_eq!(
        soon(receiver.recv()).await,
        Some(DisconnectReason::TransportError)
    );
    assert!(served.io.is_empty());
    assert!(served.io.room_sizes().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn socket_disconnected_while_connecting_is_removed() {
    let served = Served::start().await;
    let (sender, coming) = std::sync::mpsc::channel::<Socket>();
    let sender = std::sync::Mutex::new(sender);
    served.io.with_middleware(move |socket: Socket| {
        let sender = sender.lock().map_err(|_| "no panic")?;
        sender.send(socket).map_err(|_| "the test listens")
    });
    let ending = std::thread::spawn(move || {
        for socket in coming {
            while !socket.connected() {
                std::hint::spin_loop();
            }
            socket.disconnect(false);
        }
    });
    // Keeps the lock on the rooms busy, so that there is time between two steps.
    let (busy, io) = (
        Arc::new(std::sync::atomic::AtomicBool::new(true)),
        served.io.clone(),
    );
    let looking = std::thread::spawn({
        let busy = busy.clone();
        move || {
            while busy.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::black_box(io.sockets());
            }
        }
    });
    for _ in 0..300 {
        let mut raw = Raw::open(served.address).await;
        raw.send("0").await;
        while raw.next().await != "1" {}
        drop(raw);
    }
    busy.store(false, std::sync::atomic::Ordering::Relaxed);
    looking.join().expect("no panic");
    tokio::time::timeout(
        Duration::from_secs(5),
        until("they went", || served.io.is_empty()),
    )
    .await
    .expect("nobody is left");
    drop(served);
    drop(ending);
}

#[tokio::test]
async fn namespace_with_saved_sessions_is_not_removed() {
    let served = Served::with(IoConfig {
        recovery: Some(Recovery {
            max_disconnection_duration: Duration::from_millis(500),
            ..Recovery::default()
        }),
        ..cleaning()
    })
    .await;
    let team = served.io.of_dynamic("/team-*");
    team.on_connection(|socket: Socket| socket.emit("hello", ()));
    let mut raw = served.open().await;
    let sid = raw.join("/team-1").await;
    let hello = raw.next().await;
    let args = hello.strip_prefix("2/team-1,").expect("an event");
    let last = offset(&format!("2{args}"));
    let socket = served
        .io
        .of("/team-1")
        .expect("a legal name")
        .socket(&sid)
        .expect("it is in");
    drop(socket);
    raw.close().await;
    let team_1 = served.io.of("/team-1").expect("a legal name");
    until("it is gone", || team_1.is_empty()).await;
    drop(team_1);
    assert!(!team.children().is_empty());
    assert!(!last.is_empty());
    until("the namespace went in the end", || team.children().is_empty()).await;
    assert_eq!(names(&served.io), ["/"]);
}
