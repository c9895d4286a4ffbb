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
    #[arg(long, env = "PESAN_RATE", value_name = "N", default_value_t = 10.0, value_parser = positive)]
    pub rate: f64,
    /// Messages that one person may send at once.
    #[arg(long, env = "PESAN_BURST", value_name = "N", default_value_t = 100.0, value_parser = at_least_one)]
    pub burst: f64,
    /// Bytes that a message has on average; --rate and --burst count that many for each message, too.
    #[arg(long, env = "PESAN_MESSAGE_BYTES", value_name = "BYTES", default_value_t = 1000.0, value_parser = amount)]
    pub message_bytes: f64,
    /// Plain messages a second that one plain client may send, in place of --rate; 0 for no limit.
    #[arg(long, env = "PESAN_PLAIN_RATE", value_name = "N", value_parser = amount)]
    pub plain_rate: Option<f64>,
    /// People whose rates one address has, all its clients together; 0 for no limit. IPv6 addresses count by /64.
    #[arg(long, env = "PESAN_PEOPLE_PER_ADDRESS", value_name = "N", default_value_t = 10.0, value_parser = amount)]
    pub people_per_address: f64,
    /// Most open rooms; between two people ten times as many.
    #[arg(long, env = "PESAN_MAX_ROOMS", value_name = "N", default_value_t = 1000, value_parser = count::<1, 1_000_000>)]
    pub max_rooms: usize,
    /// Open rooms that one person may make in an hour; one address three times as many.
    #[arg(long, env = "PESAN_ROOMS_PER_HOUR", value_name = "N", default_value_t = 20.0, value_parser = amount)]
    pub rooms_per_hour: f64,
    /// Seconds after which an open room goes in which nobody is and nothing was said.
    #[arg(long, env = "PESAN_EMPTY_ROOM", value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub empty_room: u64,
    /// Days without a message after which a room makes way for a new one when there are too many; 0 for never.
    #[arg(long, env = "PESAN_IDLE_ROOM_DAYS", value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(..=36_500))]
    pub idle_room_days: u32,
}

/// Limits of connections.
#[derive(Debug, Clone, Copy, Args)]
pub struct SocketLimits {
    /// Most connections.
    #[arg(long, env = "PESAN_MAX_CONNECTIONS", value_name = "N", default_value_t = 20_000, value_parser = count::<1, 10_000_000>)]
    pub max_connections: usize,
    /// Most connections from one address, for IPv6 from one /64 network; 0 for no limit.
    #[arg(long, env = "PESAN_MAX_PER_ADDRESS", value_name = "N", default_value_t = 1000, value_parser = count::<0, 10_000_000>)]
    pub max_per_address: usize,
    /// Largest message of a client, in bytes.
    #[arg(long, env = "PESAN_MAX_PAYLOAD", value_name = "BYTES", default_value_t = 1_000_000, value_parser = count::<1024, 1_000_000_000>)]
    pub max_payload: usize,
    /// Most bytes held for all clients together: what waits to be sent to them, and what they sent that is not handled.
    /// Then those that hold the most are disconnected.
    #[arg(long, env = "PESAN_MAX_HELD_BYTES", value_name = "BYTES", default_value_t = 256 << 20, value_parser = count::<{ 16 << 20 }, 1_000_000_000_000>)]
    pub max_held_bytes: usize,
    /// Milliseconds between two pings.
    #[arg(long, env = "PESAN_PING_INTERVAL", value_name = "MS", default_value_t = 25_000, value_parser = clap::value_parser!(u64).range(100..=86_400_000))]
    pub ping_interval: u64,
    /// Milliseconds that a client has to answer a ping.
    #[arg(long, env = "PESAN_PING_TIMEOUT", value_name = "MS", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=86_400_000))]
    pub ping_timeout: u64,
}

/// Longest message over the wire for each character of a text: escaped, with room for names and ids.
const BYTES_OF_CHAR: usize = 6;
const BYTES_OF_MESSAGE: usize = 1024;

/// Says why a text of the longest kind could not be sent, if so.
pub(super) fn check(chat: &ChatLimits, sockets: &SocketLimits) -> Result<(), String> {
    let chars = usize::try_from(chat.text_chars).unwrap_or(usize::MAX);
    let least = chars.saturating_mul(BYTES_OF_CHAR) + BYTES_OF_MESSAGE;
    if sockets.max_payload < least {
        return Err(format!(
            "--max-payload {} is too small for texts of --text-chars {}: at least {least} is needed",
            sockets.max_payload, chat.text_chars
        ));
    }
    Ok(())
}

/// Largest number of messages a second that means anything.
const MOST: f64 = 1_000_000.0;

/// Reads a number from 0 on.
fn amount(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim().parse().map_err(|error| format!("{error}"))?;
    if (0.0..=MOST).contains(&number) {
        Ok(number)
    } else {
        Err(format!("not a number from 0 to {MOST}"))
    }
}

/// Reads a number above 0: with 0, nobody could ever send.
fn positive(text: &str) -> Result<f64, String> {
    match amount(text)? {
        number if number >= 0.001 => Ok(number),
        _ => Err(format!("not a number from 0.001 to {MOST}")),
    }
}

/// Reads a number from 1 on: one message must be possible.
fn at_least_one(text: &str) -> Result<f64, String> {
    match amount(text)? {
        number if number >= 1.0 => Ok(number),
        _ => Err(format!("not a number from 1 to {MOST}")),
    }
}

/// Reads a whole number from `LEAST` to `MOST`.
fn count<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number) if (LEAST..=MOST).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(format!("not a whole number from {LEAST} to {MOST}")),
    }
}
