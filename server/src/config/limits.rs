//! What one person and one connection may do.

use clap::Args;

/// Limits of the chat.
#[derive(Debug, Clone, Copy, Args)]
pub struct ChatLimits {
    /// Longest text, in characters.
    #[arg(long, env = "PESAN_TEXT_CHARS", value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub text_chars: u32,
    /// Longest name of a person or a room, in characters.
    #[arg(long, env = "PESAN_NAME_CHARS", value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub name_chars: u32,
    /// Messages of one page of history.
    #[arg(long, env = "PESAN_PAGE_MESSAGES", value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub page_messages: u32,
    /// Messages a second that one person may send for long.
    #[arg(long, env = "PESAN_RATE", value_name = "N", default_value_t = 10.0, value_parser = amount)]
    pub rate: f64,
    /// Messages that one person may send at once.
    #[arg(long, env = "PESAN_BURST", value_name = "N", default_value_t = 100.0, value_parser = amount)]
    pub burst: f64,
    /// Plain messages a second that one plain client may send; 0 for no limit.
    #[arg(long, env = "PESAN_PLAIN_RATE", value_name = "N", default_value_t = 0.0, value_parser = amount)]
    pub plain_rate: f64,
    /// Most open rooms; between two people ten times as many.
    #[arg(long, env = "PESAN_MAX_ROOMS", value_name = "N", default_value_t = 1000)]
    pub max_rooms: usize,
}

/// Limits of connections.
#[derive(Debug, Clone, Copy, Args)]
pub struct SocketLimits {
    /// Most connections.
    #[arg(
        long,
        env = "PESAN_MAX_CONNECTIONS",
        value_name = "N",
        default_value_t = 20_000
    )]
    pub max_connections: usize,
    /// Most connections from one address; 0 for no limit.
    #[arg(long, env = "PESAN_MAX_PER_ADDRESS", value_name = "N", default_value_t = 0)]
    pub max_per_address: usize,
    /// Largest message of a client, in bytes.
    #[arg(
        long,
        env = "PESAN_MAX_PAYLOAD",
        value_name = "BYTES",
        default_value_t = 1_000_000
    )]
    pub max_payload: usize,
    /// Milliseconds between two pings.
    #[arg(long, env = "PESAN_PING_INTERVAL", value_name = "MS", default_value_t = 25_000, value_parser = clap::value_parser!(u64).range(100..=86_400_000))]
    pub ping_interval: u64,
    /// Milliseconds that a client has to answer a ping.
    #[arg(long, env = "PESAN_PING_TIMEOUT", value_name = "MS", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=86_400_000))]
    pub ping_timeout: u64,
}

/// Reads a number that can count something.
fn amount(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if number >= 0.0 {
        Ok(number)
    } else {
        Err("not a number from 0 on".to_owned())
    }
}
