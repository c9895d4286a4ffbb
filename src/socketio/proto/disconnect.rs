//! How a namespace goes: by the program's wish, by the server's, or with its connection.

use super::namespace::{Patience, Standing};
use super::{ConnectError, ConnectionError, Event, Failure, Machine, Reason};
use crate::socketio::packet::Body;
use crate::socketio::{Packet, Timestamp};

impl Machine {
    /// Disconnects a namespace; the connection closes when no other wants it. What is queued stays queued.
    pub fn disconnect(&mut self, now: Timestamp, namespace: &str) {
        self.tick(now);
        let Some(place) = self.place(namespace) else {
            return;
        };
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        if !namespace.is_active() {
            return;
        }
        if namespace.is_joined() {
            let packet = Packet::new(namespace.name.clone(), Body::Disconnect);
            namespace.left = true;
            self.send_packet(&packet);
        }
        self.leave(now, place, Reason::IoClientDisconnect);
    }

    /// The server sent DISCONNECT.
    pub(super) fn disconnected(&mut self, now: Timestamp, place: usize) {
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        if std::mem::take(&mut namespace.left) {
            // It crossed ours, of which the server is to hear nothing any more if it has not left yet.
            let packet = Packet::new(namespace.name.clone(), Body::Disconnect);
            self.unhold(&packet);
            return;
        }
        match &namespace.standing {
            Standing::Joined { .. } => self.leave(now, place, Reason::IoServerDisconnect),
            Standing::Joining { .. } => self.refuse(place, ConnectError::TurnedAway),
            Standing::Withdrawn { .. } => self.connect_refused(now, place, None),
            Standing::Inactive | Standing::Away | Standing::Asking { .. } => {}
        }
    }

    /// A namespace leaves for good, and the connection with it if it was the last.
    fn leave(&mut self, now: Timestamp, place: usize, reason: Reason) {
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        let was_joined = namespace.is_joined();
        // An unanswered CONNECT cannot be taken back, and the server closes a connection that sends a second one.
        let outstanding = matches!(
            namespace.standing,
            Standing::Joining { .. } | Standing::Withdrawn { .. }
        );
        namespace.standing = if outstanding {
            Standing::Withdrawn {
                again: false,
                patience: Patience::Endless,
            }
        } else {
            Standing::Inactive
        };
        namespace.epoch += 1;
        if !self.is_wanted() {
            self.shut();
        }
        if was_joined {
            self.part(now, place, reason, None);
        }
        self.give_up_without_hope(now);
    }

    /// A namespace is not let in: it becomes inactive, then the program hears why.
    pub(super) fn refuse(&mut self, place: usize, error: ConnectError) {
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        namespace.standing = Standing::Inactive;
        let name = namespace.name.clone();
        if !self.is_wanted() {
            self.shut();
        }
        self.event(Event::ConnectError {
            namespace: name,
            error,
        });
        self.give_up_without_hope(self.now);
    }

    /// The connection is gone: a namespace that is wanted waits for the next one.
    pub(super) fn lose(
        &mut self,
        now: Timestamp,
        place: usize,
        reason: Reason,
        details: Option<ConnectionError>,
    ) {
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        let was_joined = namespace.is_joined();
        namespace.standing = if namespace.is_active() {
            Standing::Away
        } else {
            Standing::Inactive
        };
        namespace.epoch += 1;
        namespace.left = false;
        if was_joined {
            self.part(now, place, reason, details);
        }
    }

    /// `disconnect`, then the acks that can come no more.
    fn part(&mut self, now: Timestamp, place: usize, reason: Reason, details: Option<ConnectionError>) {
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        let pending = namespace.acks.take_sent();
        let name = namespace.name.clone();
        self.event(Event::Disconnect {
            namespace: name,
            reason,
            details,
        });
        for pending in pending {
            self.settle(now, place, &pending, Err(Failure::Disconnected));
        }
    }
}
