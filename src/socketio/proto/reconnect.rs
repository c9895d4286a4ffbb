//! The connection itself: opening, losing, waiting, trying again.

use super::framing;
use super::namespace::Standing;
use super::polling::unique;
use super::state::{Link, Opening, Phase};
use super::upgrade::Upgrade;
use super::{
    CloseInfo, ConnectError, ConnectionError, Event, Machine, Output, Reason, TransportId, TransportKind,
    transport_url,
};
use crate::socketio::proto::session::Session;
use crate::socketio::proto::time::after;
use crate::socketio::{Frame, Timestamp};

/// Whether the driver knows already that its transport is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It reported it.
    Yes,
    /// It has to close it.
    No,
}

impl Machine {
    /// Closes the connection if its deadline is over; says whether it did.
    pub(super) fn check_heartbeat(&mut self, now: Timestamp) -> bool {
        let dead = self.session().is_some_and(|session| session.is_dead(now));
        if dead {
            self.close(now, Reason::PingTimeout, None, Told::No);
        }
        dead
    }

    /// Whether any namespace wants the connection.
    pub(super) fn is_wanted(&self) -> bool {
        self.namespaces.iter().any(super::Namespace::is_active)
    }

    /// Opens a connection; `attempt` is 0 when this is no attempt to reconnect.
    pub(super) fn open(&mut self, now: Timestamp, attempt: u32) {
        let first = TransportKind::WebSocket;
        let remembered = self.config.remember_upgrade && self.websocket_worked;
        let mut kinds = Vec::new();
        if remembered && self.config.transports.contains(&first) {
            kinds.push(first);
        }
        for kind in &self.config.transports {
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
        }
        let kind = next(&mut kinds).unwrap_or(first);
        if !self.config.try_all_transports {
            kinds.clear();
        }
        let overall = after(now, self.config.timeout);
        self.open_transport(now, attempt, kind, kinds, overall);
    }

    fn open_transport(
        &mut self,
        now: Timestamp,
        attempt: u32,
        kind: TransportKind,
        rest: Vec<TransportKind>,
        overall: Option<Timestamp>,
    ) {
        self.last_transport += 1;
        let id = TransportId(self.last_transport);
        // Each transport has an equal share of the time that is left.
        let due = overall.map(|overall| {
            let left = overall.as_millis().saturating_sub(now.as_millis());
            Timestamp::from_millis(now.as_millis() + left / (1 + rest.len() as u64))
        });
        let address = self.config.address.clone();
        let url = transport_url::url(&self.config, &address, kind, None, &mut || {
            unique(&mut self.chance)
        });
        self.phase = Phase::Opening(Opening {
            attempt,
            transport: id,
            kind,
            address,
            rest,
            session: Session::new(),
            due,
            overall,
        });
        self.outputs.push_back(Output::Open { id, kind, url });
    }

    /// The handshake is done.
    pub(super) fn opened(&mut self, now: Timestamp) {
        let Phase::Opening(opening) = std::mem::replace(&mut self.phase, Phase::Idle) else {
            return;
        };
        let attempt = opening.attempt;
        self.websocket_worked = opening.kind == TransportKind::WebSocket;
        self.stats.opens += 1;
        self.phase = Phase::Open(Link {
            transport: opening.transport,
            kind: opening.kind,
            address: opening.address,
            session: opening.session,
            decoder: self.config.parser.decoder(self.config.limits.clone()),
            bytes: 0,
            upgrade: Upgrade::None,
        });
        self.event(Event::Open);
        for place in 0..self.namespaces.len() {
            self.join(now, place);
        }
        if attempt > 0 && matches!(self.phase, Phase::Open(_)) {
            self.stats.reconnects += 1;
            self.event(Event::Reconnect(attempt));
        }
        self.probe(now);
    }

    /// The current transport is gone.
    pub(super) fn transport_ended(&mut self, now: Timestamp, info: CloseInfo) {
        let Some((_, kind)) = self.transport() else { return };
        let broken = info.error.is_some();
        let error = ConnectionError::Transport { kind, info };
        match self.phase {
            Phase::Opening(_) => self.opening_failed(now, error, Told::Yes),
            Phase::Open(_) if broken => {
                self.event(Event::Error(error.clone()));
                self.close(now, Reason::TransportError, Some(error), Told::Yes);
            }
            Phase::Open(_) => self.close(now, Reason::TransportClose, Some(error), Told::Yes),
            Phase::Idle | Phase::Waiting { .. } => {}
        }
    }

