use pesan_server::socketio::{Event, Socket};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Add(i32, i32);

impl Event for Add {
    const NAME: &'static str = "add";
    type Ack = i32;
}

fn listen(socket: &Socket) {
    socket.on_event::<Add, _>(|_: Socket, add: Add| (add.0 + add.1).to_string());
}

fn main() {}
