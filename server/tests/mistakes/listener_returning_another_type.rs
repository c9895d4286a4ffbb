use pesan::socketio::{Options, Socket};

struct Answer;

fn main() {
    let socket = Socket::open("http://localhost:5000", Options::new()).unwrap();
    socket.on("ask", |_: String| Answer);
}
