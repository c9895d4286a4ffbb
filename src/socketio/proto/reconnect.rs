//! Opening, closing and reconnecting: transports in order, backoff between attempts, hints about the network.

use super::connection::Connection;
use super::error::{ConnectError, ConnectionError};
use super::event::{Event, Output, Reason};
use super::framing;
use super::namespace::{Namespace, NamespaceState};
use super::session::Session;
use super::state::{CloseInitiator, Connecting, Established, State, Upgrade};
use super::time::{Timestamp, deadline_after};
use super::transport::{CloseInfo, TransportId, TransportKind};
use super::transport_url::{self, cache_buster};
use crate::socketio::codec::Frame;

impl Connection {
    /// Reconnects immediately, ending a backoff. Has no effect while a connection is open or opening.
    pub fn reconnect_now(&mut self, now: Timestamp) {
        self.advance_clock(now);
        match self.state {
            State::Backoff { attempt, .. } => self.start_attempt(now, attempt),
            State::Idle if self.is_needed() => self.open(now, 0),
            State::Idle | State::Connecting(_) | State::Established(_) => {}
        }
    }

    /// The network is available again: ends a backoff.
    pub fn network_online(&mut self, now: Timestamp) {
        self.advance_clock(now);
        if let State::Backoff { attempt, .. } = self.state {
            self.start_attempt(now, attempt);
        }
    }

    /// The network is lost: closes the connection with `transport close`, unless the server's host is `localhost`, as
    /// the official client does.
    pub fn network_offline(&mut self, now: Timestamp) {
        self.advance_clock(now);
        if self.config.address.host() == "localhost" {
            return;
        }
        let error = ConnectionError::NetworkLost;
        match self.state {
            State::Connecting(_) => self.transport_failed(now, error, CloseInitiator::Client),
            State::Established(_) => {
                self.close(now, Reason::TransportClose, Some(error), CloseInitiator::Client);
            }
            State::Idle | State::Backoff { .. } => {}
        }
    }

    /// The page is visible again: closes a connection whose heartbeat has expired, and ends a backoff.
    pub fn became_visible(&mut self, now: Timestamp) {
        self.advance_clock(now);
        self.check_heartbeat(now);
        self.network_online(now);
    }

    /// Turns reconnection on or off. Off also cancels a backoff; on starts no attempt by itself.
    pub fn set_reconnection(&mut self, enabled: bool) {
        self.config.reconnection.enabled = enabled;
        if !enabled && matches!(self.state, State::Backoff { .. }) {
            self.state = State::Idle;
        }
    }

    /// Closes the connection if its heartbeat deadline has passed; returns whether it did.
    pub(super) fn check_heartbeat(&mut self, now: Timestamp) -> bool {
        let dead = self.session().is_some_and(|session| session.is_dead(now));
        if dead {
            self.close(now, Reason::PingTimeout, None, CloseInitiator::Client);
        }
        dead
    }

    /// Whether any namespace needs the connection.
    pub(super) fn is_needed(&self) -> bool {
        self.namespaces.iter().any(Namespace::is_active)
    }

