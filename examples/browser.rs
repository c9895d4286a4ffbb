//! The smallest page: sends a greeting to a server and logs the messages to the console. Runs only in a browser.

fn main() {
    #[cfg(target_arch = "wasm32")]
    page::start();
}

#[cfg(target_arch = "wasm32")]
mod page {
    use pesan::socketio::{Options, Socket};
    use web_sys::console;

    pub(super) fn start() {
        let socket = match Socket::open("", Options::new()) {
            Ok(socket) => socket,
            Err(error) => return console::error_1(&error.to_string().into()),
        };
        socket.on("pesan", |text: String| console::log_1(&text.into()));
        socket.on("disconnect", |reason: String| console::log_1(&reason.into()));
        if let Err(error) = socket.emit("pesan", "halo") {
            console::error_1(&error.to_string().into());
        }
        // Keeps the socket open until the page is closed.
        std::mem::forget(socket);
    }
}
