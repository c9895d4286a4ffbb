use pesan_server::socketio::Io;

struct Point {
    x: f64,
}

fn main() {
    let io = Io::default();
    io.emit("move", Point { x: 1.0 }).unwrap();
}
