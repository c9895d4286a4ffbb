//! Moderation: listing and ending connections, bans, mutes, deleting messages, erasing a person.
//!
//! Every action works on all nodes, from any of them. `pesan-server admin` calls them through [`crate::admin`].

use std::sync::Arc;

use pesan::protocol::{ChatError, HistoryPage, Kicked, Message, MessageDeleted, PersonErased};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

use super::broadcast::{PAGES, room_channel};
use super::error::StoreError;
use super::history::{self, Range};
use super::restrictions::{Restriction, RestrictionKind, Restrictions, Subject, SubjectError};
use super::state::{Chat, ChatState};
use crate::socketio::Socket;

/// Events between nodes: to list the connections, to end some, and that bans or mutes have changed.
const CONNECTIONS: &str = "connections";
const KICK: &str = "kick";
const RESTRICTIONS: &str = "restrictions";

/// Connection, as listed for the operator.
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

/// Result of [`Chat::erase_person`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Messages.
    pub messages: u64,
    /// Direct rooms.
    pub rooms: usize,
    /// Connections that were ended.
    pub connections: usize,
}

impl ChatState {
    /// Checks whether someone may write.
    ///
    /// # Errors
    /// [`ChatErrorCode::Muted`].
    pub(super) fn check_mute(&self, person: &str, address: IpAddr) -> Result<(), ChatError> {
        self.restrictions
            .check(RestrictionKind::Mute, person, address, history::now())
    }
}

impl Chat {
    /// Registers the commands that other nodes send for their operator.
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

