//! Server of the README.

use std::time::Duration;

use pesan_server::socketio::{Io, Socket};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        println!("{} connected", socket.id());
        // The parameters are the event's arguments; what is returned is the ack.
        socket.on("add", |left: i64, right: i64| left + right);
        socket.on("pesan", |io: Io, text: String| io.emit("pesan", text));
        // This one ends with its first client; others go on.
        socket.on("disconnect", |io: Io| io.close());
    });
    let listen = io.listen(address);
    tokio::time::timeout(Duration::from_secs(60), listen).await?
}
