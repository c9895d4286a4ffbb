//! The way from a transport back to its connection, by number: reports of an old transport change nothing.

use super::connection::Connection;
use super::shared::Weak;
use crate::socketio::Frame;
use crate::socketio::client::{CloseInfo, TransportId};

/// What a transport tells its connection. Holds nothing alive.
#[derive(Clone)]
pub(crate) struct Port {
    connection: Weak<Connection>,
    id: TransportId,
}

impl Port {
    pub(super) fn new(connection: Weak<Connection>, id: TransportId) -> Self {
        Self { connection, id }
    }

    /// The transport is open.
    pub(crate) fn opened(&self) {
        if let Some(connection) = self.connection.upgrade() {
            connection.called_back(|state, now| state.machine.handle_opened(now, self.id));
        }
    }

    /// A frame came.
    pub(crate) fn frame(&self, frame: Frame) {
        if let Some(connection) = self.connection.upgrade() {
            connection.called_back(|state, now| state.machine.handle_frame(now, self.id, frame));
        }
    }

    /// The body of a polling response came.
    pub(crate) fn payload(&self, body: &str) {
        if let Some(connection) = self.connection.upgrade() {
            connection.called_back(|state, now| state.machine.handle_payload(now, self.id, body));
        }
    }

    /// The transport is closed, or never opened.
    pub(crate) fn closed(&self, info: CloseInfo) {
        if let Some(connection) = self.connection.upgrade() {
            connection.called_back(|state, now| state.machine.handle_closed(now, self.id, info));
        }
    }

    /// Polling has stopped, as it was asked to.
    pub(crate) fn paused(&self) {
        if let Some(connection) = self.connection.upgrade() {
            connection.called_back(|state, now| state.machine.handle_paused(now, self.id));
        }
    }

    /// Where the next request of a polling transport goes; `None` when nobody needs it any more.
    pub(crate) fn request_url(&self) -> Option<String> {
        let connection = self.connection.upgrade()?;
        connection.look(|state, _| state.machine.request_url(self.id))
    }

    /// Largest body that the server takes, as far as is known.
    pub(crate) fn max_payload(&self) -> Option<u64> {
        self.connection
            .upgrade()?
            .look(|state, _| state.machine.max_payload())
    }
}
