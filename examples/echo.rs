//! Sends a line to a server and prints the reply: `cargo run --features native --example echo -- halo`.

use pesan::socketio::{Options, Socket};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let text = std::env::args().nth(1).unwrap_or_else(|| "halo".to_owned());
    let url = std::env::var("PESAN_SERVER").unwrap_or_else(|_| "http://localhost:5000".to_owned());

    let socket = Socket::open(&url, Options::new())?;
    socket.on("connect_error", |reason: String| {
        eprintln!("no connection: {reason}");
    });
    let mut events = socket.events();
    socket.emit("pesan", text.as_str())?;
    while let Some(message) = events.recv().await {
        println!("{}: {:?}", message.name, message.args);
        if message.name == "pesan" {
            break;
        }
    }
    Ok(())
}
