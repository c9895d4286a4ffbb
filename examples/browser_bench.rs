//! This client in `cargo xtask client-bench`: runs the job named in the address of the page and reports the result to the
//! bench. `tests/e2e/bench/client/official.mjs` does the same with the official client.

fn main() {
    #[cfg(target_arch = "wasm32")]
    page::start();
}

#[cfg(target_arch = "wasm32")]
mod page {
    use js_sys::{Array, Reflect};
    use pesan::socketio::value::Value;
    use pesan::socketio::{Options, Socket};
    use wasm_bindgen::JsValue;

    fn now() -> f64 {
        let performance = web_sys::window().and_then(|window| window.performance());
        performance.map_or(0.0, |performance| performance.now())
    }

    pub(super) fn start() {
        let address = web_sys::window().and_then(|window| window.location().search().ok());
        let asked = web_sys::UrlSearchParams::new_with_str(&address.unwrap_or_default());
        let of = |name: &str| asked.as_ref().ok()?.get(name);
        let number = |name: &str| of(name).and_then(|text| text.parse().ok()).unwrap_or(0u32);
        let socket = match Socket::open(&of("server").unwrap_or_default(), Options::new()) {
            Ok(socket) => socket,
            Err(error) => return leave(&[JsValue::from_str(&error.to_string())]),
        };
        let (count, batch) = (number("count"), number("batch"));
        let connected = socket.clone();
        let job = of("job").unwrap_or_default();
        let start = move || match job.as_str() {
            "connect" => leave(&[now().into()]),
            "echo" => echo(&connected, count),
            kind => receive(&connected, kind, count, batch),
        };
        socket.once("connect", start);
    }

    /// Sends events one by one, each after the ack of the previous one; the results are the round trip times.
    fn echo(socket: &Socket, count: u32) {
        let socket = socket.clone();
        wasm_bindgen_futures::spawn_local(async move {
            let text = "x".repeat(64);
            let mut times = Vec::new();
            for _ in 0..count {
                let sent = now();
                if socket
                    .emit_with_ack::<String>("echo", text.as_str())
                    .await
                    .is_err()
                {
                    break;
                }
                times.push(JsValue::from(now() - sent));
            }
            leave(&times);
        });
    }

    /// Requests batches of events, two in flight, until `count` events are received; the result is the time from the first to
    /// the last.
    fn receive(socket: &Socket, kind: &str, count: u32, batch: u32) {
        let (asker, kind) = (socket.clone(), kind.to_owned());
        let ask = move || drop(asker.emit("more", (kind.as_str(), batch)));
        ask();
        ask();
        let (mut events, mut bytes, mut began) = (0u32, 0usize, 0.0);
        let mut arrived = move |size: usize| {
            events += 1;
            bytes += size;
            if events == 1 {
                began = now();
            }
            if events == count {
                leave(&[(now() - began).into(), bytes.into()]);
            } else if events % batch == 0 {
                ask();
            }
        };
        socket.on("event", move |value: Value| match value {
            Value::String(text) => arrived(text.len()),
            Value::Binary(bytes) => arrived(bytes.len()),
            _ => {}
        });
    }

    fn leave(figures: &[JsValue]) {
        let figures: Array = figures.iter().collect();
        Reflect::set(&js_sys::global(), &JsValue::from_str("result"), &figures).unwrap_or_default();
    }
}