    /// A transport could not be opened: the next one, or the next attempt.
    pub(super) fn opening_failed(&mut self, now: Timestamp, error: ConnectionError, told: Told) {
        let Phase::Opening(mut opening) = std::mem::replace(&mut self.phase, Phase::Idle) else {
            return;
        };
        if told == Told::No {
            let id = opening.transport;
            self.outputs.push_back(Output::Close { id });
        }
        self.websocket_worked = false;
        let in_time = opening.overall.is_none_or(|overall| now < overall);
        if in_time
            && !matches!(error, ConnectionError::NetworkLost)
            && let Some(kind) = next(&mut opening.rest)
        {
            self.open_transport(now, opening.attempt, kind, opening.rest, opening.overall);
            return;
        }
        if matches!(error, ConnectionError::TimedOut) {
            self.event(Event::ConnectTimeout { namespace: None });
        }
        for place in 0..self.namespaces.len() {
            let Some(namespace) = self.namespaces.get(place) else {
                return;
            };
            if namespace.is_active() {
                let namespace = namespace.name.clone();
                let error = ConnectError::Connection(error.clone());
                self.event(Event::ConnectError { namespace, error });
            }
        }
        self.event(Event::Error(error.clone()));
        self.schedule(now, opening.attempt.saturating_add(1));
        if opening.attempt > 0 {
            self.event(Event::ReconnectError(error));
        }
    }

    /// Waits for attempt number `attempt`, if there is to be one.
    fn schedule(&mut self, now: Timestamp, attempt: u32) {
        let policy = &self.config.reconnection;
        if !policy.enabled || !self.is_wanted() {
            return;
        }
        if policy.is_spent(attempt) {
            self.event(Event::ReconnectFailed);
            return;
        }
        let until = now + policy.pause(attempt, &mut self.chance);
        self.phase = Phase::Waiting { attempt, until };
    }

    pub(super) fn attempt(&mut self, now: Timestamp, attempt: u32) {
        self.event(Event::ReconnectAttempt(attempt));
        self.open(now, attempt);
    }

    /// The open connection ends, and with it what every namespace had on it; then it is tried again.
    pub(super) fn close(
        &mut self,
        now: Timestamp,
        reason: Reason,
        details: Option<ConnectionError>,
        told: Told,
    ) {
        if !self.drop_link(told) {
            return;
        }
        for place in 0..self.namespaces.len() {
            self.lose(now, place, reason, details.clone());
        }
        self.event(Event::Close { reason, details });
        self.schedule(now, 1);
    }

    /// Nobody wants the connection any more.
    pub(super) fn shut(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle => return,
            Phase::Waiting { .. } => {}
            Phase::Opening(opening) => self.outputs.push_back(Output::Close {
                id: opening.transport,
            }),
            Phase::Open(link) => {
                let (id, polls) = (link.transport, link.kind.is_polling());
                self.phase = Phase::Open(link);
                self.release_held();
                if polls {
                    self.transmit(id, Frame::from(framing::CLOSE));
                }
                self.drop_link(Told::No);
            }
        }
        self.forget_withdrawn();
        self.event(Event::Close {
            reason: Reason::ForcedClose,
            details: None,
        });
    }

    /// What was held for an upgrade that will not come leaves by polling.
    fn release_held(&mut self) {
        let Phase::Open(link) = &mut self.phase else {
            return;
        };
        match std::mem::take(&mut link.upgrade) {
            Upgrade::None => {}
            Upgrade::Probing { transport, .. } => self.outputs.push_back(Output::Close { id: transport }),
            Upgrade::Pausing { transport, held, .. } => {
                self.outputs.push_back(Output::Close { id: transport });
                self.send_frames(held);
            }
        }
    }

    /// Closes the transports of an open connection; says whether there was one.
    fn drop_link(&mut self, told: Told) -> bool {
        self.stop_polling();
        let Phase::Open(link) = &self.phase else {
            return false;
        };
        if let Some(id) = link.upgrade.transport() {
            self.outputs.push_back(Output::Close { id });
        }
        if told == Told::No {
            let id = link.transport;
            self.outputs.push_back(Output::Close { id });
        }
        self.phase = Phase::Idle;
        true
    }

    /// CONNECTs that nobody waited for are gone with their connection, as are DISCONNECTs.
    fn forget_withdrawn(&mut self) {
        for namespace in &mut self.namespaces {
            namespace.left = false;
            if matches!(namespace.standing, Standing::Withdrawn { again: false, .. }) {
                namespace.standing = Standing::Inactive;
            }
        }
    }

    /// The connection's own deadlines.
    pub(super) fn phase_timeout(&mut self, now: Timestamp) {
        if self.phase.due().is_none_or(|due| now < due) {
            return;
        }
        match &self.phase {
            Phase::Idle => {}
            Phase::Opening(_) => self.opening_failed(now, ConnectionError::TimedOut, Told::No),
            Phase::Open(_) => {
                if !self.check_heartbeat(now) {
                    self.probe_timed_out(now);
                }
            }
            Phase::Waiting { attempt, .. } => self.attempt(now, *attempt),
        }
    }
}

/// Transport to try next.
fn next(kinds: &mut Vec<TransportKind>) -> Option<TransportKind> {
    (!kinds.is_empty()).then(|| kinds.remove(0))
}
