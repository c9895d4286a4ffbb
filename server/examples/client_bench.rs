//! The server's side of `cargo xtask client-bench`, on `PORT`: answers `echo` with its text, and `more` with a batch of
//! events of the kind that was asked for.

use pesan::socketio::value::Value;
use pesan_server::socketio::{AckSender, Io, Socket};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok());
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        socket.on("echo", |_: Socket, text: String, ack: AckSender| ack.send(text));
        socket.on("more", |socket: Socket, kind: String, count: u32| {
            let event = match kind.as_str() {
                "text64" => Value::String("x".repeat(64)),
                "text16k" => Value::String("x".repeat(16 * 1024)),
                _ => Value::Binary(vec![7; 1024]),
            };
            for _ in 0..count.min(10_000) {
                // The socket is disconnected.
                if socket.emit("event", (&event,)).is_err() {
                    return;
                }
            }
        });
    });
    io.listen(("127.0.0.1", port.unwrap_or(3000))).await
}
