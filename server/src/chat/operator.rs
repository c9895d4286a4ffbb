//! What the operator can see and do while the chat runs: on all nodes, from any of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pesan::protocol::{Announcement, Kicked, LOBBY, PLAIN, RoomGone, ShutdownNotice};
use serde::{Deserialize, Serialize};

use super::history::{Range, StoreError};
use super::sanitize::sanitize_or_truncate;
use super::{Chat, PAGES, PLAINS, channel, channel_of, history, presence};
use crate::socketio::Socket;

/// Events between nodes: to name the connections, to end some, to say when the server goes down.
const CONNECTIONS: &str = "connections";
const KICK: &str = "kick";
const CLOSE: &str = "close";

/// One connection, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    /// Id of the socket, or of the person, for [`Chat::kick`].
    pub id: String,
    /// Address of the client.
    pub address: String,
    /// Id of the person; empty for a plain client.
    pub person: String,
    /// Name of the person; empty for a plain client.
    pub name: String,
}

/// One room, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomInfo {
    /// Id.
    pub id: String,
    /// Name; empty for a direct room.
    pub name: String,
    /// How many people are in it.
    pub people: usize,
    /// Order number of the newest message.
    pub messages: u64,
    /// When it was said, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
}

/// Notice that the server will go down.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    at: Instant,
    reason: String,
}

impl Notice {
    /// The notice for someone who comes now; none when its time has passed.
    pub(super) fn still(&self) -> Option<ShutdownNotice> {
        let left = self.at.checked_duration_since(Instant::now())?;
        Some(ShutdownNotice {
            seconds: u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1),
            reason: self.reason.clone(),
        })
    }
}

impl Chat {
    /// Does what the operator asks for on another node.
    pub(super) fn register_commands(&self) {
        let chat = Arc::downgrade(&self.0);
        self.0.io.on_server_event(CONNECTIONS, move || {
            chat.upgrade()
                .map(|chat| Self(chat).connections_here())
                .unwrap_or_default()
        });
        let chat = Arc::downgrade(&self.0);
        self.0
            .io
            .on_server_event(KICK, move |id: String, reason: String| {
                chat.upgrade()
                    .map_or(0, |chat| Self(chat).kick_here(&id, &reason))
            });
    }

    /// Calls `hook` with the time until the server goes down, when the operator of another node says so; nothing takes
    /// it back.
    pub fn on_closing(&self, hook: impl Fn(Option<Duration>) + Send + Sync + 'static) {
        let chat = Arc::downgrade(&self.0);
        self.0
            .io
            .on_server_event(CLOSE, move |seconds: u32, reason: String| {
                if let Some(chat) = chat.upgrade() {
                    let within = Duration::from_secs(u64::from(seconds));
                    Self(chat).announce_closing(within, &reason);
                    hook((seconds > 0).then_some(within));
                }
            });
    }

    /// Tells the other nodes when to go down; nought seconds take an earlier notice back.
    pub fn close_elsewhere(&self, within: Duration, reason: &str) {
        let seconds = u32::try_from(within.as_secs()).unwrap_or(u32::MAX);
        if let Err(error) = self.0.io.server_side_emit(CLOSE, (seconds, reason)) {
            tracing::warn!(%error, "other nodes cannot be told to close");
        }
    }

    /// Every connection, on all nodes.
    pub async fn connections(&self) -> Vec<Connected> {
        let mut list = self.connections_here();
        let others = self
            .0
            .io
            .server_side_emit_with_ack::<Vec<Connected>>(CONNECTIONS, ());
        match others.await {
            Ok(others) => {
                list.extend(others.answers.into_iter().flatten());
                if others.missing > 0 {
                    tracing::warn!(
                        others.missing,
                        "nodes did not say in time who is connected to them"
                    );
                }
            }
            Err(error) => tracing::warn!(%error, "other nodes cannot be asked for their connections"),
        }
        list.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        list
    }

    fn connections_here(&self) -> Vec<Connected> {
        let sockets = self.0.io.sockets();
        let state = self.state();
        sockets
            .iter()
            .map(|socket| {
                let person = state.people.of(socket.id());
                let (person, name) = person.map(|person| (person.id, person.name)).unwrap_or_default();
                Connected {
                    id: socket.id().to_owned(),
                    address: socket.handshake().address.to_string(),
                    person,
                    name,
                }
            })
            .collect()
    }

