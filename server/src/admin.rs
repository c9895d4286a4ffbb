//! The operator's socket of the running server: a Unix socket that only its owner may use.
//!
//! `pesan-server admin …` ([`AdminCommand`](crate::cli::AdminCommand)) sends one [`Request`] as a line of JSON; the server
//! ([`AdminSocket`]) answers with one [`Reply`].

use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use pesan::protocol::Message;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::app::AppState;
use crate::chat::Chat;
use crate::chat::history::{self, Range, Restriction, RestrictionKind, StoreError};
use crate::chat::moderation::Connected;
use crate::chat::room_lifecycle::RoomInfo;
use crate::log_limit::LogLimit;

/// Request of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Subcommand)]
pub enum Request {
    /// Lists the connections.
    List {
        /// Only those whose id, address, person or name contains this.
        #[serde(default)]
        search: Option<String>,
    },
    /// Lists rooms, deletes one, or merges two.
    Rooms {
        /// Change instead of a list.
        #[command(subcommand)]
        #[serde(default)]
        change: Option<RoomChange>,
    },
    /// Ends a connection, or all connections of a person.
    Kick {
        /// Id of the connection or person, as shown by `list`.
        id: String,
        /// Reason that they are shown.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Bans a person, address or network, and ends their connections.
    Ban {
        /// Id of a person or connection, as shown by `list`, or an address or network.
        whom: String,
        /// Duration, such as 90, 60s, 5m, 1h or 7d; without it, the ban does not end.
        #[arg(long = "for", value_name = "TIME", value_parser = duration_seconds)]
        seconds: Option<u64>,
        /// Reason that they are shown.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Ends a ban.
    Unban {
        /// As for `ban`, or as shown by `bans`.
        whom: String,
    },
    /// Mutes a person, address or network: they can read, but not write.
    Mute {
        /// Id of a person or connection, as shown by `list`, or an address or network.
        whom: String,
        /// Duration, such as 90, 60s, 5m, 1h or 7d; without it, the mute does not end.
        #[arg(long = "for", value_name = "TIME", value_parser = duration_seconds)]
        seconds: Option<u64>,
    },
    /// Ends a mute.
    Unmute {
        /// As for `mute`, or as shown by `bans`.
        whom: String,
    },
    /// Lists bans and mutes.
    Bans,
    /// Lists messages of a room, with their numbers for `delete`.
    Messages {
        /// Id of the room, as shown by `rooms`.
        room: String,
        /// Only messages before this number.
        #[arg(long, value_name = "NUMBER")]
        #[serde(default)]
        before: Option<u64>,
        /// Maximum number of messages.
        #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// Deletes the text and author of a message, also from quotes of it; its number stays.
    Delete {
        /// Id of the room.
        room: String,
        /// Number of the message, as shown by `messages`.
        number: u64,
    },
    /// Deletes all messages and direct rooms of a person, and ends their connections.
    Erase {
        /// Id of the person, as shown by `list`.
        person: String,
    },
    /// Sends an announcement to everyone.
    Announce {
        /// Text of the announcement.
        text: String,
    },
    /// Reloads the page, certificate, tokens and secrets, like SIGHUP; disconnects clients whose secret is no longer valid.
    Reload,
    /// Where messages are stored; sent by `backup`.
    #[command(skip)]
    Store,
    /// Shuts down all servers of the chat after a countdown that pages show.
    Close {
        /// Time until the shutdown, such as 90, 60s, 5m or 1h.
        #[arg(long = "in", value_name = "TIME", default_value = "60s", value_parser = seconds)]
        seconds: u32,
        /// Reason that everyone is shown.
        #[arg(long, default_value = "")]
        reason: String,
        /// Cancels the scheduled shutdown.
        #[arg(long)]
        cancel: bool,
        /// Shuts down only the server that this socket belongs to.
        #[arg(long)]
        #[serde(default)]
        here: bool,
    },
}

/// Change of rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Subcommand)]
pub enum RoomChange {
    /// Deletes a room with all its messages.
    Delete {
        /// Id of the room, as shown by `rooms`.
        id: String,
    },
    /// Appends the messages of an open room to another one, and deletes the first.
    Merge {
        /// Id of the room to delete.
        from: String,
        /// Id of the room that receives the messages.
        into: String,
    },
}

/// Answer of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Connections, and the load of the node that answers.
    Connections(Vec<Connected>, Load),
    /// Rooms.
    Rooms(Vec<RoomInfo>),
    /// Bans and mutes.
    Restrictions(Vec<Restriction>),
    /// Messages, oldest first.
    Messages(Vec<Message>),
    /// Where messages are stored.
    Store(StoreLocation),
    /// Success, as text.
    Done(String),
    /// Failure, as text.
    Failed(String),
}

/// Where messages are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreLocation {
    /// In a folder.
    Folder(PathBuf),
    /// In memory.
    Memory,
    /// In Redis.
    Redis,
}

/// Load of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Engine.IO sessions, those that have not joined a namespace included.
    pub sessions: usize,
    /// Maximum number of sessions.
    pub max_sessions: usize,
    /// HTTP connections that did not become WebSockets.
    pub connections: usize,
    /// Maximum number of such connections.
    pub max_connections: usize,
    /// Why it should receive no new connections, if so.
    pub not_ready: Option<String>,
}

