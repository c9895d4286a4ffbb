//! The Leptos hooks in a real browser, against the official Node server.
//!
//! Needs `tests/peers/client-server.mjs` running, and its address in `PESAN_TEST_SERVER` when this is compiled.

#![cfg(all(target_arch = "wasm32", feature = "hooks"))]

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Promise;
use leptos::mount::mount_to;
use leptos::prelude::*;
use pesan::socketio::hooks::{use_batch, use_event, use_socket};
use pesan::socketio::{Options, Socket};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::HtmlElement;

wasm_bindgen_test_configure!(run_in_browser);

fn server() -> &'static str {
    match option_env!("PESAN_TEST_SERVER") {
        Some(address) => address,
        None => panic!("PESAN_TEST_SERVER has to be the address of tests/peers/client-server.mjs"),
    }
}

async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..2_500 {
        if so() {
            return;
        }
        let tick = Promise::new(&mut |done, _| {
            window()
                .set_timeout_with_callback_and_timeout_and_arguments_0(&done, 4)
                .expect("pages have timers");
        });
        JsFuture::from(tick).await.expect("the timer never fails");
    }
    panic!("waited in vain for {what}");
}

#[wasm_bindgen_test]
async fn a_component_shows_its_socket_and_takes_it_along_when_it_goes() {
    let place: HtmlElement = document().create_element("div").expect("a name").unchecked_into();
    let socket = Rc::new(RefCell::new(None::<Socket>));
    let batches = Rc::new(RefCell::new(Vec::<Vec<i64>>::new()));
    let greetings = Rc::new(RefCell::new(0));
    let (kept, gathered, greeted) = (Rc::clone(&socket), Rc::clone(&batches), Rc::clone(&greetings));

    let mounted = mount_to(place.clone(), move || {
        let used = use_socket(server(), Options::new().force_new()).expect("an address");
        kept.replace(Some(used.socket()));
        use_batch(used, "tick", move |numbers: Vec<i64>| {
            gathered.borrow_mut().push(numbers);
        });
        use_event(used, "welcome_message", move || *greeted.borrow_mut() += 1);
        view! { <p>{move || if used.status.get().is_connected() { "connected" } else { "away" }}</p> }
    });
    let socket = socket.take().expect("the component ran");
    until("the status", || {
        place.text_content().as_deref() == Some("connected")
    })
    .await;
    until("the greeting", || *greetings.borrow() == 1).await;

    socket.emit("flood", (10_000, 8, false)).expect("connected");
    let heard = || batches.borrow().iter().map(Vec::len).sum::<usize>();
    until("the flood", || heard() == 10_000).await;
    let numbers: Vec<i64> = batches.borrow().concat();
    assert!(numbers.iter().copied().eq(0..10_000), "in the order of the wire");
    assert!(
        batches.borrow().len() < 1_000,
        "{} updates for ten thousand events",
        batches.borrow().len()
    );

    drop(mounted);
    assert!(!socket.active(), "it disconnects with the component");
    assert_eq!(
        (Rc::strong_count(&batches), Rc::strong_count(&greetings)),
        (1, 1),
        "no listener is left"
    );
}