    /// Every room.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomInfo> {
        let state = self.state();
        let mut list: Vec<RoomInfo> = state
            .rooms
            .iter()
            .map(|room| RoomInfo {
                id: room.id.clone(),
                name: room.name.clone(),
                people: state.people.count_in(&room.id),
                messages: room.last_seq,
                last: room.last.as_ref().map(|last| last.at),
            })
            .collect();
        list.sort_by(|a, b| a.id.cmp(&b.id));
        list
    }

    /// Removes a room with its messages, or only while it has none; whether it is gone now. The lobby stays.
    ///
    /// # Errors
    /// Why the store did not do it.
    pub async fn remove_room(&self, id: &str, only_empty: bool) -> Result<bool, StoreError> {
        if id == LOBBY {
            return Ok(false);
        }
        let key = self.state().rooms.key(id, self.0.limits.name_chars);
        let removed = self.0.history.remove_room(id, &key, only_empty).await?;
        if removed {
            self.close_room(id, None).await;
        }
        Ok(removed)
    }

    /// Moves the messages of an open room to the end of another one or of the lobby, and removes the first one.
    ///
    /// # Errors
    /// [`StoreError::RoomUnknown`] when one of them is no such room, or why the store did not do it.
    pub async fn merge_rooms(&self, from: &str, into: &str) -> Result<(), StoreError> {
        let key = {
            let state = self.state();
            let is_open = |id: &str| {
                state
                    .rooms
                    .iter()
                    .any(|room| room.id == id && room.members.is_none())
            };
            if from == LOBBY || from == into || !is_open(from) || !is_open(into) {
                return Err(StoreError::RoomUnknown);
            }
            state.rooms.key(from, self.0.limits.name_chars)
        };
        self.0.history.merge_rooms(from, &key, into).await?;
        self.close_room(from, Some(into)).await;
        Ok(())
    }

    /// A room is gone, and `into` has its messages: forgets it, and tells those who saw it.
    pub(super) async fn close_room(&self, id: &str, into: Option<&str>) {
        let saw = {
            let mut state = self.state();
            let people = state.rooms.members(id);
            let known = state.rooms.remove(id).is_some();
            state.people.close_room(id);
            state.news.remove(id);
            state.presence.close_room(id);
            known.then(|| {
                people
                    .iter()
                    .map(|person| channel_of(&person.id))
                    .collect::<Vec<_>>()
            })
        };
        if let Some(saw) = saw {
            self.0
                .io
                .in_(channel(id).as_str())
                .local()
                .sockets_leave(presence::channels(id));
            let gone = RoomGone {
                id: id.to_owned(),
                into: into.map(str::to_owned),
            };
            if saw.is_empty() {
                self.tell(PAGES, &gone);
            }
            for pages in saw {
                self.tell(&pages, &gone);
            }
        }
        let Some(into) = into else { return };
        // where other nodes move the messages, this may come early; the next message brings the rest
        match self.0.history.page(into, Range::Newest, 1).await {
            Ok(page) => {
                if let Some(last) = page.messages.last() {
                    self.state().rooms.note(last);
                    self.tell_room(into);
                }
            }
            Err(error) => tracing::warn!(%error, room = into, "the newest message of a room cannot be read"),
        }
    }

    /// Ends a connection, or all of a person, on all nodes, after saying so; how many there were.
    pub async fn kick(&self, id: &str, reason: &str) -> usize {
        let others = self.0.io.server_side_emit_with_ack::<usize>(KICK, (id, reason));
        let here = self.kick_here(id, reason);
        match others.await {
            Ok(others) => {
                if others.missing > 0 {
                    tracing::warn!(
                        id,
                        others.missing,
                        "nodes did not say in time whether they ended connections"
                    );
                }
                here + others.answers.iter().sum::<usize>()
            }
            Err(error) => {
                tracing::warn!(%error, "other nodes cannot be told to end connections");
                here
            }
        }
    }

    fn kick_here(&self, id: &str, reason: &str) -> usize {
        let chosen: Vec<Socket> = {
            let sockets = self.0.io.sockets();
            let state = self.state();
            sockets
                .into_iter()
                .filter(|socket| {
                    socket.id() == id || state.people.of(socket.id()).is_some_and(|person| person.id == id)
                })
                .collect()
        };
        for socket in &chosen {
            disconnect(socket, reason);
        }
        chosen.len()
    }

    /// Says something to everyone, on all nodes.
    pub fn announce(&self, text: &str) {
        let Some(text) = sanitize_or_truncate(text, self.0.limits.text_chars) else {
            return;
        };
        let announcement = Announcement {
            text: text.clone(),
            at: history::now(),
        };
        if let Err(error) = self.0.io.to(PAGES).emit_event(&announcement) {
            tracing::warn!(%error, "the announcement cannot be sent to pages");
        }
        if let Err(error) = self.0.io.to(PLAINS).emit(PLAIN, text) {
            tracing::warn!(%error, "the announcement cannot be sent to plain clients");
        }
    }

    /// Tells everyone on this node when it will go down; nought seconds take an earlier notice back.
    pub fn announce_closing(&self, within: Duration, reason: &str) {
        let seconds = u32::try_from(within.as_secs()).unwrap_or(u32::MAX);
        self.state().closing = (seconds > 0).then(|| Notice {
            at: Instant::now() + within,
            reason: reason.to_owned(),
        });
        let closing = ShutdownNotice {
            seconds,
            reason: reason.to_owned(),
        };
        self.tell(PAGES, &closing);
    }
}

/// Ends the connection of a socket, after its page was given the reason.
pub(super) fn disconnect(socket: &Socket, reason: &str) {
    let kicked = Kicked {
        reason: reason.to_owned(),
    };
    if let Err(error) = socket.emit_event(&kicked) {
        tracing::debug!(id = socket.id(), %error, "disconnected before the reason was sent");
    }
    socket.disconnect(true);
}
