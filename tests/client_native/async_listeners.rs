//! Async listeners, returned acks and errors, and the socket as a parameter.

use std::sync::{Arc, Mutex};

use pesan::socketio::{Ack, AckError, Args, Event, ListenerError, Manager, Socket, Value};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::node::Node;
use crate::{Log, connected, open, options, soon};

#[tokio::test]
async fn async_listener_handles_one_event_at_a_time_in_order() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    connected(&socket).await;
    let (log, gate) = (Log::new(), Arc::new(Semaphore::new(0)));
    let (added, waited) = (log.clone(), Arc::clone(&gate));
    socket.on("echo", move |number: u32| {
        let (log, gate) = (added.clone(), Arc::clone(&waited));
        async move {
            log.add(format!("begin {number}"));
            gate.acquire().await.expect("the gate stays open").forget();
            log.add(format!("end {number}"));
        }
    });
    let others = Log::new();
    let seen = others.clone();
    socket.on("echo", move |number: u32| seen.add(number));
    for number in 1..=3 {
        socket.emit("echo", number).expect("connected");
    }
    others
        .until("the plain listener, which does not wait", |all| all == [1, 2, 3])
        .await;
    log.until("the first", |all| all == ["begin 1"]).await;
    gate.add_permits(3);
    let expected = ["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"];
    log.until("all", |all| all == expected).await;
}

#[tokio::test]
async fn once_async_listener_runs_to_its_end() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    let log = Log::new();
    let added = log.clone();
    socket.once("echo", move |text: String| {
        let log = added.clone();
        async move {
            tokio::task::yield_now().await;
            log.add(text);
        }
    });
    socket.emit("echo", "first").expect("queued");
    socket.emit("echo", "second").expect("queued");
    log.until("it", |all| all == ["first"]).await;
}

#[tokio::test]
async fn listener_error_is_reported_to_on_error() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    let errors = Log::new();
    let log = errors.clone();
    socket.on_error(move |error: &ListenerError| log.add(error.to_string()));
    socket.on("echo", |text: String| Err::<(), _>(format!("plain {text}")));
    socket.on("echo", async |text: String| Err::<(), _>(format!("async {text}")));
    socket.on("echo", async |_: String| -> () {
        panic!("this panic is part of the test")
    });
    socket.on("echo", async |_: u32| ());
    socket.emit("echo", "a").expect("queued");
    let mut all = errors.until("three", |all| all.len() == 3).await;
    all.sort();
    assert_eq!(all[1..], ["event 'echo': async a", "event 'echo': plain a"]);
    assert!(all[0].starts_with("event 'echo': argument 0: "), "{all:?}");
}

#[derive(Debug, Serialize, Deserialize)]
struct Add(i64);

impl Event for Add {
    const NAME: &'static str = "typed";
    type Ack = i64;
}

/// What the official server reports as the ack of the event `name`.
async fn answer(socket: &Socket, name: &str) -> Vec<Value> {
    let mut events = socket.events();
    socket.emit("ask", (name, 20, 22)).expect("connected");
    while let Some(message) = soon("the answer", events.recv()).await {
        if message.name == "answered" {
            return message.args;
        }
    }
    panic!("the stream ended");
}

#[tokio::test]
async fn returned_value_is_sent_as_ack() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    connected(&socket).await;
    socket.on("plain", |a: i64, b: i64| a + b);
    socket.on("tuple", |a: i64, b: i64| Ack((a, b)));
    socket.on("async", async |a: i64, b: i64| {
        Ok::<_, String>(Ack([a, b, a + b]))
    });
    socket.on_event::<Add, _>(|add: Add| add.0 + 1);
    let numbers = |numbers: &[i64]| numbers.iter().map(|n| Value::from(*n)).collect::<Vec<_>>();
    assert_eq!(answer(&socket, "plain").await, numbers(&[42]));
    assert_eq!(answer(&socket, "tuple").await, numbers(&[20, 22]));
    assert_eq!(answer(&socket, "async").await, numbers(&[20, 22, 42]));
    assert_eq!(answer(&socket, "typed").await, numbers(&[21]));
}

#[tokio::test]
async fn listener_with_socket_parameter_does_not_keep_the_connection() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    let dropped = Arc::new(Mutex::new(false));
    struct Flag(Arc<Mutex<bool>>);
    impl Drop for Flag {
        fn drop(&mut self) {
            *self.0.lock().expect("no panic") = true;
        }
    }
    let flag = Flag(Arc::clone(&dropped));
    socket.on("echo", move |socket: Socket, text: String| {
        assert!(!*flag.0.lock().expect("no panic"));
        socket.emit("pesan", text).map(drop)
    });
    let received = Log::new();
    let log = received.clone();
    socket.on("pesan", move |text: String| log.add(text));
    socket.emit("echo", "a").expect("queued");
    received
        .until("the event of the listener", |all| all == ["a"])
        .await;
    let manager: Manager = socket.manager();
    drop(socket);
    drop(manager);
    soon("the drop", async {
        while !*dropped.lock().expect("no panic") {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn arguments_of_any_serializable_type_are_sent() {
    #[derive(Serialize)]
    struct Point {
        x: usize,
        y: Option<u8>,
    }
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    let echo = async |args: Result<Args, AckError>| args.expect("answered").0;
    let point = Value::object([("x", Value::from(1)), ("y", Value::Null)]);
    let sent = socket.emit_with_ack("echo", Point { x: 1, y: None });
    assert_eq!(echo(soon("a struct", sent).await).await, [point]);
    let sent = socket.emit_with_ack("echo", serde_json::json!({"a": [1]}));
    let object = Value::object([("a", Value::Array(vec![Value::from(1)]))]);
    assert_eq!(echo(soon("json", sent).await).await, [object]);
    let sent = socket.emit_with_ack("echo", vec!["a"]);
    assert_eq!(
        echo(soon("a list", sent).await).await,
        [Value::Array(vec!["a".into()])]
    );
    let sent = socket.emit_with_ack("echo", (7_usize, Some("b")));
    assert_eq!(
        echo(soon("a tuple", sent).await).await,
        [Value::from(7), Value::from("b")]
    );
}
