#![deny(unused_must_use)]

use pesan::socketio::{Options, Socket};

fn main() {
    let socket = Socket::open("http://localhost:5000", Options::new()).unwrap();
    socket.on_scoped("pesan", |text: String| println!("{text}"));
}
