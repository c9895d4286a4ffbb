//! URLs of the requests of a polling transport.

use super::rng::Chance;
use super::state::Phase;
use super::{Address, Machine, TransportId, TransportKind, transport_url};

/// Session whose server is polled.
#[derive(Debug, Clone)]
pub(super) struct Polled {
    kind: TransportKind,
    address: Address,
    /// `None` until the server has named it.
    sid: Option<String>,
}

impl Machine {
    /// URL for the next request of a polling transport, the session's id included once it is known. Each request is
    /// to have a URL of its own. A transport that was just closed still has one, for what it has to send; `None` when
    /// it is older, or no polling transport.
    pub fn request_url(&mut self, id: TransportId) -> Option<String> {
        let polled = match &self.last_polled {
            _ if self.is_current(id) => self.polled(),
            Some((last, polled)) if *last == id => Some(polled.clone()),
            _ => None,
        };
        let Polled { kind, address, sid } = polled?;
        Some(transport_url::url(
            &self.config,
            &address,
            kind,
            sid.as_deref(),
            || unique(&mut self.chance),
        ))
    }

    fn polled(&self) -> Option<Polled> {
        let (kind, address, session) = match &self.phase {
            Phase::Opening(opening) => (opening.kind, &opening.address, &opening.session),
            Phase::Open(link) => (link.kind, &link.address, &link.session),
            Phase::Idle | Phase::Waiting { .. } => return None,
        };
        kind.is_polling().then(|| Polled {
            kind,
            address: address.clone(),
            sid: session.handshake().map(|handshake| handshake.sid.clone()),
        })
    }

    /// Whether the connection polls, or is to.
    pub(crate) fn polls(&self) -> bool {
        self.transport().is_some_and(|(_, kind)| kind.is_polling())
    }

    /// Remembers a polling transport that closes.
    pub(super) fn stop_polling(&mut self) {
        if let Some((id, _)) = self.transport()
            && let Some(polled) = self.polled()
            && polled.sid.is_some()
        {
            self.last_polled = Some((id, polled));
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
