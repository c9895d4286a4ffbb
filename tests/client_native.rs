//! The native client against the official Node server, scenario by scenario, over real sockets.
//!
//! Needs Node and `npm ci` in `tests/peers`.

#![cfg(feature = "native")]

#[path = "support/node.rs"]
mod node;
#[path = "support/proxy.rs"]
mod proxy;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use node::Node;
use pesan::socketio::client::{EmitState, Failure, TransportKind};
use pesan::socketio::{
    AckError, Lifecycle, Message, Options, Responder, Rest, SendError, Socket, Status, Value,
};
use proxy::{Proxy, Wire};

/// Longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Result of a future that has to come soon.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(result) => result,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// Things that happened, in order.
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

    /// Waits until the things are such.
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
    let _listening = socket.on_status(move |status| seen.add(status.clone()));
    if !socket.connected() {
        log.until("connect", |all| all.last().is_some_and(Status::is_connected))
            .await;
    }
}

#[tokio::test]
async fn events_and_acks_go_both_ways() {
    let node = Node::start("{}");
    let socket = open(&node.url(), options());
    let heard = Log::new();
    let log = heard.clone();
    socket.on("pesan", move |text: String| log.add(text)).forget();
    socket
        .on("add", |left: i64, right: i64, answer: Responder| {
            answer.send(left + right).expect("wanted")
        })
        .forget();
    let answered = Log::new();
    let log = answered.clone();
    socket.on("answered", move |sum: i64| log.add(sum)).forget();

    socket
        .emit("pesan", "halo")
        .expect("queued until there is a connection");
    heard.until("the broadcast", |all| all == ["halo"]).await;

    let echoed: (String, i64) = {
        let Rest(all) = soon("the answer", socket.emit_with_ack("echo", ("text", 7)))
            .await
            .expect("answered");
        (
            all[0].as_str().expect("text").to_owned(),
            all[1].as_number().and_then(|n| n.as_i64()).expect("a number"),
        )
    };
    assert_eq!(echoed, ("text".to_owned(), 7));

    socket.emit("ask", ("add", 20, 22)).expect("connected");
    answered
        .until("our answer to reach the server", |all| all == [42])
        .await;
}

#[tokio::test]
async fn namespaces_share_a_connection_and_middleware_can_refuse() {
    let node = Node::start("{}");
    let root = open(&node.url(), options());
    let chat = root.client().socket("/chat");
    connected(&root).await;
    connected(&chat).await;
    assert_ne!(root.id(), chat.id());
    assert_eq!(root.client().stats().opens, 1);

    let admin = root.client().socket("/admin");
    let log = Log::new();
    let seen = log.clone();
    admin
        .on("connect_error", move |message: String, data: Value| {
            seen.add((message, data))
        })
        .forget();
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
