//! The second backend: each client gets a welcome message. `PORT` sets another port.

use pesan_server::socketio::{Io, Socket};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        println!("A user connected");
        socket.on("disconnect", || println!("A user disconnected"));
        socket.emit("welcome_message", "Welcome to the WebSocket server!")
    });
    let port = std::env::var("PORT").unwrap_or_else(|_| "3001".to_owned());
    println!("Server is running on port {port}");
    io.listen(format!("127.0.0.1:{port}")).await
}
