//! Telling a room who came, went, or has another name; and who is typing.

use std::time::Instant;

use pesan::protocol::{Person, Presence, PresenceChange, Typing, TypingNotice};

use super::people::Move;
use super::rate_limit::Cost;
use super::{Chat, channel};
use crate::io::Socket;

impl Chat {
    /// Tells a room, but not the socket itself, that someone came. Other nodes tell their own people.
    pub(super) fn came(&self, socket: &Socket, room: &str, person: &Person) {
        let presence = Presence {
            room: room.to_owned(),
            person: person.clone(),
            change: PresenceChange::Came,
        };
        if let Err(error) = socket.to(channel(room).as_str()).local().emit_event(&presence) {
            tracing::warn!(%error, "cannot say who came");
        }
    }

    /// Tells rooms who came, went or has another name.
    pub(super) fn tell_moves(&self, moves: Vec<Move>) {
        for Move { room, person, change } in moves {
            self.changed(&room, &person, change);
        }
    }

    /// Tells a room what happened to someone.
    pub(super) fn changed(&self, room: &str, person: &Person, change: PresenceChange) {
        let presence = Presence {
            room: room.to_owned(),
            person: person.clone(),
            change,
        };
        self.tell(&channel(room), &presence);
    }

    /// Tells a room, on all nodes, that someone is typing; too often, and it is silently left.
    pub(super) fn typing(&self, socket: &Socket, typing: Typing) {
        let person = {
            let mut book = self.book();
            let Some(person) = book.people.of(socket.id()) else {
                return;
            };
            let visible = book.rooms.visible(&typing.room, &person.id).is_ok();
            let address = socket.handshake().ip();
            let paid = book
                .rates
                .charge(&person.id, address, Cost::Typing, Instant::now());
            if !visible || paid.is_err() {
                return;
            }
            person
        };
        let to = channel(&typing.room);
        let typist = TypingNotice {
            room: typing.room,
            person,
        };
        if let Err(error) = socket.to(to.as_str()).volatile().emit_event(&typist) {
            tracing::debug!(%error, "cannot say who types");
        }
    }
}
