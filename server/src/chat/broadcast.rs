//! Sends events to the clients of this node: to a room, to a person, or to everyone.
//!
//! Other nodes receive the same changes through the shared history and [`cluster`](super::cluster), and send them to
//! their own clients. Announcements, plain messages and typing notices go to the clients of all nodes.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pesan::protocol::{Announcement, PLAIN, Person, Presence, PresenceChange, Room, ShutdownNotice};
use pesan::socketio::Event;
use tokio::time::MissedTickBehavior;

use super::history;
use super::roster::MembershipChange;
use super::sanitize::sanitize_or_truncate;
use super::state::{Chat, ClientKind, Inner, ScheduledShutdown};
use crate::socketio::Socket;

/// Socket.IO room of all pages.
pub(super) const PAGES: &str = "pages";
/// Socket.IO room of all plain clients.
pub(super) const PLAINS: &str = "plain";
/// Time between two updates of rooms for pages that are outside of them.
const ROOM_UPDATE_INTERVAL: Duration = Duration::from_secs(1);
/// Pause between two batches of presence changes.
const PRESENCE_BATCH_INTERVAL: Duration = Duration::from_millis(100);
/// Event between nodes: a shutdown was scheduled or cancelled.
const CLOSE: &str = "close";

/// Socket.IO room of a room of the chat.
pub(super) fn room_channel(room: &str) -> String {
    format!("room:{room}")
}

/// Socket.IO room of all pages of a person.
pub(super) fn person_channel(person: &str) -> String {
    format!("person:{person}")
}

/// Socket.IO room of the pages in a room that receive presence in batches.
fn batch_channel(room: &str) -> String {
    format!("batches:{room}")
}

/// Socket.IO room of the pages in a room that receive each presence change.
fn change_channel(room: &str) -> String {
    format!("changes:{room}")
}

/// All Socket.IO rooms of a room of the chat.
pub(super) fn room_channels(room: &str) -> Vec<String> {
    vec![room_channel(room), batch_channel(room), change_channel(room)]
}

/// Adds a socket to the Socket.IO rooms of a room.
pub(super) fn join_room(socket: &Socket, room: &str) {
    let client = socket.data().get::<ClientKind>();
    let batches = matches!(client.as_deref(), Some(ClientKind::Page { batches: true, .. }));
    let presence = if batches {
        batch_channel(room)
    } else {
        change_channel(room)
    };
    socket.join(vec![room_channel(room), presence]);
}

/// Removes a socket from the Socket.IO rooms of a room.
pub(super) fn leave_room(socket: &Socket, room: &str) {
    socket.leave(room_channels(room));
}

impl Chat {
    /// Sends an event to everyone in a Socket.IO room, on this node.
    pub(super) fn emit_to<E: Event>(&self, to: &str, event: &E) {
        if let Err(error) = self.0.io.to(to).local().emit_event(event) {
            tracing::warn!(%error, event = E::NAME, "cannot send an event");
        }
    }

    /// Sends the current state of a room to everyone who may see it.
    pub(super) fn send_room_update(&self, id: &str) {
        for (to, room) in self.room_views(id) {
            self.emit_to(&to, &room);
        }
    }

    /// Who may see a room, with the room as they see it.
    fn room_views(&self, id: &str) -> Vec<(String, Room)> {
        let state = self.state();
        let members: Vec<Person> = state.rooms.members(id);
        if members.is_empty() {
            let room = state.rooms.view_for(id, "", &state.roster);
            return room.map(|room| (PAGES.to_owned(), room)).into_iter().collect();
        }
        members
            .iter()
            .filter_map(|member| {
                Some((
                    person_channel(&member.id),
                    state.rooms.view_for(id, &member.id, &state.roster)?,
                ))
            })
            .collect()
    }

    /// Sends updated rooms to the pages that are outside of them.
    fn send_room_updates(&self) {
        let news: Vec<Room> = {
            let mut state = self.state();
            let ids = std::mem::take(&mut state.updated_rooms);
            ids.iter()
                .filter_map(|id| state.rooms.view_for(id, "", &state.roster))
                .collect()
        };
        for room in news {
            let others = self
                .0
                .io
                .to(PAGES)
                .except(room_channel(&room.id).as_str())
                .local();
            if let Err(error) = others.emit_event(&room) {
                tracing::warn!(%error, "cannot send an update of a room");
            }
        }
    }

