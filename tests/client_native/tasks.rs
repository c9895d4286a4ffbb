//! Dropped clients leave no tasks behind.

use std::time::Duration;

use futures_util::StreamExt;
use pesan::socketio::proto::TransportKind::{Polling, WebSocket};
use pesan::socketio::{Args, Options, Value};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::node::Node;
use crate::{Log, connected, open, options, soon};

/// Repetitions of each scenario.
const LIVES: usize = 20;

/// Time limit for tasks to end; unsent frames have ten seconds.
const ENDING: Duration = Duration::from_secs(20);

#[tokio::test]
async fn client_dropped_leaves_no_task() {
    let node = Node::start("{}");
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..LIVES {
        drop(open(&node.url(), options()));
        well_connected(&node.url(), options()).await;
        well_connected(&node.url(), options().transports([Polling])).await;
        // At a random moment of the upgrade.
        well_connected(&node.url(), options().transports([Polling, WebSocket])).await;
        cut(&node.url()).await;
        hearing(&node.url()).await;
        refused().await;
        asked(&node.url()).await;
        closed(&node.url()).await;
    }
    let began = Instant::now();
    while tasks() > before {
        let left = tasks() - before;
        assert!(
            began.elapsed() < ENDING,
            "{left} tasks are left of {LIVES} times nine clients"
        );
        tokio::task::yield_now().await;
    }
}

/// Emits, and is dropped without waiting for the ack.
async fn well_connected(url: &str, options: Options) {
    let socket = open(url, options);
    let Args(echoed) = soon("the echo", socket.emit_with_ack("echo", 1))
        .await
        .expect("answered");
    assert_eq!(echoed, [Value::from(1)]);
    drop(socket.emit_with_ack::<Value>("silent", ()));
    socket.emit("echo", "last words").expect("connected");
}

/// Reconnects.
async fn cut(url: &str) {
    let socket = open(url, options());
    let back = Log::new();
    let log = back.clone();
    let _listening = socket.on("reconnect", move |attempt: u32| log.add(attempt));
    connected(&socket).await;
    socket.emit("cut", ()).expect("connected");
    back.until("the reconnect", |all| !all.is_empty()).await;
}

/// Reads part of a stream.
async fn hearing(url: &str) {
    let socket = open(url, options());
    let mut events = socket.events();
    socket.emit("flood", (10, 100)).expect("queued");
    soon("an event", events.next())
        .await
        .expect("the socket is there");
}

/// Is dropped during a backoff.
async fn refused() {
    let socket = open("http://127.0.0.1:1", options());
    let refusals = Log::new();
    let log = refusals.clone();
    socket.on("connect_error", move || log.add(()));
    refusals.until("a refusal", |all| !all.is_empty()).await;
}

/// Never provides the requested `auth`.
async fn asked(url: &str) {
    let asked = Log::new();
    let log = asked.clone();
    let ask = move || {
        log.add(());
        std::future::pending::<Result<Value, String>>()
    };
    let _socket = open(url, options().auth_with(ask));
    asked.until("the question", |all| !all.is_empty()).await;
}

/// Is kept alive by its own listener until it is closed.
async fn closed(url: &str) {
    let socket = open(url, options());
    let itself = socket.clone();
    socket.on("connect", move || {
        itself.emit("echo", 1).expect("connected");
    });
    connected(&socket).await;
    socket.manager().close_now();
}
