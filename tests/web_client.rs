//! The browser client in a real browser, against the official Node server.
//!
//! Needs `tests/peers/client-server.mjs` running, and its address in `PESAN_TEST_SERVER` when this is compiled.

#![cfg(all(target_arch = "wasm32", feature = "web"))]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use pesan::socketio::proto::{Reason, TransportKind};
use pesan::socketio::{AckSender, Args, Lifecycle, Options, Socket, Status, Value};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Time limit for each step, in units of 4 ms.
const PATIENCE: u32 = 2_500;

fn server() -> &'static str {
    match option_env!("PESAN_TEST_SERVER") {
        Some(address) => address,
        None => panic!("PESAN_TEST_SERVER has to be the address of tests/peers/client-server.mjs"),
    }
}

fn options() -> Options {
    let delay = Duration::from_millis(5);
    Options::new().force_new().reconnection_delay(delay, delay)
}

fn open(options: Options) -> Socket {
    Socket::open(server(), options).expect("a good address")
}

/// Waits for a condition.
async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        if so() {
            return;
        }
        TimeoutFuture::new(4).await;
    }
    panic!("waited in vain for {what}");
}

/// Recorded events, in order.
fn log<T: 'static>() -> (Rc<RefCell<Vec<T>>>, impl Fn(T) + Clone) {
    let log = Rc::new(RefCell::new(Vec::new()));
    let adding = Rc::clone(&log);
    (log, move |thing| adding.borrow_mut().push(thing))
}

#[wasm_bindgen_test]
async fn browser_connects_and_receives_events() {
    let socket = open(options());
    let (received, add) = log();
    let greeted = add.clone();
    socket.on("welcome_message", move |text: String| greeted(text));
    socket.on("pesan", move |text: String| add(text));
    socket.emit("pesan", "halo").expect("queued");
    until("both", || received.borrow().len() == 2).await;
    assert_eq!(received.borrow()[1], "halo");
    assert_eq!(socket.status(), Status::Connected);
    assert_eq!(socket.manager().transport(), Some(TransportKind::WebSocket));
    socket.manager().close_now();
}

#[wasm_bindgen_test]
async fn browser_acks_and_binary_work_in_both_directions() {
    let socket = open(options());
    let deep = Value::object([("a", Value::Array(vec![Value::from(vec![1u8, 2, 3]), Value::Null]))]);
    let Args(answer) = socket
        .emit_with_ack("echo", (deep.clone(), "x"))
        .await
        .expect("answered");
    assert_eq!(answer, [deep, Value::from("x")]);

    let (answered, add) = log();
    socket.on("answered", move |sum: i64| add(sum));
    socket.on("add", |a: i64, b: i64, answer: AckSender| {
        answer.send(a + b).expect("wanted");
    });
    socket.emit("ask", ("add", 1, 2)).expect("connected");
    until("the answer", || *answered.borrow() == [3]).await;
    socket.manager().close_now();
}

#[wasm_bindgen_test]
async fn browser_polling_upgrades_to_websocket() {
    let socket = open(options().transports([TransportKind::Polling, TransportKind::WebSocket]));
    let first: String = socket.emit_with_ack("transport", ()).await.expect("answered");
    assert!(first == "polling" || first == "websocket");
    let client = socket.manager();
    until("the upgrade", || {
        client.transport() == Some(TransportKind::WebSocket)
    })
    .await;
    let bytes: Vec<Value> = socket
        .emit_with_ack("sizes", (Value::from(vec![0u8; 70_000]),))
        .await
        .expect("answered");
    assert_eq!(bytes, [Value::from(70_000)]);
    client.close_now();
}

#[wasm_bindgen_test]
async fn browser_polling_alone_works() {
    let socket = open(options().transports([TransportKind::Polling]));
    let Args(answer) = socket
        .emit_with_ack("echo", (Value::from(vec![9u8, 8]), "é"))
        .await
        .expect("answered");
    assert_eq!(answer, [Value::from(vec![9u8, 8]), Value::from("é")]);
    assert_eq!(socket.manager().transport(), Some(TransportKind::Polling));
    socket.disconnect();
    assert_eq!(
        socket.status(),
        Status::Disconnected {
            reason: Some(Reason::IoClientDisconnect)
        }
    );
    socket.manager().close_now();
}

