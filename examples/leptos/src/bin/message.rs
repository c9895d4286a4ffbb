//! A field and a button: sends the event `message`, and logs the messages of the server.

use leptos::logging::log;
use leptos::prelude::*;
use pesan::socketio::Options;
use pesan::socketio::leptos::{use_event, use_socket};

#[component]
fn App() -> impl IntoView {
    let message = RwSignal::new(String::new());
    let socket = use_socket("http://localhost:3000", Options::new());

    use_event(socket, "connect", || log!("Connected to server"));
    use_event(socket, "message", |msg: String| {
        log!("Message from server: {msg}");
    });

    view! {
        <h1>"Socket.IO Example"</h1>
        <input type="text" placeholder="Type a message..." bind:value=message />
        <button on:click=move |_| drop(socket.emit("message", message.get()))>"Send"</button>
    }
}

fn main() {
    mount_to_body(App);
}
