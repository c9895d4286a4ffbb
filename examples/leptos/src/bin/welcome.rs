//! A component that logs the welcome message of the server, and disconnects when it is cleaned up.

use leptos::logging::log;
use leptos::prelude::*;
use pesan::socketio::Options;
use pesan::socketio::leptos::{use_event, use_socket};

#[component]
fn App() -> impl IntoView {
    // The effect connects, its cleanup disconnects.
    let socket = use_socket("http://localhost:3001", Options::new());

    use_event(socket, "welcome_message", |message: String| {
        log!("Received: {message}");
    });

    view! { <div></div> }
}

fn main() {
    mount_to_body(App);
}
