//! The native client against the official Node server, scenario by scenario, over real sockets.
//!
//! Needs Node and `npm ci` in `tests/peers`.

#![cfg(feature = "native")]

#[path = "client_native/async_listeners.rs"]
mod async_listeners;
#[path = "client_native/closing.rs"]
mod closing;
#[path = "client_native/dispatch.rs"]
mod dispatch;
#[path = "support/node.rs"]
mod node;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "client_native/tasks.rs"]
mod tasks;
#[path = "client_native/wire.rs"]
mod wire;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::SinkExt;
use node::Node;
use pesan::socketio::proto::{EmitState, Failure, TransportKind};
use pesan::socketio::value::Number;
use pesan::socketio::{
    AckError, AckSender, Args, Lifecycle, Message, OpenError, Options, SendError, Socket, Status, Value,
};
use proxy::{Proxy, Wire};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message::Ping;

/// Time limit for each step.
const PATIENCE: Duration = Duration::from_secs(10);

/// Result of a future, within the time limit.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(result) => result,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// Recorded events, in order.
struct Log<T>(Arc<Mutex<Vec<T>>>, Arc<tokio::sync::Notify>);

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), Arc::clone(&self.1))
    }
}

impl<T: Clone + std::fmt::Debug> Log<T> {
    fn new() -> Self {
        Self(Arc::default(), Arc::default())
    }

    fn add(&self, thing: T) {
        self.0.lock().expect("no test panics in here").push(thing);
        self.1.notify_waiters();
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().expect("no test panics in here").clone()
    }

    /// Waits until the record meets a condition.
    async fn until(&self, what: &str, enough: impl Fn(&[T]) -> bool) -> Vec<T> {
        let wait = async {
            loop {
                let changed = self.1.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let all = self.all();
                if enough(&all) {
                    return all;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(all) => all,
            Err(_) => panic!("waited in vain for {what}; there is {:?}", self.all()),
        }
    }
}

fn options() -> Options {
    let delay = Duration::from_millis(50);
    Options::new()
        .force_new()
        .reconnection_delay(delay, Duration::from_millis(200))
}

fn open(url: &str, options: Options) -> Socket {
    Socket::open(url, options).expect("a good address")
}

async fn connected(socket: &Socket) {
    let log = Log::new();
    let seen = log.clone();
    let _listening = socket.scope(socket.on_status(move |status| seen.add(status.clone())));
    if !socket.connected() {
        log.until("connect", |all| all.last().is_some_and(Status::is_connected))
            .await;
    }
}

#[tokio::test]
async fn events_and_acks_work_in_both_directions() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    let received = Log::new();
    let log = received.clone();
    socket.on("pesan", move |text: String| log.add(text));
    socket.on("add", |left: i64, right: i64, answer: AckSender| {
        answer.send(left + right).expect("wanted");
    });
    let answered = Log::new();
    let log = answered.clone();
    socket.on("answered", move |sum: i64| log.add(sum));

    socket
        .emit("pesan", "halo")
        .expect("queued until there is a connection");
    received.until("the broadcast", |all| all == ["halo"]).await;

    let echoed: (String, i64) = {
        let Args(all) = soon("the answer", socket.emit_with_ack("echo", ("text", 7)))
            .await
            .expect("answered");
        (
            all[0].as_str().expect("text").to_owned(),
            all[1].as_number().and_then(Number::as_i64).expect("a number"),
        )
    };
    assert_eq!(echoed, ("text".to_owned(), 7));

    socket.emit("ask", ("add", 20, 22)).expect("connected");
    answered
        .until("our answer to reach the server", |all| all == [42])
        .await;
}

#[tokio::test]
async fn namespaces_share_a_connection_and_middleware_may_refuse() {
    let node = Node::start("{}");
    let root = open(&node.url(), options());
    let chat = root.manager().socket("/chat").expect("a legal name");
    connected(&root).await;
    connected(&chat).await;
    assert_ne!(root.id(), chat.id());
    assert_eq!(root.manager().stats().opens, 1);

    let admin = root.manager().socket("/admin").expect("a legal name");
    let log = Log::new();
    let seen = log.clone();
    admin.on("connect_error", move |message: String, data: Value| {
        seen.add((message, data));
    });
    let refused = log.until("the refusal", |all| !all.is_empty()).await;
    assert_eq!(refused[0].0, "not authorized");
    assert_eq!(refused[0].1.get("code"), Some(&Value::from(401)));
    assert!(matches!(admin.status(), Status::Refused { .. }));
    assert!(!admin.active());
    assert!(
        root.connected() && chat.connected(),
        "a refusal concerns one namespace"
    );

    admin.set_auth_with(|| async { Ok(Value::object([("token", Value::from("secret"))])) });
    admin.connect();
    connected(&admin).await;
}

#[tokio::test]
async fn binary_at_any_depth_works_in_both_directions() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    let bytes = Value::from((0..=255).collect::<Vec<u8>>());
    let deep = Value::object([(
        "list",
        Value::Array(vec![bytes.clone(), Value::object([("x", bytes)])]),
    )]);
    let Args(echoed) = soon("the answer", socket.emit_with_ack("echo", (deep.clone(), 1)))
        .await
        .expect("answered");
    assert_eq!(echoed, [deep, Value::from(1)]);

