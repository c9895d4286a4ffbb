//! Joins a chat from the terminal: sends each typed line and prints each received one.
//!
//! ```text
//! cargo run --features native --example bot -- http://localhost:5000
//! ```

use std::io::BufRead;
use std::time::Duration;

use pesan::socketio::{Options, Socket, Status};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "http://localhost:5000".to_owned());
    let socket = Socket::open(&url, Options::new())?;
    socket.on_status(|status| eprintln!("* {}", describe(status)));
    socket.on("welcome_message", |text: String| println!("* {text}"));
    socket.on("pesan", |text: String| println!("{text}"));

    let (said, mut lines) = tokio::sync::mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if said.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = lines.recv().await {
        let line = line.trim();
        if !line.is_empty()
            && let Err(error) = socket.emit("pesan", line)
        {
            eprintln!("* not sent: {error}");
        }
    }

    // End of input: queued lines get a moment to be sent.
    for _ in 0..50 {
        if socket.queue_len() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // When dropped, it closes after the last line was sent; after a DISCONNECT the official server may drop that line.
    drop(socket);
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(())
}

fn describe(status: &Status) -> String {
    match status {
        Status::Connecting => "connecting".to_owned(),
        Status::Connected => "connected".to_owned(),
        Status::Reconnecting {
            attempt,
            retry_in: Some(pause),
        } => {
            format!("attempt {attempt} in {:.1} s", pause.as_secs_f32())
        }
        Status::Reconnecting {
            attempt,
            retry_in: None,
        } => format!("attempt {attempt}"),
        Status::Disconnected { reason: Some(reason) } => format!("disconnected: {reason}"),
        Status::Disconnected { reason: None } => "disconnected".to_owned(),
        Status::Refused { error } => format!("refused: {error}"),
    }
}
