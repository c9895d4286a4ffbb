//! The first backend: what one client says, all clients hear.

use pesan_server::io::{Io, Socket};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        println!("A user connected");
        socket.on("message", |socket: Socket, message: String| {
            println!("Message received: {message}");
            socket.io().emit("message", message)
        });
        socket.on("disconnect", |_: Socket, ()| println!("User disconnected"));
    });
    println!("Server is running on http://localhost:3000");
    io.listen("127.0.0.1:3000").await
}
