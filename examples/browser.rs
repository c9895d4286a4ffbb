//! The smallest page: greets a server and writes what comes back to the console. In a browser alone.

// A page has no `main` that sets up a process: the browser calls `start`.
#![cfg_attr(target_arch = "wasm32", no_main)]

#[cfg(not(target_arch = "wasm32"))]
fn main() {}

#[cfg(target_arch = "wasm32")]
mod page {
    use pesan::socketio::{Options, Socket};
    use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};
    use wasm_bindgen::prelude::wasm_bindgen;

    #[global_allocator]
    static ALLOCATOR: WasmDynamicTalc = new_wasm_dynamic_allocator();

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = console)]
        fn log(text: &str);
    }

    #[wasm_bindgen(start)]
    fn start() {
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
}
