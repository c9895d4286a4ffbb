//! URLs of the requests of a polling transport.

use super::chance::Chance;
use super::{Machine, TransportId, query};
use crate::socketio::engine::Session;

impl Machine {
    /// URL for the next request of a polling transport, the session's id included once it is known. Each request is
    /// to have a URL of its own. A transport that was just closed still has one, for what it has to send; `None` when
    /// it is older, or no polling transport.
    pub fn request_url(&mut self, id: TransportId) -> Option<String> {
        let current = self.transport().filter(|(_, kind)| kind.polls().is_some());
        let (kind, sid) = match (current, &self.last_polled) {
            (Some((current, kind)), _) if current == id => (kind, self.polled_sid()),
            (_, Some((last, kind, sid))) if *last == id => (*kind, Some(sid.clone())),
            _ => return None,
        };
        Some(query::url(&self.config, kind, sid.as_deref(), &mut || {
            unique(&mut self.chance)
        }))
    }

    fn polled_sid(&self) -> Option<String> {
        let handshake = self.session().and_then(Session::handshake)?;
        Some(handshake.sid.clone())
    }

    /// Whether the connection polls, or is to.
    pub(crate) fn polls(&self) -> bool {
        self.transport().is_some_and(|(_, kind)| kind.polls().is_some())
    }

    /// Remembers a polling transport that closes.
    pub(super) fn stop_polling(&mut self) {
        if let Some((id, kind)) = self.transport()
            && kind.polls().is_some()
            && let Some(sid) = self.polled_sid()
        {
            self.last_polled = Some((id, kind, sid));
        }
    }
}

/// Something that no cache has seen: eight characters of base 36.
pub(super) fn unique(chance: &mut Chance) -> String {
    let mut bits = chance.next();
    let mut unique = String::new();
    for _ in 0..8 {
        let digit = u32::try_from(bits % 36).unwrap_or(0);
        bits /= 36;
        unique.push(char::from_digit(digit, 36).unwrap_or('0'));
    }
    unique
}
