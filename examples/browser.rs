//! The smallest page: greets a server and writes what comes back to the console. In a browser alone.

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
        // The page lives as long as its socket.
        std::mem::forget(socket);
    }
}