/// Maximum size of a request.
const MOST_BYTES: u64 = 64 << 10;
/// Maximum wait for a request.
const PATIENCE: Duration = Duration::from_secs(5);

/// Listening socket for the operator; its file is removed on drop.
#[derive(Debug)]
pub struct AdminSocket {
    path: PathBuf,
    owner: u32,
    listener: UnixListener,
}

/// Why the operator's socket cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on the operator's socket {path}: {reason}; choose another path with --admin-socket")]
pub struct ListenError {
    path: PathBuf,
    reason: io::Error,
}

impl AdminSocket {
    /// Listens at a path; replaces the socket that a crashed server left there.
    ///
    /// # Errors
    /// When the path cannot be used, or belongs to a running server.
    pub fn bind(path: &Path) -> Result<Self, ListenError> {
        bind(path).map_err(|reason| ListenError {
            path: path.to_owned(),
            reason,
        })
    }

    /// Answers requests until it is dropped.
    pub async fn serve(self, state: AppState) {
        let failures = LogLimit::once_a_minute();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if self.is_owner(&stream) => {
                    tokio::spawn(answer(stream, state.clone()));
                }
                Ok(_) => {
                    tracing::warn!("connection to the operator's socket refused: it came from another user");
                }
                Err(error) => {
                    if let Some(left_out) = failures.ready() {
                        tracing::warn!(%error, left_out, "cannot accept a connection to the operator's socket");
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    fn is_owner(&self, stream: &UnixStream) -> bool {
        stream
            .peer_cred()
            .is_ok_and(|peer| peer.uid() == self.owner || peer.uid() == 0)
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "cannot remove the operator's socket");
        }
    }
}

fn bind(path: &Path) -> io::Result<AdminSocket> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "a running server uses it",
        ));
    }
    match std::fs::symlink_metadata(path) {
        Ok(left) if left.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the path belongs to a file that is not a socket",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(folder) = path.parent() {
        // usually the folder of the history: for its owner alone
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let listener = UnixListener::bind(path)?;
    // other users cannot connect; connections from before this line are checked by `is_owner`
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(AdminSocket {
        path: path.to_owned(),
        owner: std::fs::metadata(path)?.uid(),
        listener,
    })
}

async fn answer(stream: UnixStream, state: AppState) {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let asked = timeout(
        PATIENCE,
        BufReader::new(read.take(MOST_BYTES)).read_line(&mut line),
    )
    .await;
    let reply = match asked {
        Ok(Ok(_)) => match serde_json::from_str(&line) {
            Ok(request) => reply(&state, request).await,
            Err(error) => Reply::Failed(format!("cannot decode the request: {error}")),
        },
        Ok(Err(error)) => Reply::Failed(format!("cannot read the request: {error}")),
        Err(_) => Reply::Failed("no request within 5 s".to_owned()),
    };
    let line = match serde_json::to_string(&reply) {
        Ok(line) => line + "\n",
        Err(error) => {
            tracing::error!(%error, "cannot encode the answer to the operator");
            return;
        }
    };
    if let Err(error) = write.write_all(line.as_bytes()).await {
        tracing::debug!(%error, "the operator has disconnected");
    }
}

