//! The way from a transport back to its connection, by number: reports of an old transport change nothing.

use crate::socketio::Frame;
use crate::socketio::client::Connection;
use crate::socketio::proto::{CloseInfo, TransportId};
use crate::socketio::sync::Weak;

/// So much may wait to be told before nothing more is read.
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
const MOST_TO_TELL: usize = 1024;

/// How long nothing is read when the program is behind.
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
const BEHIND: std::time::Duration = std::time::Duration::from_millis(1);

/// What a transport reports.
pub(crate) enum Report {
    /// It is open.
    Opened,
    /// A frame came.
    Frame(Frame),
    /// The body of a polling response came.
    Payload(String),
    /// It is closed, or never opened.
    Closed(CloseInfo),
    /// Polling has stopped, as it was asked to.
    Paused,
}

/// Where a transport reports to. Holds nothing alive.
#[derive(Clone)]
pub(crate) struct Port {
    connection: Weak<Connection>,
    id: TransportId,
}

impl Port {
    pub(crate) fn new(connection: Weak<Connection>, id: TransportId) -> Self {
        Self { connection, id }
    }

    /// Tells the connection, if it is still there. Not from within [`Platform::open`](super::platform::Platform),
    /// where the connection is locked.
    pub(crate) fn report(&self, report: Report) {
        if let Some(connection) = self.connection.upgrade() {
            connection.reported(self.id, report);
        }
    }

    /// Waits while so much waits for the program that nothing more should be read.
    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    pub(crate) async fn caught_up(&self) {
        while self.is_behind() {
            tokio::time::sleep(BEHIND).await;
        }
    }

    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    fn is_behind(&self) -> bool {
        let connection = self.connection.upgrade();
        connection.is_some_and(|connection| connection.look(|state, _| state.to_tell.len() > MOST_TO_TELL))
    }

    /// Where the next request of a polling transport goes; `None` when nobody needs it any more.
    pub(super) fn request_url(&self) -> Option<String> {
        let connection = self.connection.upgrade()?;
        connection.look(|state, _| state.machine.request_url(self.id))
    }
}