    let too_many: Vec<Value> = vec![Value::from(vec![1u8]); 11];
    assert!(matches!(socket.emit("echo", too_many), Err(SendError::Emit(_))));
    assert!(
        matches!(socket.emit("connect", ()), Err(SendError::Emit(_))),
        "a reserved name"
    );
    assert!(socket.connected(), "what is refused harms nobody");
}

#[tokio::test]
async fn ack_times_out_and_dropped_future_cancels_it() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    connected(&socket).await;
    let limit = Duration::from_millis(80);
    let late = soon(
        "the time limit",
        socket.timeout(limit).emit_with_ack::<Value>("silent", ()),
    )
    .await;
    assert_eq!(late, Err(AckError::Failed(Failure::TimedOut)));

    let given_up = socket.emit_with_ack::<Value>("silent", ());
    assert_eq!(socket.pending_acks(), 1);
    drop(given_up);
    assert_eq!(socket.pending_acks(), 0);

    let pending = socket.emit_with_ack::<Value>("silent", ());
    socket.disconnect();
    let lost = soon("the end of the connection", pending).await;
    assert_eq!(lost, Err(AckError::Failed(Failure::Disconnected)));
}

#[tokio::test]
async fn namespace_illegal_is_refused_by_open_and_socket() {
    let illegal = |name: &str| Some(OpenError::Namespace(name.to_owned()));
    let opened = Socket::open("http://127.0.0.1:9/a,b", options());
    assert_eq!(opened.err(), illegal("/a,b"));
    let socket = open("http://127.0.0.1:9", options());
    assert_eq!(socket.manager().socket("x,y").err(), illegal("/x,y"));
    let long = "/".repeat(10_000);
    assert_eq!(socket.manager().socket(&long).err(), illegal(&long));
}

#[tokio::test]
async fn null_argument_arrives_in_both_directions() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    connected(&socket).await;
    let Args(answer) = soon("an answer", socket.emit_with_ack("echo", Value::Null))
        .await
        .expect("answered");
    assert_eq!(answer, [Value::Null]);
    let Args(answer) = soon("an answer", socket.emit_with_ack("echo", ()))
        .await
        .expect("answered");
    assert_eq!(answer, []);

    let answered = Log::new();
    let log = answered.clone();
    socket.on("answered", move |Args(args): Args| log.add(args));
    socket.on("nothing?", |answer: AckSender| {
        answer.send(Value::Null).expect("connected");
    });
    socket.emit("ask", "nothing?").expect("connected");
    let all = answered.until("the answer", |all| !all.is_empty()).await;
    assert_eq!(all, [vec![Value::Null]]);
}

#[tokio::test]
async fn volatile_event_without_connection_is_dropped() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options().auto_connect(false));
    let dropped = socket.volatile().emit("pesan", "lost").expect("not an error");
    assert_eq!(dropped.state, EmitState::Failed(Failure::Dropped));
    let kept = socket.emit("pesan", "kept").expect("queued");
    assert_eq!((kept.state, socket.queue_len()), (EmitState::Queued, 1));
    let received = Log::new();
    let log = received.clone();
    socket.on("pesan", move |text: String| log.add(text));
    socket.connect();
    received.until("what was kept", |all| all == ["kept"]).await;
}