async fn reply(state: &AppState, request: Request) -> Reply {
    let chat = &state.chat;
    match request {
        Request::List { search } => {
            let mut list = chat.connections().await;
            if let Some(search) = search {
                let search = search.to_lowercase();
                list.retain(|one| {
                    [&one.id, &one.address, &one.person, &one.name]
                        .iter()
                        .any(|text| text.to_lowercase().contains(&search))
                });
            }
            Reply::Connections(list, load(state))
        }
        Request::Rooms { change: None } => Reply::Rooms(chat.rooms()),
        Request::Rooms {
            change: Some(RoomChange::Delete { id }),
        } => match chat.remove_room(&id, false).await {
            Ok(true) => {
                tracing::info!(room = id, "the operator deleted a room");
                Reply::Done(format!("room {id} deleted"))
            }
            Ok(false) => Reply::Failed(format!("no room with the id {id}, or it cannot be deleted")),
            Err(error) => Reply::Failed(format!("cannot delete room {id}: {error}")),
        },
        Request::Rooms {
            change: Some(RoomChange::Merge { from, into }),
        } => match chat.merge_rooms(&from, &into).await {
            Ok(()) => {
                tracing::info!(from, into, "the operator merged two rooms");
                Reply::Done(format!("messages of {from} moved to {into}"))
            }
            Err(StoreError::RoomUnknown) => Reply::Failed(format!(
                "{from} and {into} are not two open rooms; the lobby can only be the second one"
            )),
            Err(error) => Reply::Failed(format!("cannot merge {from} into {into}: {error}")),
        },
        Request::Kick { id, reason } => match chat.kick(&id, &reason).await {
            0 => Reply::Failed(format!("no connection or person has the id {id}")),
            ended => {
                tracing::info!(id, ended, "the operator ended connections");
                Reply::Done(format!("{ended} connections ended"))
            }
        },
        Request::Ban {
            whom,
            seconds,
            reason,
        } => restrict(chat, RestrictionKind::Ban, &whom, seconds, reason).await,
        Request::Mute { whom, seconds } => {
            restrict(chat, RestrictionKind::Mute, &whom, seconds, String::new()).await
        }
        Request::Unban { whom } => lift(chat, RestrictionKind::Ban, &whom).await,
        Request::Unmute { whom } => lift(chat, RestrictionKind::Mute, &whom).await,
        Request::Bans => match chat.restrictions().await {
            Ok(list) => Reply::Restrictions(list),
            Err(error) => Reply::Failed(format!("cannot read bans and mutes: {error}")),
        },
        Request::Messages { room, before, limit } => {
            let range = before.map_or(Range::Newest, Range::Before);
            match chat.messages(&room, range, limit).await {
                Ok(page) => Reply::Messages(page.messages),
                Err(StoreError::RoomUnknown) => Reply::Failed(format!("no room has the id {room}")),
                Err(error) => Reply::Failed(format!("cannot read messages of {room}: {error}")),
            }
        }
        Request::Delete { room, number } => match chat.delete_message(&room, number).await {
            Ok(true) => {
                tracing::info!(room, number, "the operator deleted a message");
                Reply::Done(format!("message {number} of {room} deleted"))
            }
            Ok(false) => Reply::Failed(format!("{room} has no message with the number {number}")),
            Err(error) => Reply::Failed(format!("cannot delete message {number} of {room}: {error}")),
        },
        Request::Erase { person } => match chat.erase_person(&person).await {
            Ok(erased) => {
                tracing::info!(person, ?erased, "the operator erased a person");
                Reply::Done(format!(
                    "{} messages and {} direct rooms of {person} deleted, {} connections ended",
                    erased.messages, erased.rooms, erased.connections
                ))
            }
            Err(error) => Reply::Failed(format!("cannot erase {person}: {error}; try again")),
        },
        Request::Reload => {
            let state = state.clone();
            match tokio::task::spawn_blocking(move || state.reload()).await {
                Ok(Ok(words)) => Reply::Done(words),
                Ok(Err(words)) => Reply::Failed(words),
                Err(error) => Reply::Failed(error.to_string()),
            }
        }
        Request::Store => Reply::Store(store_location(state)),
        Request::Announce { text } => {
            tracing::info!(text, "the operator sent an announcement");
            chat.announce(&text);
            Reply::Done("announced".to_owned())
        }
        Request::Close {
            seconds,
            reason,
            cancel,
            here,
        } => {
            // zero seconds cancel a scheduled shutdown
            let seconds = if cancel { 0 } else { seconds.max(1) };
            let within = Duration::from_secs(u64::from(seconds));
            if !here {
                chat.announce_shutdown_to_nodes(within, &reason);
            }
            chat.announce_shutdown(within, &reason);
            if cancel {
                tracing::info!("the operator cancelled the shutdown");
                state.stop.cancel();
                return Reply::Done("shutdown cancelled".to_owned());
            }
            tracing::info!(seconds, reason, here, "the operator scheduled a shutdown");
            state.stop.within(within);
            Reply::Done(format!("shutdown in {seconds} s; `close --cancel` cancels it"))
        }
    }
}