/// Emits five events and disconnects immediately; checks that the official server handles all of them before the
/// disconnect.
async fn leave_after_emitting(
    transport: TransportKind,
    name: &str,
    reason: &str,
    leave: impl FnOnce(Socket),
) {
    let witness = open(options());
    let (received, add) = log();
    let (left, expected) = (add.clone(), name.to_owned());
    let own = format!("{name} ");
    witness.on("pesan", move |text: String| {
        if text.starts_with(&own) {
            add(text);
        }
    });
    witness.on("left", move |name: String, reason: String| {
        if name == expected {
            left(reason);
        }
    });
    until("the witness", || witness.connected()).await;

    let auth = Value::object([("name", Value::from(name))]);
    let socket = open(options().auth(auth).transports([transport]));
    until("connect", || socket.connected()).await;
    for n in 0..5 {
        socket.emit("pesan", format!("{name} {n}")).expect("connected");
    }
    leave(socket);
    until("the client to leave", || {
        received
            .borrow()
            .last()
            .is_some_and(|line| line.starts_with(reason))
    })
    .await;
    let expected: Vec<String> = (0..5).map(|n| format!("{name} {n}")).collect();
    assert_eq!(received.borrow()[..5], expected);
    witness.manager().close_now();
}

#[wasm_bindgen_test]
async fn events_before_a_disconnect_arrive_over_polling() {
    let (kind, reason) = (TransportKind::Polling, "client namespace disconnect");
    let mut keep = None;
    leave_after_emitting(kind, "polling disconnect", reason, |socket| {
        socket.disconnect();
        keep = Some(socket);
    })
    .await;
    leave_after_emitting(kind, "polling close", reason, |socket| {
        socket.manager().close_now();
    })
    .await;
    leave_after_emitting(kind, "polling drop", reason, drop).await;
}

#[wasm_bindgen_test]
async fn events_before_a_disconnect_arrive_over_websocket() {
    let (kind, reason) = (TransportKind::WebSocket, "client namespace disconnect");
    let mut keep = None;
    leave_after_emitting(kind, "websocket disconnect", reason, |socket| {
        socket.disconnect();
        keep = Some(socket);
    })
    .await;
    leave_after_emitting(kind, "websocket close", reason, |socket| {
        socket.manager().close_now();
    })
    .await;
    leave_after_emitting(kind, "websocket drop", "transport", drop).await;
}

#[wasm_bindgen_test]
async fn events_caused_by_listener_are_queued() {
    let socket = open(options());
    let (received, add) = log();
    let (inside, first) = (socket.clone(), add.clone());
    let guard = Rc::new(RefCell::new(None));
    let removing = Rc::clone(&guard);
    *guard.borrow_mut() = Some(socket.on("pesan", move |text: String| {
        inside.emit("echo", text.clone()).expect("connected");
        first(text);
        removing.borrow_mut().take();
    }));
    socket.on("echo", move |text: String| add(["echo ", &text].concat()));
    socket.emit("pesan", "1").expect("queued");
    until("the echo", || received.borrow().len() == 2).await;
    assert_eq!(*received.borrow(), ["1", "echo 1"]);
    assert!(guard.borrow().is_none());
    socket.manager().close_now();
}

#[wasm_bindgen_test]
async fn browser_reconnects_after_server_closes() {
    let socket = open(options());
    let (lives, add) = log();
    socket.on_lifecycle(move |step: &Lifecycle| add(step.name().unwrap_or("-")));
    until("connect", || socket.connected()).await;
    socket.emit("cut", ()).expect("connected");
    until("reconnect", || {
        lives.borrow().contains(&"reconnect") && socket.connected()
    })
    .await;
    let lives = lives.borrow().clone();
    let after = lives
        .iter()
        .position(|step| *step == "disconnect")
        .expect("a disconnect");
    assert_eq!(
        lives[after..],
        ["disconnect", "reconnect_attempt", "reconnect", "connect"]
    );
    socket.manager().close_now();
}

