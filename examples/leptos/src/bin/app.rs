//! The chat of the React example: each message is shown to all clients.

use leptos::prelude::*;
use pesan::socketio::Options;
use pesan::socketio::leptos::{use_event, use_socket};

#[component]
fn App() -> impl IntoView {
    let message = RwSignal::new(String::new());
    let tampung_chat = RwSignal::new(Vec::<String>::new());

    // Connects when the component is mounted, and disconnects when it is unmounted.
    let socket = use_socket("http://localhost:5000", Options::new());

    // Adds each message of the server to the list.
    use_event(socket, "pesan", move |msg: String| {
        leptos::logging::log!("Pesan dari server: {msg}");
        tampung_chat.write().push(msg);
    });

    let send_message = move |_| {
        if socket.emit("pesan", message.get()).is_ok() {
            message.set(String::new());
        }
    };

    view! {
        <div class="App">
            <input type="text" bind:value=message />
            <button on:click=send_message>"Kirim"</button>
            <div class="isiChat">
                {move || tampung_chat.get().into_iter().map(|chat| view! { <div><p>{chat}</p></div> }).collect_view()}
            </div>
        </div>
    }
}

fn main() {
    mount_to_body(App);
}
