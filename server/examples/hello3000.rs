//! The first backend: each message is broadcast to all clients. `PORT` sets another port.

use pesan_server::socketio::{Io, Socket};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        println!("A user connected");
        socket.on("message", |socket: Socket, message: String| {
            println!("Message received: {message}");
            socket.io().emit("message", message)
        });
        socket.on("disconnect", || println!("User disconnected"));
    });
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    println!("Server is running on http://localhost:{port}");
    io.listen(format!("127.0.0.1:{port}")).await
}