    /// All connections, on all nodes.
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
                    tracing::warn!(others.missing, "nodes did not list their connections in time");
                }
            }
            Err(error) => tracing::warn!(%error, "cannot list the connections of other nodes"),
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
                let person = state.roster.person_of(socket.id());
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

    /// Ends a connection, or all of a person, on all nodes, after sending the reason; returns their number.
    pub async fn kick(&self, id: &str, reason: &str) -> usize {
        let others = self.0.io.server_side_emit_with_ack::<usize>(KICK, (id, reason));
        let here = self.kick_here(id, reason);
        match others.await {
            Ok(others) => {
                if others.missing > 0 {
                    tracing::warn!(
                        id,
                        others.missing,
                        "nodes did not answer in time whether they ended connections"
                    );
                }
                here + others.answers.iter().sum::<usize>()
            }
            Err(error) => {
                tracing::warn!(%error, "cannot end connections on other nodes");
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
                    socket.id() == id
                        || state
                            .roster
                            .person_of(socket.id())
                            .is_some_and(|person| person.id == id)
                })
                .collect()
        };
        for socket in &chosen {
            disconnect(socket, reason);
        }
        chosen.len()
    }

    /// Checks whether someone may connect.
    ///
    /// # Errors
    /// [`ChatErrorCode::Banned`].
    pub(super) fn check_ban(&self, person: &str, address: IpAddr) -> Result<(), ChatError> {
        self.state()
            .restrictions
            .check(RestrictionKind::Ban, person, address, history::now())
    }

    /// Parses the subject that an operator names; the id of a connection stands for its person.
    ///
    /// # Errors
    /// When the text is no subject, or the id of a connection whose person is not known.
    pub async fn subject(&self, text: &str) -> Result<Subject, String> {
        let connections = self.connections().await;
        match connections.iter().find(|one| one.id == text) {
            Some(one) if one.person.is_empty() => Err(format!(
                "{text} is a plain client without a known person; use its address instead: {}",
                one.address
            )),
            Some(one) => Ok(Subject::Person(one.person.clone())),
            None => text.parse().map_err(|error: SubjectError| error.to_string()),
        }
    }

    /// Bans and mutes that have not ended, by kind and subject.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn restrictions(&self) -> Result<Vec<Restriction>, StoreError> {
        let now = history::now();
        let mut list = self.0.history.restrictions().await?;
        list.retain(|restriction| !restriction.is_over(now));
        list.sort_by_cached_key(|restriction| (restriction.kind.name(), restriction.subject.to_string()));
        Ok(list)
    }

    /// Bans or mutes a subject on all nodes; a ban ends its connections.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn restrict(&self, restriction: Restriction) -> Result<(), StoreError> {
        self.0.history.restrict(restriction).await?;
        self.restrictions_changed().await;
        Ok(())
    }

    /// Ends a ban or a mute on all nodes; returns whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn lift(&self, kind: RestrictionKind, subject: &Subject) -> Result<bool, StoreError> {
        let lifted = self.0.history.lift(kind, subject).await?;
        self.restrictions_changed().await;
        Ok(lifted)
    }

    async fn restrictions_changed(&self) {
        self.reload_restrictions().await;
        if let Err(error) = self.0.io.server_side_emit(RESTRICTIONS, ()) {
            tracing::warn!(%error, "cannot notify other nodes of a ban or mute; they reload within a minute");
        }
    }

    /// Reloads bans and mutes when another node has changed them.
    pub(super) fn subscribe_restrictions(&self) {
        let chat = Arc::downgrade(&self.0);
        self.0.io.on_server_event(RESTRICTIONS, move || {
            if let Some(chat) = chat.upgrade() {
                tokio::spawn(async move { Self(chat).reload_restrictions().await });
            }
        });
    }

    /// Reads bans and mutes from the store, and ends the connections of banned people.
    pub(super) async fn reload_restrictions(&self) {
        let list = match self.0.history.restrictions().await {
            Ok(list) => list,
            Err(error) => {
                tracing::warn!(%error, "cannot read bans and mutes; the earlier ones stay in force");
                return;
            }
        };
        self.state().restrictions = Restrictions::new(list);
        for socket in self.0.io.sockets() {
            let person = self.rate_key(&socket);
            if let Err(error) = self.check_ban(&person, socket.handshake().ip()) {
                disconnect(&socket, &error.detail);
            }
        }
    }

    /// Page of a room's messages for an operator, oldest first.
    ///
    /// # Errors
    /// [`StoreError::RoomUnknown`], or when the store cannot be read.
    pub async fn messages(&self, room: &str, range: Range, limit: u32) -> Result<HistoryPage, StoreError> {
        if !self.state().rooms.iter().any(|known| known.id == room) {
            return Err(StoreError::RoomUnknown);
        }
        self.0.history.page(room, range, limit).await
    }

    /// Deletes a message on all nodes; returns whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_message(&self, room: &str, seq: u64) -> Result<bool, StoreError> {
        let deleted = self.0.history.delete_message(room, seq).await?;
        if deleted && self.0.name_registry.is_none() {
            // with several nodes, the store notifies all of them
            self.message_deleted(room, seq);
        }
        Ok(deleted)
    }

    /// Sends the deletion of a message to the pages of this node.
    pub(super) fn message_deleted(&self, room: &str, seq: u64) {
        let is_deleted = |message: &Message| message.room == room && message.seq == seq;
        let changed = self.state().rooms.note_deleted(is_deleted);
        let event = MessageDeleted {
            room: room.to_owned(),
            seq,
        };
        self.emit_to(&room_channel(room), &event);
        for room in changed {
            self.send_room_update(&room);
        }
    }

    /// Ends the connections of a person, and deletes their messages and direct rooms, on all nodes.
    ///
    /// # Errors
    /// When the store fails; what was deleted before stays deleted.
    pub async fn erase_person(&self, person: &str) -> Result<Erased, StoreError> {
        let connections = self.kick(person, "").await;
        let direct: Vec<String> = self.state().rooms.direct_of(person).cloned().collect();
        let mut rooms = 0;
        for room in direct {
            rooms += usize::from(self.remove_room(&room, false).await?);
        }
        let messages = self.0.history.erase_person(person).await?;
        if self.0.name_registry.is_none() {
            self.person_erased(person);
        }
        Ok(Erased {
            messages,
            rooms,
            connections,
        })
    }

    /// Sends the deletion of a person's messages to the pages of this node.
    pub(super) fn person_erased(&self, person: &str) {
        let changed = self
            .state()
            .rooms
            .note_deleted(|message| message.author.id == person);
        let event = PersonErased {
            person: person.to_owned(),
        };
        self.emit_to(PAGES, &event);
        for room in changed {
            self.send_room_update(&room);
        }
    }
}

/// Ends the connection of a socket after sending the reason.
pub(super) fn disconnect(socket: &Socket, reason: &str) {
    let kicked = Kicked {
        reason: reason.to_owned(),
    };
    if let Err(error) = socket.emit_event(&kicked) {
        tracing::debug!(id = socket.id(), %error, "disconnected before the reason was sent");
    }
    socket.disconnect(true);
}
