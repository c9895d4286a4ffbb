//! The third backend, the little chat: `pesan` goes to everyone.

use pesan_server::io::{Io, Socket};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        println!("Socket A user Connected : {}", socket.id());
        socket.on("pesan", |socket: Socket, msg: String| {
            println!("Pesan diterima : {msg}");
            socket.io().emit("pesan", msg)
        });
        socket.on("disconnect", |_: Socket, ()| println!("User disconnected"));
    });
    println!("Server is run");
    io.listen("127.0.0.1:5000").await
}
