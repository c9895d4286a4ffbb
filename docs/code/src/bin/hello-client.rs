//! Client of the README.

use std::time::Duration;

use pesan::socketio::{Options, Socket};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let socket = Socket::open(&format!("http://{address}"), Options::new())?;
    socket.on("connect", || println!("connected"));
    socket.on("pesan", |text: String| println!("everyone got {text}"));

    socket.emit("pesan", "halo")?; // kept until it is connected
    let limited = socket.timeout(Duration::from_secs(10));
    let sum: i64 = limited.emit_with_ack("add", (1, 2)).await?;
    println!("1 + 2 = {sum}");
    socket.close().await?; // returns when everything has been sent
    Ok(())
}
