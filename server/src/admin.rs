//! The operator's command line against the running server, over a Unix socket that only its owner may use.
//!
//! `pesan-server admin …` ([`AdminCommand`]) sends one [`Request`] as a line of JSON; the server ([`AdminSocket`]) answers
//! with one [`Reply`].

mod command;
mod listener;

use std::path::PathBuf;

use clap::Subcommand;
use pesan::protocol::Message;
use serde::{Deserialize, Serialize};

pub use command::{Action, AdminCommand};
pub use listener::{AdminSocket, ListenError};

use crate::chat::moderation::Restriction;
use crate::chat::operator::{Connected, RoomInfo};

/// What the operator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Subcommand)]
pub enum Request {
    /// Lists the connections.
    List {
        /// Only those whose id, address, person or name has this in it.
        #[serde(default)]
        search: Option<String>,
    },
    /// Lists the rooms, deletes one, or merges two.
    Rooms {
        /// What to do instead of listing them.
        #[command(subcommand)]
        #[serde(default)]
        change: Option<RoomChange>,
    },
    /// Ends a connection, or all connections of a person.
    Kick {
        /// Id of the connection or of the person, as `list` shows it.
        id: String,
        /// What they are told.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Keeps a person or an address away, and ends their connections.
    Ban {
        /// Id of a person or of a connection, as `list` shows it, or an address or network.
        whom: String,
        /// Time until the ban ends, as 90, 60s, 5m, 1h or 7d; without it there is no end.
        #[arg(long = "for", value_name = "TIME", value_parser = duration_seconds)]
        seconds: Option<u64>,
        /// Reason shown to them.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Ends a ban.
    Unban {
        /// As for `ban`, or as `bans` shows it.
        whom: String,
    },
    /// Lets a person or an address read, but not write.
    Mute {
        /// Id of a person or of a connection, as `list` shows it, or an address or network.
        whom: String,
        /// Time until the mute ends, as 90, 60s, 5m, 1h or 7d; without it there is no end.
        #[arg(long = "for", value_name = "TIME", value_parser = duration_seconds)]
        seconds: Option<u64>,
    },
    /// Ends a mute.
    Unmute {
        /// As for `mute`, or as `bans` shows it.
        whom: String,
    },
    /// Lists bans and mutes.
    Bans,
    /// Lists messages of a room, with the numbers that `delete` needs.
    Messages {
        /// Id of the room, as `rooms` shows it.
        room: String,
        /// Only messages before this number.
        #[arg(long, value_name = "NUMBER")]
        #[serde(default)]
        before: Option<u64>,
        /// Most messages.
        #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// Deletes a message: its number stays, its text and author go, also where it is quoted.
    Delete {
        /// Id of the room.
        room: String,
        /// Number of the message, as `messages` shows it.
        number: u64,
    },
    /// Deletes all messages and direct rooms of a person, and ends their connections.
    Erase {
        /// Id of the person, as `list` shows it.
        person: String,
    },
    /// Says something to everyone.
    Announce {
        /// Text.
        text: String,
    },
    /// Reads again the page, certificate, tokens and secrets, as SIGHUP does; who may no longer come in is disconnected.
    Reload,
    /// Says where the messages are; what `backup` asks first.
    #[command(skip)]
    Store,
    /// Closes the server, on all machines, for maintenance after a countdown that pages show.
    Close {
        /// Time until then, as 90, 60s, 5m or 1h.
        #[arg(long = "in", value_name = "TIME", default_value = "60s", value_parser = seconds)]
        seconds: u32,
        /// What everyone is told.
        #[arg(long, default_value = "")]
        reason: String,
        /// Takes an earlier notice back.
        #[arg(long)]
        cancel: bool,
        /// Only the machine whose socket this is.
        #[arg(long)]
        #[serde(default)]
        here: bool,
    },
}

/// What the operator does to rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Subcommand)]
pub enum RoomChange {
    /// Deletes a room with all its messages.
    Delete {
        /// Id of the room, as `rooms` shows it.
        id: String,
    },
    /// Moves the messages of an open room to the end of another one, and deletes the first.
    Merge {
        /// Id of the room that goes.
        from: String,
        /// Id of the room that gets the messages.
        into: String,
    },
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Connections, and how full the machine that was asked is.
    Connections(Vec<Connected>, Load),
    /// Rooms.
    Rooms(Vec<RoomInfo>),
    /// Bans and mutes.
    Restrictions(Vec<Restriction>),
    /// Messages, oldest first.
    Messages(Vec<Message>),
    /// Where the messages are.
    Store(StorePlace),
    /// It is done; in words.
    Done(String),
    /// It is not; in words.
    Failed(String),
}

/// Where messages are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorePlace {
    /// In a folder.
    Folder(PathBuf),
    /// In memory.
    Memory,
    /// In Redis.
    Redis,
}

/// How full a machine is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Engine.IO sessions, those that have not joined a namespace included.
    pub sessions: usize,
    /// Most sessions.
    pub max_sessions: usize,
    /// HTTP connections that did not become WebSockets.
    pub connections: usize,
    /// Most such connections.
    pub max_connections: usize,
    /// Why it should get no new connections, if so.
    pub trouble: Option<String>,
}

/// Reads a time of at most a week, such as `90`, `60s`, `5m` or `1h`.
fn seconds(text: &str) -> Result<u32, String> {
    duration_seconds(text)
        .ok()
        .filter(|seconds| *seconds <= 7 * 86_400)
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or_else(|| "not a time like 90, 60s, 5m or 1h, of at most a week".to_owned())
}

/// Reads a time such as `90`, `60s`, `5m`, `1h` or `7d`.
fn duration_seconds(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, text.get(number.len()..).unwrap_or_default()),
        None => (text, "s"),
    };
    let factor = match unit {
        "d" => 86_400,
        "h" => 3600,
        "m" => 60,
        _ => 1,
    };
    number
        .parse::<u32>()
        .map(|number| u64::from(number) * factor)
        .map_err(|_| "not a time like 90, 60s, 5m, 1h or 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_reads_times_with_units() {
        let read = |text| seconds(text).ok();
        assert_eq!(
            [read("90"), read("60s"), read("5m"), read("1h")],
            [Some(90), Some(60), Some(300), Some(3600)]
        );
        for text in ["", "s", "-1", "8d", "9999h", "1.5m"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(duration_seconds("30d"), Ok(30 * 86_400));
    }
}
