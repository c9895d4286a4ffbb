//! Server of the broadcast benchmark on `PORT`: `socket.on("pesan", msg => io.emit("pesan", msg))`.
//!
//! Two variants: in the namespace `/other`, and to a room that contains all clients of the namespace `/room`.
//! `docs/reference/performance.md` has the method and the results.

use pesan_server::engineio::EngineConfig;
use pesan_server::http::serve::{ServeConfig, bind, serve};
use pesan_server::socketio::{Io, Socket};
use tokio::runtime::Builder;

fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok());
    // With one processor, several threads would only compete.
    let mut runtime = match std::thread::available_parallelism().map_or(1, usize::from) {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    runtime.enable_all().build()?.block_on(async {
        let io = Io::default();
        io.on_connection(|socket: Socket| {
            socket.on("pesan", |socket: Socket, message: String| {
                socket.io().emit("pesan", message)
            });
        });
        io.of("/other")
            .expect("a legal name")
            .on_connection(|socket: Socket| {
                socket.on("pesan", |socket: Socket, message: String| {
                    socket.nsp().emit("pesan", message)
                });
            });
        io.of("/room")
            .expect("a legal name")
            .on_connection(|socket: Socket| {
                socket.join("all");
                socket.on("pesan", |socket: Socket, message: String| {
                    socket.nsp().to("all").emit("pesan", message)
                });
            });
        let listener = bind(([127, 0, 0, 1], port.unwrap_or(3000)).into())?;
        let app = io.engine(EngineConfig::default()).router();
        serve(listener, app, ServeConfig::default(), std::future::pending()).await;
        Ok(())
    })
}
