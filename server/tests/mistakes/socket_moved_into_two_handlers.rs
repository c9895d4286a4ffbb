use pesan_server::socketio::{Io, Socket};

fn main() {
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        socket.on("first", move || socket.emit("done", 1));
        socket.on("second", move || socket.emit("done", 2));
    });
}
