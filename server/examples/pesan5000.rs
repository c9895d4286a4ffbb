//! The third backend, a small chat: `pesan` is broadcast to everyone. `PORT` sets another port.

use pesan_server::socketio::{Io, Socket};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        println!("Socket A user Connected : {}", socket.id());
        socket.on("pesan", |socket: Socket, msg: String| {
            println!("Pesan diterima : {msg}");
            socket.io().emit("pesan", msg)
        });
        socket.on("disconnect", || println!("User disconnected"));
    });
    let port = std::env::var("PORT").unwrap_or_else(|_| "5000".to_owned());
    println!("Server is run");
    io.listen(format!("127.0.0.1:{port}")).await
}
