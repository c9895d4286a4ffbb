//! What the program and the browser say about the network, and what the client makes of it.

use super::reconnect::Told;
use super::state::Phase;
use super::{ConnectionError, Machine, Reason};
use crate::socketio::Timestamp;

impl Machine {
    /// Tries again at once, whatever the pause; without effect while a connection is open or opening.
    pub fn reconnect_now(&mut self, now: Timestamp) {
        self.tick(now);
        match self.phase {
            Phase::Waiting { attempt, .. } => self.attempt(now, attempt),
            Phase::Idle if self.is_wanted() => self.open(now, 0),
            Phase::Idle | Phase::Opening(_) | Phase::Open(_) => {}
        }
    }

    /// The browser says that there is a network: a pause ends at once.
    pub fn network_online(&mut self, now: Timestamp) {
        self.tick(now);
        if let Phase::Waiting { attempt, .. } = self.phase {
            self.attempt(now, attempt);
        }
    }

    /// The browser says that there is no network: the connection ends at once with `transport close`, unless the
    /// server's host is `localhost`, as in the official client.
    pub fn network_offline(&mut self, now: Timestamp) {
        self.tick(now);
        if self.config.address.host() == "localhost" {
            return;
        }
        let error = ConnectionError::NetworkLost;
        match self.phase {
            Phase::Opening(_) => self.opening_failed(now, error, Told::No),
            Phase::Open(_) => self.close(now, Reason::TransportClose, Some(error), Told::No),
            Phase::Idle | Phase::Waiting { .. } => {}
        }
    }

    /// The page is looked at again: a connection that died meanwhile ends now, and a pause ends at once.
    pub fn became_visible(&mut self, now: Timestamp) {
        self.tick(now);
        self.check_heartbeat(now);
        self.network_online(now);
    }

    /// Turns reconnection on or off. Off also ends a pause; on begins no attempt by itself.
    pub fn set_reconnection(&mut self, enabled: bool) {
        self.config.reconnection.enabled = enabled;
        if !enabled && matches!(self.phase, Phase::Waiting { .. }) {
            self.phase = Phase::Idle;
        }
    }
}
