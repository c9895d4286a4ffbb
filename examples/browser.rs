//! The smallest page: greets a server and writes what comes back to the console. In a browser alone.

fn main() {
    #[cfg(target_arch = "wasm32")]
    page::start();
}

#[cfg(target_arch = "wasm32")]
mod page {
    use pesan::socketio::{Options, Socket};
    use wasm_bindgen::JsValue;

    pub(super) fn start() {
        let Ok(socket) = Socket::open("", Options::new()) else {
            return;
        };
        socket.on("pesan", |text: String| log(&text)).forget();
        socket.on("disconnect", |reason: String| log(&reason)).forget();
        if socket.emit("pesan", "halo").is_err() {
            log("not sent");
        }
        // The page lives as long as its socket.
        std::mem::forget(socket);
    }

    fn log(text: &str) {
        let console = js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("console"));
        let Ok(console) = console else { return };
        let Ok(log) = js_sys::Reflect::get(&console, &JsValue::from_str("log")) else {
            return;
        };
        if js_sys::Function::from(log)
            .call1(&console, &JsValue::from_str(text))
            .is_err()
        {
            // A console that throws has nobody to tell.
        }
    }
}
