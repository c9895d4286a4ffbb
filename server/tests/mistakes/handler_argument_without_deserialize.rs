use pesan_server::socketio::{Io, Socket};

struct Point {
    x: f64,
}

fn main() {
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        socket.on("move", |point: Point| println!("{}", point.x));
    });
}