#[wasm_bindgen_test]
async fn ack_future_dropped_leaves_nothing() {
    let socket = open(options());
    until("connect", || socket.connected()).await;
    drop(socket.emit_with_ack::<String>("silent", ()));
    assert_eq!(socket.pending_acks(), 0);
    let late = socket
        .timeout(Duration::from_millis(20))
        .emit_with_ack::<String>("silent", ())
        .await;
    assert!(late.is_err_and(|error| error.is_timeout()));
    socket.manager().close_now();
}

/// Bytes of JavaScript after a collection, where the browser says so.
fn heap() -> Option<f64> {
    let global = js_sys::global();
    let collect: js_sys::Function = js_sys::Reflect::get(&global, &"gc".into())
        .ok()?
        .dyn_into()
        .ok()?;
    collect.call0(&global).ok()?;
    let performance = js_sys::Reflect::get(&global, &"performance".into()).ok()?;
    let memory = js_sys::Reflect::get(&performance, &"memory".into()).ok()?;
    js_sys::Reflect::get(&memory, &"usedJSHeapSize".into())
        .ok()?
        .as_f64()
}

fn wasm_pages() -> usize {
    core::arch::wasm32::memory_size::<0>()
}

#[wasm_bindgen_test]
async fn thousand_reconnects_do_not_leak() {
    const WARM: u32 = 100;
    const TIMES: u32 = 1_000;
    let instant = Duration::from_millis(1);
    let socket = open(options().reconnection_delay(instant, instant));
    let (connects, add) = log();
    socket.on("connect", move || add(()));
    let mut before = None;
    for time in 1..=TIMES {
        let reached = time as usize;
        until("connect", || {
            connects.borrow().len() >= reached && socket.connected()
        })
        .await;
        if time == WARM {
            before = Some((wasm_pages(), heap(), wasm_bindgen::externref_heap_live_count()));
        }
        if time < TIMES {
            socket.emit("cut", ()).expect("connected");
            until("disconnect", || {
                !socket.connected() || connects.borrow().len() > reached
            })
            .await;
        }
    }
    let (pages, bytes, handles) = before.expect("measured above");
    assert_eq!(
        wasm_bindgen::externref_heap_live_count(),
        handles,
        "things of JavaScript that are held"
    );
    assert_eq!(socket.manager().stats().reconnects, u64::from(TIMES - 1));
    assert!(
        wasm_pages() <= pages + 1,
        "wasm memory grew from {pages} to {} pages",
        wasm_pages()
    );
    if let (Some(before), Some(after)) = (bytes, heap()) {
        assert!(
            after < before + 1_000_000.0,
            "the JavaScript heap grew from {before} to {after} bytes"
        );
    }
    socket.manager().close_now();
}

#[wasm_bindgen_test]
async fn unread_bytes_over_limit_close_the_connection() {
    let mut options = options();
    options.config.limits.max_unsent_bytes = 1 << 20;
    let socket = open(options);
    let (received, add) = log();
    socket.on("disconnect", move |reason: String, details: Args| {
        add(format!("{reason} {details:?}"));
    });
    until("connect", || socket.connected()).await;
    socket.emit("deaf", ()).expect("connected");
    let text = "x".repeat(256 << 10);
    // Browser and system buffer some megabytes first.
    for _ in 0..PATIENCE {
        if !received.borrow().is_empty() || socket.emit("silent", &text).is_err() {
            break;
        }
        TimeoutFuture::new(4).await;
    }
    until("the end", || !received.borrow().is_empty()).await;
    let reason = received.borrow().first().cloned().expect("received above");
    assert!(reason.starts_with("transport error"), "{reason}");
    assert!(reason.contains("more than 1048576 bytes are unsent"), "{reason}");
    socket.manager().close_now();
}

#[wasm_bindgen_test]
async fn text_long_round_trip_is_unchanged() {
    let socket = open(options());
    for text in [
        "x".repeat(20_000),
        "é".repeat(300),
        "halo 😀 ".repeat(2_000),
        "x".repeat(256),
    ] {
        let answer: String = socket
            .emit_with_ack("echo", text.as_str())
            .await
            .expect("answered");
        assert!(
            answer == text,
            "{} bytes came back of {}",
            answer.len(),
            text.len()
        );
    }
}
