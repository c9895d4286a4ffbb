//! The operator's command line against the running server, over a Unix socket that only its owner may use.
//!
//! `pesan-server admin …` ([`AdminCommand`]) sends one [`Request`] as a line of JSON; the server ([`AdminSocket`]) answers
//! with one [`Reply`].

mod command;
mod listener;

use std::path::PathBuf;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

pub use command::{Action, AdminCommand};
pub use listener::{AdminSocket, ListenError};

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

/// Reads a time like `90`, `60s`, `5m` or `1h`.
fn seconds(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, text.get(number.len()..).unwrap_or_default()),
        None => (text, "s"),
    };
    let factor = match unit {
        "h" => 3600,
        "m" => 60,
        _ => 1,
    };
    number
        .parse::<u32>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .filter(|seconds| *seconds <= 7 * 86_400)
        .ok_or_else(|| "not a time like 90, 60s, 5m or 1h, of at most a week".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let read = |text| seconds(text).ok();
        assert_eq!(
            [read("90"), read("60s"), read("5m"), read("1h")],
            [Some(90), Some(60), Some(300), Some(3600)]
        );
        for text in ["", "s", "-1", "1d", "9999h", "1.5m"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
