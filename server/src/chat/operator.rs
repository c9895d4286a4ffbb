//! What the operator can see and do while the chat runs.

use std::time::{Duration, Instant};

use pesan::messages::{Announcement, Closing, Kicked, PLAIN};
use serde::{Deserialize, Serialize};

use super::text::clean_or_cut;
use super::{Chat, PAGES, PLAINS, history};
use crate::io::Socket;

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
}

/// Notice that the server will go down.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    at: Instant,
    reason: String,
}

impl Notice {
    /// The notice for someone who comes now; none when its time has passed.
    pub(super) fn still(&self) -> Option<Closing> {
        let left = self.at.checked_duration_since(Instant::now())?;
        Some(Closing {
            seconds: u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1),
            reason: self.reason.clone(),
        })
    }
}

impl Chat {
    /// Every connection.
    #[must_use]
    pub fn connections(&self) -> Vec<Connected> {
        let sockets = self.0.io.sockets();
        let book = self.book();
        let mut list: Vec<Connected> = sockets
            .iter()
            .map(|socket| {
                let person = book.people.of(socket.id());
                let (person, name) = person.map(|person| (person.id, person.name)).unwrap_or_default();
                Connected {
                    id: socket.id().to_owned(),
                    address: socket.handshake().address.to_string(),
                    person,
                    name,
                }
            })
            .collect();
        list.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        list
    }

    /// Every room.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomInfo> {
        let book = self.book();
        let mut list: Vec<RoomInfo> = book
            .rooms
            .iter()
            .map(|room| RoomInfo {
                id: room.id.clone(),
                name: room.name.clone(),
                people: book.people.in_room(&room.id).len(),
                messages: room.last_seq,
            })
            .collect();
        list.sort_by(|a, b| a.id.cmp(&b.id));
        list
    }

    /// Ends a connection, or all of a person, after saying so; how many there were.
    #[must_use]
    pub fn kick(&self, id: &str, reason: &str) -> usize {
        let chosen: Vec<Socket> = {
            let sockets = self.0.io.sockets();
            let book = self.book();
            sockets
                .into_iter()
                .filter(|socket| {
                    socket.id() == id || book.people.of(socket.id()).is_some_and(|person| person.id == id)
                })
                .collect()
        };
        let kicked = Kicked {
            reason: reason.to_owned(),
        };
        for socket in &chosen {
            if let Err(error) = socket.emit_event(&kicked) {
                tracing::debug!(%error, "gone before it was told");
            }
            socket.disconnect(true);
        }
        chosen.len()
    }

    /// Says something to everyone.
    pub fn announce(&self, text: &str) {
        let Some(text) = clean_or_cut(text, self.0.limits.text_chars) else {
            return;
        };
        let announcement = Announcement {
            text: text.clone(),
            at: history::now(),
        };
        self.tell(PAGES, &announcement);
        if let Err(error) = self.0.io.to(PLAINS).emit(PLAIN, text) {
            tracing::warn!(%error, "the announcement cannot be sent to plain clients");
        }
    }

    /// Tells everyone when the server will go down; nought seconds take an earlier notice back.
    pub fn announce_closing(&self, within: Duration, reason: &str) {
        let seconds = u32::try_from(within.as_secs()).unwrap_or(u32::MAX);
        self.book().closing = (seconds > 0).then(|| Notice {
            at: Instant::now() + within,
            reason: reason.to_owned(),
        });
        let closing = Closing {
            seconds,
            reason: reason.to_owned(),
        };
        self.tell(PAGES, &closing);
    }
}
