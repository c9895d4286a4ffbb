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

    let (sender, mut lines) = tokio::sync::mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
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

    // End of input: gives the queued lines time to be sent.
    for _ in 0..50 {
        if socket.queue_len() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // A dropped socket closes after the last line is sent. `disconnect` would be too early: the official server may drop a
    // line that is followed by a DISCONNECT.
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
