//! The Leptos hooks in a real browser, against the official Node server.
//!
//! Needs `tests/peers/client-server.mjs` running, and its address in `PESAN_TEST_SERVER` when this is compiled.

#![cfg(all(target_arch = "wasm32", feature = "leptos"))]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use leptos::mount::mount_to;
use leptos::prelude::*;
use pesan::socketio::leptos::{
    FrameBatcher, UseSocket, use_any, use_any_batch, use_batch, use_emit_state, use_event, use_lifecycle,
    use_socket, use_status,
};
use pesan::socketio::{AckError, Event, Lifecycle, NoAck, Options, SendError, Status};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::HtmlElement;

wasm_bindgen_test_configure!(run_in_browser);

fn server() -> &'static str {
    match option_env!("PESAN_TEST_SERVER") {
        Some(address) => address,
        None => panic!("PESAN_TEST_SERVER has to be the address of tests/peers/client-server.mjs"),
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2_500 {
        if condition() {
            return;
        }
        TimeoutFuture::new(4).await;
    }
    panic!("timed out waiting for {what}");
}

#[derive(Serialize, Deserialize)]
struct Echo(String);

impl Event for Echo {
    const NAME: &'static str = "echo";
    type Ack = String;
}

/// Mounts a component that is nothing but its socket; `setup` adds what a test needs.
fn mount_socket<V: IntoView + 'static>(
    options: Options,
    setup: impl FnOnce(UseSocket) -> V + 'static,
) -> (UseSocket, HtmlElement, impl Sized) {
    let place: HtmlElement = document()
        .create_element("div")
        .expect("a valid element name")
        .unchecked_into();
    let socket = Rc::new(Cell::new(None));
    let given = Rc::clone(&socket);
    let handle = mount_to(place.clone(), move || {
        let socket = use_socket(server(), options.force_new());
        given.set(Some(socket));
        setup(socket)
    });
    (socket.take().expect("the component ran"), place, handle)
}

#[wasm_bindgen_test]
async fn component_unmounted_disconnects_and_removes_listeners() {
    let batches = Rc::new(RefCell::new(Vec::<Vec<i64>>::new()));
    let greetings = Rc::new(Cell::new(0));
    let (gathered, greeted) = (Rc::clone(&batches), Rc::clone(&greetings));
    let (used, place, handle) = mount_socket(Options::new(), move |used| {
        use_batch(used, "tick", move |numbers: Vec<i64>| {
            gathered.borrow_mut().push(numbers);
        });
        use_event(used, "welcome_message", move || greeted.set(greeted.get() + 1));
        view! { <p>{move || if used.status.read().is_connected() { "connected" } else { "away" }}</p> }
    });
    until("the status", || {
        place.text_content().as_deref() == Some("connected")
    })
    .await;
    let socket = used.socket().expect("connected above");
    until("the greeting", || greetings.get() == 1).await;

    socket.emit("flood", (10_000, 8, false)).expect("connected");
    let received = || batches.borrow().iter().map(Vec::len).sum::<usize>();
    until("the flood", || received() == 10_000).await;
    let numbers: Vec<i64> = batches.borrow().concat();
    assert!(numbers.iter().copied().eq(0..10_000), "in the order of the wire");
    assert!(
        batches.borrow().len() < 1_000,
        "{} updates for ten thousand events",
        batches.borrow().len()
    );

    drop(handle);
    assert!(!socket.active(), "the socket disconnects with the component");
    assert_eq!(
        (Rc::strong_count(&batches), Rc::strong_count(&greetings)),
        (1, 1),
        "no listener is left"
    );
}

#[wasm_bindgen_test]
async fn listener_added_in_same_rendering_misses_nothing() {
    let updates = Rc::new(RefCell::new(Vec::<String>::new()));
    let collected = Rc::clone(&updates);
    let (used, _place, _handle) = mount_socket(Options::new(), move |used| {
        assert!(used.socket().is_none(), "the socket is opened by an effect");
        assert_eq!(used.status.get_untracked(), Status::Connecting);
        let batcher = FrameBatcher::new(move |items: Vec<String>| collected.borrow_mut().extend(items));
        let (lifecycle, status) = (batcher.clone(), batcher.clone());
        use_any(used, move |message| batcher.push(message.name));
        use_lifecycle(used, move |step: &Lifecycle| {
            lifecycle.push(step.name().unwrap_or("-").to_owned());
        });
        use_status(used, move |now: &Status| status.push(format!("{now:?}")));
    });
    until("the greeting", || {
        updates.borrow().iter().any(|name| name == "welcome_message")
    })
    .await;
    assert_eq!(
        updates.borrow()[..4],
        ["Connecting", "connect", "Connected", "welcome_message"]
    );
    used.disconnect();
    until("the disconnect", || {
        updates.borrow().iter().any(|name| name == "disconnect")
    })
    .await;
}

#[wasm_bindgen_test]
async fn methods_after_unmount_return_errors() {
    let (used, _place, handle) = mount_socket(Options::new(), |_| ());
    until("the connection", || used.status.get_untracked().is_connected()).await;
    let answer = used.request(&Echo("halo".to_owned())).await;
    assert_eq!(answer.as_deref(), Ok("halo"));

    drop(handle);
    assert!(used.socket().is_none());
    assert_eq!(used.emit("pesan", "halo").err(), Some(SendError::NotOpen));
    assert_eq!(
        used.emit_event(&Echo(String::new())).err(),
        Some(SendError::NotOpen)
    );
    let answer = used.request(&Echo(String::new())).await;
    assert_eq!(answer, Err(AckError::Send(SendError::NotOpen)));
    used.connect();
    used.reconnect_now();
    used.set_auth(pesan::socketio::Value::Null);
    used.disconnect();
}

#[wasm_bindgen_test]
async fn url_invalid_is_reported_as_error() {
    let place: HtmlElement = document()
        .create_element("div")
        .expect("a valid element name")
        .unchecked_into();
    let _handle = mount_to(place.clone(), || {
        let used = use_socket("ftp://localhost", Options::new());
        use_any_batch(used, |_| ());
        move || used.error.get().map(|error| error.to_string())
    });
    until("the error", || {
        place.text_content().is_some_and(|text| text.contains("ftp"))
    })
    .await;
}

#[wasm_bindgen_test]
async fn calls_before_open_are_applied_on_open() {
    let waiting = Options::new().auto_connect(false);
    let (idle, _place, _handle) = mount_socket(waiting.clone(), |_| ());
    let (used, _place, _other) = mount_socket(waiting, |used| used.connect());
    until("the connection", || used.status.get_untracked().is_connected()).await;
    assert_eq!(idle.status.get_untracked(), Status::default());
}

#[derive(Serialize, Deserialize)]
struct Pesan(String);

impl Event for Pesan {
    const NAME: &'static str = "pesan";
    type Ack = NoAck;
}

#[wasm_bindgen_test]
async fn emit_state_of_queued_event_is_updated() {
    let states = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&states);
    let (used, _place, _handle) = mount_socket(Options::new(), move |used| {
        Effect::new(move |_| {
            let emitted = used.emit_event(&Pesan("halo".to_owned())).expect("queued");
            let state = use_emit_state(used, &emitted);
            let seen = Rc::clone(&seen);
            Effect::new(move |_| seen.borrow_mut().push(format!("{:?}", state.get())));
        });
    });
    until("the connection", || used.status.get_untracked().is_connected()).await;
    until("the last state", || {
        states
            .borrow()
            .last()
            .is_some_and(|state| state.starts_with("Sent"))
    })
    .await;
    assert!(states.borrow()[0].starts_with("Queued"), "{states:?}");
}