    /// Opens a connection; `attempt` is 0 unless it is a reconnection.
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
        let kind = next_transport(&mut kinds).unwrap_or(first);
        if !self.config.try_all_transports {
            kinds.clear();
        }
        let overall = deadline_after(now, self.config.timeout);
        self.open_transport(now, attempt, kind, kinds, Vec::new(), overall);
    }

    fn open_transport(
        &mut self,
        now: Timestamp,
        attempt: u32,
        kind: TransportKind,
        fallbacks: Vec<TransportKind>,
        failed: Vec<ConnectionError>,
        overall: Option<Timestamp>,
    ) {
        self.last_transport += 1;
        let id = TransportId(self.last_transport);
        // Each transport gets an equal share of the remaining time.
        let due = overall.map(|overall| {
            let remaining = overall.as_millis().saturating_sub(now.as_millis());
            Timestamp::from_millis(now.as_millis() + remaining / (1 + fallbacks.len() as u64))
        });
        let address = self.config.address.clone();
        let url = transport_url::url(&self.config, &address, kind, None, &mut || {
            cache_buster(&mut self.rng)
        });
        self.state = State::Connecting(Connecting {
            attempt,
            transport: id,
            kind,
            address,
            fallbacks,
            failed,
            session: Session::new(),
            due,
            overall,
        });
        self.outputs.push_back(Output::Open { id, kind, url });
    }

    /// The handshake is complete.
    pub(super) fn on_open(&mut self, now: Timestamp) {
        let State::Connecting(connecting) = std::mem::replace(&mut self.state, State::Idle) else {
            return;
        };
        let attempt = connecting.attempt;
        self.websocket_worked = connecting.kind == TransportKind::WebSocket;
        self.stats.opens += 1;
        self.state = State::Established(Established {
            transport: connecting.transport,
            kind: connecting.kind,
            address: connecting.address,
            session: connecting.session,
            decoder: self.config.parser.decoder(self.config.limits.clone()),
            bytes: 0,
            upgrade: Upgrade::None,
        });
        self.event(Event::Open);
        for index in 0..self.namespaces.len() {
            self.start_connect(now, index);
        }
        if attempt > 0 && matches!(self.state, State::Established(_)) {
            self.stats.reconnects += 1;
            self.event(Event::Reconnect(attempt));
        }
        self.start_probe(now);
    }

    /// The current transport has ended.
    pub(super) fn on_transport_closed(&mut self, now: Timestamp, info: CloseInfo) {
        let Some((_, kind)) = self.transport() else { return };
        let broken = info.error.is_some();
        let error = ConnectionError::Transport { kind, info };
        match self.state {
            State::Connecting(_) => self.transport_failed(now, error, CloseInitiator::Transport),
            State::Established(_) if broken => {
                self.event(Event::Error(error.clone()));
                self.close(
                    now,
                    Reason::TransportError,
                    Some(error),
                    CloseInitiator::Transport,
                );
            }
            State::Established(_) => self.close(
                now,
                Reason::TransportClose,
                Some(error),
                CloseInitiator::Transport,
            ),
            State::Idle | State::Backoff { .. } => {}
        }
    }

    /// A transport failed to open: tries the next transport, or schedules the next attempt.
    pub(super) fn transport_failed(
        &mut self,
        now: Timestamp,
        error: ConnectionError,
        initiator: CloseInitiator,
    ) {
        let State::Connecting(mut connecting) = std::mem::replace(&mut self.state, State::Idle) else {
            return;
        };
        if initiator == CloseInitiator::Client {
            let id = connecting.transport;
            self.outputs.push_back(Output::Close { id });
        }
        self.websocket_worked = false;
        let in_time = connecting.overall.is_none_or(|overall| now < overall);
        if in_time
            && !matches!(error, ConnectionError::NetworkLost)
            && let Some(kind) = next_transport(&mut connecting.fallbacks)
        {
            connecting.failed.insert(0, error);
            self.open_transport(
                now,
                connecting.attempt,
                kind,
                connecting.fallbacks,
                connecting.failed,
                connecting.overall,
            );
            return;
        }
        if matches!(error, ConnectionError::TimedOut) {
            self.event(Event::ConnectTimeout { namespace: None });
        }
        let error = if connecting.failed.is_empty() {
            error
        } else {
            connecting.failed.insert(0, error);
            ConnectionError::AllTransports(connecting.failed)
        };
        for index in 0..self.namespaces.len() {
            let Some(namespace) = self.namespaces.get(index) else {
                return;
            };
            if namespace.is_active() {
                let namespace = namespace.name.clone();
                let error = ConnectError::Connection(error.clone());
                self.event(Event::ConnectError { namespace, error });
            }
        }
        self.event(Event::Error(error.clone()));
        self.schedule_reconnect(now, connecting.attempt.saturating_add(1));
        if connecting.attempt > 0 {
            self.event(Event::ReconnectError(error));
        }
    }

    /// Schedules attempt number `attempt`, if reconnection is on and attempts are left.
    fn schedule_reconnect(&mut self, now: Timestamp, attempt: u32) {
        let policy = &self.config.reconnection;
        if !policy.enabled || !self.is_needed() {
            return;
        }
        if policy.is_exhausted(attempt) {
            self.event(Event::ReconnectFailed);
            return;
        }
        let until = now + policy.delay(attempt, &mut self.rng);
        self.state = State::Backoff { attempt, until };
    }

    pub(super) fn start_attempt(&mut self, now: Timestamp, attempt: u32) {
        self.event(Event::ReconnectAttempt(attempt));
        self.open(now, attempt);
    }

    /// Closes the open connection, disconnects its namespaces and schedules a reconnection.
    pub(super) fn close(
        &mut self,
        now: Timestamp,
        reason: Reason,
        details: Option<ConnectionError>,
        initiator: CloseInitiator,
    ) {
        if !self.drop_transports(initiator) {
            return;
        }
        for index in 0..self.namespaces.len() {
            self.interrupt_namespace(now, index, reason, details.clone());
        }
        self.event(Event::Close { reason, details });
        self.schedule_reconnect(now, 1);
    }

    /// Closes a connection that no namespace needs any more.
    pub(super) fn close_unused(&mut self) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => return,
            State::Backoff { .. } => {}
            State::Connecting(connecting) => self.outputs.push_back(Output::Close {
                id: connecting.transport,
            }),
            State::Established(open) => {
                let (id, polls) = (open.transport, open.kind.is_polling());
                self.state = State::Established(open);
                self.flush_held_frames();
                if polls {
                    self.transmit(id, Frame::from(framing::CLOSE));
                }
                self.drop_transports(CloseInitiator::Client);
            }
        }
        self.clear_cancelled();
        self.event(Event::Close {
            reason: Reason::ForcedClose,
            details: None,
        });
    }

    /// Cancels an upgrade and sends its held frames by polling.
    fn flush_held_frames(&mut self) {
        let State::Established(open) = &mut self.state else {
            return;
        };
        match std::mem::take(&mut open.upgrade) {
            Upgrade::None => {}
            Upgrade::Probing { transport, .. } => self.outputs.push_back(Output::Close { id: transport }),
            Upgrade::Pausing { transport, held, .. } => {
                self.outputs.push_back(Output::Close { id: transport });
                self.send_frames(held);
            }
        }
    }

    /// Closes the transports of an open connection; returns whether there was one.
    fn drop_transports(&mut self, initiator: CloseInitiator) -> bool {
        self.remember_polling_session();
        let State::Established(open) = &self.state else {
            return false;
        };
        if let Some(id) = open.upgrade.transport() {
            self.outputs.push_back(Output::Close { id });
        }
        if initiator == CloseInitiator::Client {
            let id = open.transport;
            self.outputs.push_back(Output::Close { id });
        }
        self.state = State::Idle;
        true
    }

    /// Forgets cancelled CONNECTs and unacknowledged DISCONNECTs, which ended with the connection.
    fn clear_cancelled(&mut self) {
        for namespace in &mut self.namespaces {
            namespace.disconnect_unacked = false;
            if matches!(
                namespace.state,
                NamespaceState::Cancelled { reconnect: false, .. }
            ) {
                namespace.state = NamespaceState::Inactive;
            }
        }
    }

    /// Deadlines of the connection itself.
    pub(super) fn state_timeout(&mut self, now: Timestamp) {
        if self.state.due().is_none_or(|due| now < due) {
            return;
        }
        match &self.state {
            State::Idle => {}
            State::Connecting(_) => {
                self.transport_failed(now, ConnectionError::TimedOut, CloseInitiator::Client);
            }
            State::Established(_) => {
                if !self.check_heartbeat(now) {
                    self.probe_timed_out(now);
                }
            }
            State::Backoff { attempt, .. } => self.start_attempt(now, *attempt),
        }
    }
}

/// Removes the transport to try next.
fn next_transport(kinds: &mut Vec<TransportKind>) -> Option<TransportKind> {
    (!kinds.is_empty()).then(|| kinds.remove(0))
}