#[tokio::test]
async fn retries_send_unacknowledged_event_again() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options().retries(3, Duration::from_millis(100)));
    let tries: i64 = soon("the third try", socket.emit_with_ack("flaky", ("key", 3)))
        .await
        .expect("answered");
    assert_eq!(tries, 3);
    let given_up = soon("the last try", socket.emit_with_ack::<Value>("silent", ())).await;
    assert_eq!(given_up, Err(AckError::Failed(Failure::TimedOut)));
}

#[tokio::test]
async fn server_killed_client_reconnects_and_sends_queued_events() {
    let first = Node::start("{}");
    let port = first.port();
    let socket = open(&first.url(), options());
    connected(&socket).await;
    let (steps, received) = (Log::new(), Log::new());
    let (lives, log) = (steps.clone(), received.clone());
    socket.on_lifecycle(move |step: &Lifecycle| lives.add(step.name().unwrap_or("-")));
    socket.on("pesan", move |text: String| log.add(text));

    drop(first);
    steps
        .until("a failed attempt", |all| all.contains(&"reconnect_error"))
        .await;
    for text in ["a", "b", "c"] {
        socket.emit("pesan", text).expect("queued");
    }
    assert!(matches!(
        socket.status(),
        Status::Reconnecting { attempt: 1.., .. }
    ));
    let _again = Node::start(&format!(r#"{{"port":{port}}}"#));
    received
        .until("what was typed meanwhile", |all| all == ["a", "b", "c"])
        .await;
    let steps = steps.all();
    assert_eq!(steps.first(), Some(&"disconnect"));
    assert_eq!(steps[steps.len() - 2..], ["reconnect", "connect"]);
}

#[tokio::test]
async fn reconnect_attempts_exhausted_emits_reconnect_failed() {
    let free = { Node::start("{}").port() };
    let socket = open(
        &format!("http://127.0.0.1:{free}"),
        options().reconnection_attempts(2),
    );
    let steps = Log::new();
    let lives = steps.clone();
    socket.on_lifecycle(move |step: &Lifecycle| lives.add(step.name().unwrap_or("-")));
    let all = steps.until("the end", |all| {
        all.contains(&"reconnect_failed") && all.last() == Some(&"reconnect_error")
    });
    let all = all.await;
    assert_eq!(all.iter().filter(|step| **step == "reconnect_attempt").count(), 2);
    assert_eq!(
        all[all.len() - 2..],
        ["reconnect_failed", "reconnect_error"],
        "the official order"
    );
    assert!(matches!(socket.status(), Status::Disconnected { .. }));
}

#[tokio::test]
async fn connection_cut_reconnects_immediately() {
    let node = Node::start("{}");
    let proxy = Proxy::before(node.port()).await;
    let socket = open(&proxy.url(), options());
    connected(&socket).await;
    let steps = Log::new();
    let lives = steps.clone();
    socket.on("disconnect", move |reason: String| lives.add(reason));
    proxy.cut_once();
    steps.until("the cut", |all| !all.is_empty()).await;
    assert_eq!(steps.all(), ["transport close"]);
    connected(&socket).await;
    let answer: String = soon("an answer", socket.emit_with_ack("echo", "again"))
        .await
        .expect("answered");
    assert_eq!(answer, "again");
}

#[tokio::test]
async fn connection_stalled_closes_with_ping_timeout() {
    let node = Node::start(r#"{"pingInterval":100,"pingTimeout":200}"#);
    let proxy = Proxy::before(node.port()).await;
    let socket = open(&proxy.url(), options());
    connected(&socket).await;
    let steps = Log::new();
    let lives = steps.clone();
    socket.on("disconnect", move |reason: String| lives.add(reason));
    proxy.set(Wire::Stalled);
    steps
        .until("the deadline", |all| {
            all.first().is_some_and(|reason| reason == "ping timeout")
        })
        .await;
    proxy.set(Wire::Open);
    connected(&socket).await;
}

/// Server that sends the handshake to its only client and then reads nothing. Returns its address, and reports when the
/// client has disconnected.
async fn deaf_server() -> (String, oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("just bound"));
    let (gone, ended) = oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut socket = tokio_tungstenite::accept_async(stream)
            .await
            .expect("a WebSocket");
        let open =
            r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        for packet in [open, r#"40{"sid":"s"}"#] {
            socket.send(packet.into()).await.expect("the client is there");
        }
        // the connection's end is an error of what is written to it
        while socket.send(Ping("".into())).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if gone.send(()).is_err() {
            // the test does not ask
        }
    });
    (url, ended)
}

