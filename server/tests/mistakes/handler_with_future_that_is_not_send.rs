use std::rc::Rc;

use pesan_server::socketio::{Io, Socket};

fn main() {
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        socket.on("slow", async |text: String| {
            let text = Rc::new(text);
            tokio::task::yield_now().await;
            println!("{text}");
        });
    });
}
