//! The Leptos hooks on a server: a component that uses them renders, and opens nothing.

#![cfg(all(not(target_arch = "wasm32"), feature = "leptos"))]

use std::net::TcpListener;
use std::thread;

use leptos::prelude::*;
use pesan::socketio::leptos::{UseSocket, use_any_batch, use_batch, use_event, use_lifecycle, use_socket};
use pesan::socketio::{Options, SendError};

/// Renders a component that listens to a socket; gives the HTML, and the socket's handle.
fn render(url: &str) -> (String, UseSocket, Owner) {
    let owner = Owner::new();
    let (html, socket) = owner.with(|| {
        let socket = use_socket(url, Options::new());
        let lines = RwSignal::new(vec!["first line".to_owned()]);
        use_event(socket, "pesan", move |line: String| lines.write().push(line));
        use_batch(socket, "pesan", move |more: Vec<String>| {
            lines.write().extend(more);
        });
        use_any_batch(socket, |_| ());
        use_lifecycle(socket, |_| ());
        let view = view! {
            <p>{move || format!("{:?}", socket.status.get())}</p>
            <p>{move || socket.error.get().map(|error| error.to_string())}</p>
            <ul>{move || lines.get().into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ul>
        };
        (view.to_html(), socket)
    });
    (html, socket, owner)
}

#[test]
fn component_with_a_socket_renders_and_connects_to_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a blocking mode");
    let address = listener.local_addr().expect("bound above");
    let (html, socket, _owner) = render(&format!("http://{address}"));
    assert!(html.contains("Connecting"), "{html}");
    assert!(html.contains("first line"), "{html}");
    assert!(socket.socket().is_none());
    assert_eq!(socket.emit("pesan", "halo").err(), Some(SendError::NotOpen));
    socket.connect();
    socket.disconnect();
    assert!(listener.accept().is_err(), "nobody connects");
}

#[test]
fn owner_dropped_on_another_thread_does_not_panic() {
    let (_, socket, owner) = render("not a URL at all");
    thread::spawn(move || drop(owner)).join().expect("no panic");
    assert_eq!(socket.emit("pesan", "halo").err(), Some(SendError::NotOpen));
}