async fn restrict(
    chat: &Chat,
    kind: RestrictionKind,
    whom: &str,
    seconds: Option<u64>,
    reason: String,
) -> Reply {
    let subject = match chat.subject(whom).await {
        Ok(subject) => subject,
        Err(error) => return Reply::Failed(error),
    };
    let restriction = Restriction {
        kind,
        subject: subject.clone(),
        until: seconds.map(|seconds| history::now().saturating_add(seconds.saturating_mul(1000))),
        reason,
    };
    match chat.restrict(restriction).await {
        Ok(()) => {
            tracing::info!(kind = kind.name(), %subject, seconds, "the operator added a restriction");
            let end = seconds.map_or(String::new(), |seconds| format!(" for {seconds} s"));
            Reply::Done(format!("{} of {subject}{end}", kind.name()))
        }
        Err(error) => Reply::Failed(format!("cannot store the {} of {subject}: {error}", kind.name())),
    }
}

async fn lift(chat: &Chat, kind: RestrictionKind, whom: &str) -> Reply {
    let subject = match chat.subject(whom).await {
        Ok(subject) => subject,
        Err(error) => return Reply::Failed(error),
    };
    match chat.lift(kind, &subject).await {
        Ok(true) => {
            tracing::info!(kind = kind.name(), %subject, "the operator ended a restriction");
            Reply::Done(format!("{} of {subject} ended", kind.name()))
        }
        Ok(false) => Reply::Failed(format!("there is no {} of {subject}", kind.name())),
        Err(error) => Reply::Failed(format!("cannot end the {} of {subject}: {error}", kind.name())),
    }
}

/// Load of this node.
fn load(state: &AppState) -> Load {
    let (sessions, max_sessions) = state.sessions();
    Load {
        sessions,
        max_sessions,
        connections: state.connections.open(),
        max_connections: state.connections.max(),
        not_ready: state.health().err(),
    }
}

fn store_location(state: &AppState) -> StoreLocation {
    let store = &state.config.store;
    if store.redis.is_some() {
        StoreLocation::Redis
    } else if store.ephemeral {
        StoreLocation::Memory
    } else {
        // the command may run in another working directory
        StoreLocation::Folder(store.data.canonicalize().unwrap_or_else(|_| store.data.clone()))
    }
}

/// Parses a duration of at most a week, such as `90`, `60s`, `5m` or `1h`.
fn seconds(text: &str) -> Result<u32, String> {
    duration_seconds(text)
        .ok()
        .filter(|seconds| *seconds <= 7 * 86_400)
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or_else(|| "not a duration such as 90, 60s, 5m or 1h, of at most a week".to_owned())
}

/// Parses a duration such as `90`, `60s`, `5m`, `1h` or `7d`.
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
        .map_err(|_| "not a duration such as 90, 60s, 5m, 1h or 7d".to_owned())
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