    /// Announces to a room, except to the socket itself, that someone joined.
    pub(super) fn announce_join(&self, socket: &Socket, room: &str, person: &Person) {
        if self.note_change(room, person, PresenceChange::Came) {
            return;
        }
        let presence = Presence {
            room: room.to_owned(),
            person: person.clone(),
            change: PresenceChange::Came,
        };
        let others = socket.to(change_channel(room).as_str()).local();
        if let Err(error) = others.emit_event(&presence) {
            tracing::warn!(%error, "cannot announce who joined");
        }
    }

    /// Announces presence changes to rooms.
    pub(super) fn announce_changes(&self, changes: Vec<MembershipChange>) {
        for MembershipChange { room, person, change } in changes {
            self.announce_change(&room, &person, change);
        }
    }

    /// Announces a presence change to a room.
    pub(super) fn announce_change(&self, room: &str, person: &Person, change: PresenceChange) {
        let crowd = self.note_change(room, person, change);
        let presence = Presence {
            room: room.to_owned(),
            person: person.clone(),
            change,
        };
        if !crowd {
            self.emit_to(&change_channel(room), &presence);
        } else if change == PresenceChange::Renamed {
            // a crowd does not receive it, but the person's other windows do
            self.emit_to(&person_channel(&person.id), &presence);
        }
    }

    /// Adds a change to the next batch; returns whether the room is a crowd.
    fn note_change(&self, room: &str, person: &Person, change: PresenceChange) -> bool {
        let state = &mut *self.state();
        state.presence.note(room, person, change);
        state.presence.is_crowd(room, &state.roster)
    }

    /// Sends an announcement to everyone, on all nodes.
    pub fn announce(&self, text: &str) {
        let Some(text) = sanitize_or_truncate(text, self.0.limits.text_chars) else {
            return;
        };
        let announcement = Announcement {
            text: text.clone(),
            at: history::now(),
        };
        if let Err(error) = self.0.io.to(PAGES).emit_event(&announcement) {
            tracing::warn!(%error, "cannot send the announcement to pages");
        }
        if let Err(error) = self.0.io.to(PLAINS).emit(PLAIN, text) {
            tracing::warn!(%error, "cannot send the announcement to plain clients");
        }
    }

    /// Announces a shutdown to the pages of this node; zero seconds cancel an earlier one.
    pub fn announce_shutdown(&self, within: Duration, reason: &str) {
        let seconds = u32::try_from(within.as_secs()).unwrap_or(u32::MAX);
        self.state().shutdown_notice = (seconds > 0).then(|| ScheduledShutdown {
            at: Instant::now() + within,
            reason: reason.to_owned(),
        });
        let closing = ShutdownNotice {
            seconds,
            reason: reason.to_owned(),
        };
        self.emit_to(PAGES, &closing);
    }

    /// Schedules a shutdown of the other nodes; zero seconds cancel an earlier one.
    pub fn announce_shutdown_to_nodes(&self, within: Duration, reason: &str) {
        let seconds = u32::try_from(within.as_secs()).unwrap_or(u32::MAX);
        if let Err(error) = self.0.io.server_side_emit(CLOSE, (seconds, reason)) {
            tracing::warn!(%error, "cannot notify other nodes of the shutdown");
        }
    }

    /// Calls `hook` with the time until a shutdown that was scheduled on another node, or with `None` when it was
    /// cancelled.
    pub fn on_remote_shutdown(&self, hook: impl Fn(Option<Duration>) + Send + Sync + 'static) {
        let chat = Arc::downgrade(&self.0);
        self.0
            .io
            .on_server_event(CLOSE, move |seconds: u32, reason: String| {
                if let Some(chat) = chat.upgrade() {
                    let within = Duration::from_secs(u64::from(seconds));
                    Self(chat).announce_shutdown(within, &reason);
                    hook((seconds > 0).then_some(within));
                }
            });
    }
}

/// Task: sends updates of rooms regularly, until the chat is dropped.
pub(super) async fn send_room_updates(chat: Weak<Inner>) {
    let mut ticks = tokio::time::interval(ROOM_UPDATE_INTERVAL);
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        Chat(chat).send_room_updates();
    }
}

/// Task: sends presence batches, until the chat is dropped.
pub(super) async fn send_presence_batches(chat: Weak<Inner>) {
    let mut ticks = tokio::time::interval(PRESENCE_BATCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        let chat = Chat(chat);
        let batches = {
            let state = &mut *chat.state();
            state.presence.take_batches(&state.roster, Instant::now())
        };
        for batch in batches {
            chat.emit_to(&batch_channel(&batch.room), &batch);
        }
    }
}