#[tokio::test]
async fn unread_bytes_over_limit_close_the_connection() {
    let mut options = options();
    options.config.limits.max_unsent_bytes = 1 << 20;
    let (url, _ended) = deaf_server().await;
    let socket = open(&url, options);
    let reasons = Log::new();
    let received = reasons.clone();
    socket.on("disconnect", move |reason: String, details: Args| {
        received.add(format!("{reason} {details:?}"));
    });
    connected(&socket).await;
    let text = "x".repeat(256 << 10);
    while reasons.all().is_empty() {
        // The kernel buffers some megabytes first. After the connection has closed, the send buffer fills up.
        if socket.emit("echo", &text).is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let reasons = reasons.until("the end", |all| !all.is_empty()).await;
    assert!(reasons[0].starts_with("transport error"), "{reasons:?}");
    assert!(
        reasons[0].contains("more than 1048576 bytes are unsent"),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn unread_frames_after_drop_are_given_up() {
    let (url, ended) = deaf_server().await;
    let socket = open(&url, options());
    connected(&socket).await;
    let text = "x".repeat(256 << 10);
    for _ in 0..64 {
        socket.emit("echo", &text).expect("less than may wait");
    }
    // From here on, tokio advances the paused clock whenever all tasks are idle.
    tokio::time::pause();
    drop(socket);
    ended.await.expect("the server sees the end");
}

#[tokio::test]
async fn connection_slow_keeps_event_order() {
    let node = Node::start("{}");
    let proxy = Proxy::before(node.port()).await;
    proxy.set(Wire::Slow(Duration::from_millis(30)));
    let socket = open(&proxy.url(), options());
    let received = Log::new();
    let log = received.clone();
    socket.on("pesan", move |n: i64| log.add(n));
    for n in 0..200 {
        socket.emit("pesan", n).expect("queued");
    }
    let all = received.until("all of them", |all| all.len() == 200).await;
    assert_eq!(all, (0..200).collect::<Vec<_>>());
    let latency = {
        soon("an answer", socket.emit_with_ack::<i64>("echo", 1))
            .await
            .expect("answered");
        socket.manager().latency()
    };
    assert!(
        latency.expect("measured").last >= Duration::from_millis(50),
        "both ways are slow"
    );
}

#[tokio::test]
async fn session_recovered_delivers_missed_events() {
    let node = Node::start(r#"{"connectionStateRecovery":{}}"#);
    let proxy = Proxy::before(node.port()).await;
    let socket = open(&proxy.url(), options());
    let other = open(&node.url(), options());
    connected(&socket).await;
    connected(&other).await;
    let received = Log::new();
    let log = received.clone();
    socket.on("pesan", move |text: String| log.add(text));
    other.emit("pesan", "before").expect("connected");
    received.until("the first", |all| all == ["before"]).await;
    let id = socket.id();

    proxy.set(Wire::Cut);
    other.emit("pesan", "missed").expect("connected");
    soon("the server", other.emit_with_ack::<i64>("echo", 1))
        .await
        .expect("answered");
    proxy.set(Wire::Open);
    received
        .until("what was missed", |all| all == ["before", "missed"])
        .await;
    connected(&socket).await;
    assert!(socket.recovered());
    assert_eq!(socket.id(), id);
}

#[tokio::test]
async fn polling_works_and_upgrades_to_websocket() {
    let node = Node::start("{}");
    let socket = open(
        &node.url(),
        options().transports([TransportKind::Polling, TransportKind::WebSocket]),
    );
    let client = socket.manager();
    let steps = Log::new();
    let lives = steps.clone();
    let _listening =
        socket.on_lifecycle(move |step: &Lifecycle| lives.add(matches!(step, Lifecycle::Upgrade)));
    let Args(echoed) = soon(
        "an answer",
        socket.emit_with_ack("echo", (Value::from(vec![1u8, 2]), "é")),
    )
    .await
    .expect("answered");
    assert_eq!(echoed, [Value::from(vec![1u8, 2]), Value::from("é")]);
    if client.transport() != Some(TransportKind::WebSocket) {
        steps.until("the upgrade", |all| all.contains(&true)).await;
    }
    let transport: String = soon("an answer", socket.emit_with_ack("transport", ()))
        .await
        .expect("answered");
    assert_eq!(transport, "websocket");
    assert_eq!((client.stats().opens, client.stats().upgrades), (1, 1));
}

#[tokio::test]
async fn polling_without_websocket_works() {
    let node = Node::start(r#"{"transports":["polling"]}"#);
    let socket = open(&node.url(), options());
    let transport: String = soon("an answer", socket.emit_with_ack("transport", ()))
        .await
        .expect("answered");
    assert_eq!(transport, "polling", "WebSocket was tried first and refused");
    let sizes: Vec<i64> = soon(
        "an answer",
        socket.emit_with_ack("sizes", (Value::from(vec![0u8; 50_000]),)),
    )
    .await
    .expect("answered");
    assert_eq!(sizes, [50_000]);
    let received = Log::new();
    let log = received.clone();
    socket.on("flooded", move |count: i64| log.add(count));
    socket.emit("flood", (2_000, 10, false)).expect("connected");
    received.until("the flood", |all| all == [2_000]).await;
}

#[cfg(feature = "msgpack")]
#[tokio::test]
async fn msgpack_parser_works_with_official_server() {
    let node = Node::start(r#"{"msgpack":true}"#);
    let mut options = options();
    options.config.parser = pesan::socketio::Parser::Msgpack;
    let socket = open(&node.url(), options);
    let deep = Value::object([
        ("bytes", Value::from(vec![1u8, 2])),
        ("n", Value::from(-7)),
        ("none", Value::Null),
    ]);
    let Args(echoed) = soon("the answer", socket.emit_with_ack("echo", (deep.clone(), "é")))
        .await
        .expect("answered");
    assert_eq!(echoed, [deep, Value::from("é")]);
    let received = Log::new();
    let log = received.clone();
    socket.on("pesan", move |text: String| log.add(text));
    socket.emit("pesan", "halo").expect("connected");
    received.until("the broadcast", |all| all == ["halo"]).await;
}

#[tokio::test]
async fn handshake_has_auth_query_headers_and_path() {
    let node = Node::start("{}");
    let options = options()
        .query("room", "a b")
        .extra_header("x-test", "yes")
        .auth_with(|| async { Ok(Value::object([("token", Value::from("fresh"))])) });
    let socket = open(&format!("{}/chat?room=c%20d", node.url()), options);
    assert_eq!(socket.namespace(), "/chat");
    let handshake: Value = soon("an answer", socket.emit_with_ack("handshake", ()))
        .await
        .expect("answered");
    let find = |part: &str, name: &str| handshake.get(part).and_then(|part| part.get(name)).cloned();
    assert_eq!(find("auth", "token"), Some(Value::from("fresh")));
    assert_eq!(
        find("query", "room"),
        Some(Value::from("c d")),
        "the address wins, as in the official client"
    );
    assert_eq!(find("headers", "x-test"), Some(Value::from("yes")));
}

#[tokio::test]
async fn connect_never_answered_times_out() {
    let node = Node::start("{}");
    let mut options = options();
    options.config.connect_timeout = Some(Duration::from_millis(150));
    let socket = open(&format!("{}/silent", node.url()), options);
    let steps = Log::new();
    let lives = steps.clone();
    socket.on_lifecycle(move |step: &Lifecycle| lives.add(step.name().unwrap_or("-")));
    steps
        .until("both", |all| {
            all.contains(&"connect_timeout") && all.contains(&"connect_error")
        })
        .await;
}

#[tokio::test]
async fn server_disconnect_is_final_until_connect() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    connected(&socket).await;
    let steps = Log::new();
    let lives = steps.clone();
    socket.on("disconnect", move |reason: String| lives.add(reason));
    socket.emit("kick", false).expect("connected");
    steps
        .until("the kick", |all| all == ["io server disconnect"])
        .await;
    assert!(!socket.active());
    socket.connect();
    connected(&socket).await;
}

#[tokio::test]
async fn listener_panic_or_mismatch_does_not_affect_others() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    let (received, errors) = (Log::new(), Log::new());
    let (log, wrong) = (received.clone(), errors.clone());
    socket.on("echo", |text: String| {
        assert_ne!(text, "boom", "this panic is part of the test");
    });
    socket.on("echo", |_: i64| -> () { unreachable!("text is no number") });
    socket.on("echo", move |text: String| log.add(text));
    socket.on("error", move |error: String| wrong.add(error));
    socket.emit("echo", "boom").expect("queued");
    socket.emit("echo", "calm").expect("queued");
    received.until("both", |all| all == ["boom", "calm"]).await;
    let errors = errors.until("both complaints", |all| all.len() == 2).await;
    assert!(errors[0].starts_with("event 'echo': argument 0: "), "{errors:?}");
}

#[tokio::test]
async fn on_any_once_and_off_work() {
    let node = Node::start("{}");
    let socket = open(&format!("{}/chat", node.url()), options());
    connected(&socket).await;
    let (incoming, outgoing, once) = (Log::new(), Log::new(), Log::new());
    let (log_in, log_out, log_once) = (incoming.clone(), outgoing.clone(), once.clone());
    let any = socket.on_any(move |message: Message| log_in.add(message.name));
    socket.on_any_outgoing(move |message: Message| log_out.add(message.name));
    socket.once("echo", move || log_once.add(()));
    for _ in 0..2 {
        socket.emit("echo", ()).expect("connected");
    }
    socket.emit("numbers", ()).expect("connected");
    incoming.until("all", |all| all == ["echo", "echo", "7"]).await;
    assert_eq!(outgoing.all(), ["echo", "echo", "numbers"]);
    assert_eq!(once.all().len(), 1);

    assert!(socket.off(any));
    assert!(!socket.off(any), "it was removed already");
    let mut events = socket.events();
    socket.emit("echo", (1, "two")).expect("connected");
    let message = soon("the stream", events.recv())
        .await
        .expect("the stream does not end");
    assert_eq!(message.args, [Value::from(1), Value::from("two")]);
    assert_eq!(incoming.all().len(), 3, "the catch-all was removed");
}

#[tokio::test]
async fn emit_before_drop_is_sent() {
    let node = Node::start("{}");
    let witness = open(&node.url(), options());
    let received = Log::new();
    let log = received.clone();
    witness.on("pesan", move |text: String| log.add(text));
    connected(&witness).await;
    let socket = open(&node.url(), options());
    connected(&socket).await;
    socket.emit("pesan", "last words").expect("connected");
    drop(socket);
    received.until("them", |all| all == ["last words"]).await;
}

#[tokio::test]
async fn managers_with_same_options_share_a_connection() {
    let node = Node::start("{}");
    let shared = || Options::new();
    let root = open(&node.url(), shared());
    let chat = open(&format!("{}/chat", node.url()), shared());
    connected(&root).await;
    connected(&chat).await;
    assert_eq!(root.manager().stats().opens, 1);
    let same_namespace = open(&node.url(), shared());
    connected(&same_namespace).await;
    assert_ne!(
        root.id(),
        same_namespace.id(),
        "the same namespace again is a connection of its own"
    );
}

#[tokio::test]
async fn captured_value_may_use_client_in_drop() {
    struct Goodbye(Socket, Log<bool>);

    impl Drop for Goodbye {
        fn drop(&mut self) {
            self.1.add(self.0.connected());
        }
    }

    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    connected(&socket).await;
    let log = Log::new();
    let goodbye = Goodbye(socket.clone(), log.clone());
    let refused = socket.emit_then("connect", (), move |_: Result<Value, AckError>| drop(goodbye));
    assert!(refused.is_err());
    assert_eq!(log.all(), [true]);

    let goodbye = Goodbye(socket.clone(), log.clone());
    drop(socket.on_scoped("pesan", move || assert!(goodbye.0.active())));
    assert_eq!(log.all(), [true, true]);
}
