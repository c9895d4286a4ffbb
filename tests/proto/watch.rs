//! Invariants, checked at every output.

use std::collections::{BTreeMap, BTreeSet};

use pesan::socketio::proto::{Connection, EmitId, EmitState, Event, Output, TransportId, TransportKind};
use pesan::socketio::{Frame, Timestamp};

/// Observes all inputs and outputs of a connection.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) open: BTreeMap<TransportId, TransportKind>,
    pub(crate) closed: BTreeSet<TransportId>,
    /// Namespaces whose CONNECT was sent (`false`) or answered (`true`) on this connection.
    joined: BTreeMap<String, bool>,
    /// Namespaces whose CONNECT was answered while it was held for the upgrade.
    early: BTreeSet<String>,
    /// Namespaces between `connect` and `disconnect`.
    connected: BTreeSet<String>,
    /// Acks that have not settled.
    pub(crate) pending: BTreeSet<EmitId>,
    states: BTreeMap<EmitId, EmitState>,
}

impl Watch {
    /// Records an emit; call it before the outputs are processed.
    pub(crate) fn emitted(&mut self, id: EmitId, ack: bool, state: &EmitState) {
        assert!(
            self.states.insert(id, state.clone()).is_none(),
            "{id:?} was given twice"
        );
        if ack {
            self.pending.insert(id);
        }
    }

    /// The server sends a text frame on the current connection.
    pub(crate) fn received(&mut self, frame: &str) {
        match named(frame, "40").or_else(|| named(frame, "44")) {
            Some(name) if frame.starts_with("40") && frame.contains("sid") => {
                if let Some(answered) = self.joined.get_mut(&name) {
                    *answered = true;
                }
            }
            Some(name) => {
                if self.joined.get(&name) == Some(&false) {
                    self.joined.remove(&name);
                }
            }
            None => {
                if let Some(name) = named(frame, "41") {
                    self.joined.remove(&name);
                }
            }
        }
    }

    /// Records that a transport has ended.
    pub(crate) fn transport_replaced(&mut self, id: TransportId) {
        self.open.remove(&id);
        self.closed.insert(id);
    }

    pub(crate) fn output(&mut self, output: &Output) {
        match output {
            Output::Open { id, kind, .. } => {
                let others: Vec<TransportKind> = self.open.values().copied().collect();
                let probe = *kind == TransportKind::WebSocket && others == [TransportKind::Polling];
                assert!(others.is_empty() || probe, "{kind:?} is opened beside {others:?}");
                assert!(!self.closed.contains(id), "{id} is used again");
                self.open.insert(*id, *kind);
            }
            Output::Send { id, frame } => {
                assert!(
                    self.open.contains_key(id),
                    "{frame:?} is sent on {id}, which is not open"
                );
                self.sent(frame);
            }
            Output::Pause { id } => assert_eq!(self.open.get(id), Some(&TransportKind::Polling)),
            Output::Close { id } => {
                assert!(self.open.contains_key(id), "{id} is closed, but is not open");
                self.transport_replaced(*id);
            }
            Output::Event(event) => self.event(event),
        }
    }

    fn sent(&mut self, frame: &Frame) {
        let Frame::Text(text) = frame else { return };
        if let Some(name) = named(text, "40") {
            let answered = self.early.remove(&name);
            let before = self.joined.insert(name, answered);
            assert_eq!(before, None, "a second CONNECT: {text}");
        } else if let Some(name) = named(text, "41") {
            let before = self.joined.remove(&name);
            assert_eq!(
                before,
                Some(true),
                "a DISCONNECT without an answered CONNECT: {text}"
            );
        } else if text.starts_with("42") || text.starts_with("45") {
            let name = named(text.trim_start_matches("451-"), "").or_else(|| named(text, "42"));
            let name = name.unwrap_or_else(|| "/".to_owned());
            assert_eq!(
                self.joined.get(&name),
                Some(&true),
                "an event before its CONNECT was answered: {text}"
            );
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Open | Event::Close { .. } => {
                self.joined.clear();
                self.early.clear();
            }
            Event::Connect { namespace, .. } => {
                if !self.joined.contains_key(namespace) {
                    let held = self.open.len() == 2;
                    assert!(
                        held,
                        "{namespace} connects, but its CONNECT neither left nor is held"
                    );
                    self.early.insert(namespace.clone());
                }
                assert!(
                    self.connected.insert(namespace.clone()),
                    "{namespace} connects twice"
                );
            }
            Event::Disconnect { namespace, .. } => {
                assert!(
                    self.connected.remove(namespace),
                    "{namespace} disconnects, but was not connected"
                );
            }
            Event::Ack { id, .. } => {
                assert!(self.pending.remove(id), "{id:?} settles twice");
            }
            Event::EmitState { id, state, .. } => {
                let before = self.states.insert(*id, state.clone());
                let legal = matches!(
                    (&before, state),
                    (Some(EmitState::Queued), EmitState::Sent)
                        | (
                            Some(EmitState::Queued | EmitState::Sent),
                            EmitState::Acknowledged | EmitState::Failed(_)
                        )
                );
                assert!(legal, "{id:?} goes from {before:?} to {state:?}");
            }
            _ => {}
        }
    }

    /// Checks that the state of the namespaces matches the events.
    pub(crate) fn check_state(&self, connection: &Connection, namespaces: &[&str]) {
        for name in namespaces {
            assert_eq!(
                connection.is_connected(name),
                self.connected.contains(*name),
                "{name}"
            );
        }
    }

    /// Checks the invariants after a drain.
    pub(crate) fn check_drained(&self, connection: &Connection, now: Timestamp, namespaces: &[&str]) {
        assert!(
            connection.poll_timeout().is_none_or(|due| due >= now),
            "a timeout in the past"
        );
        self.check_state(connection, namespaces);
        for name in namespaces {
            let ids: Vec<EmitId> = connection.queued(name).map(|queued| queued.id).collect();
            assert!(ids.is_sorted(), "the queue is out of order");
            let bounds = &connection.config().send_buffer;
            assert!(
                connection.queue_len(name) <= bounds.messages,
                "the queue is over its bound"
            );
            let bytes: usize = connection.queued(name).map(|queued| queued.bytes).sum();
            assert!(bytes <= bounds.bytes, "the queue holds too many bytes");
        }
    }
}

/// Namespace of a frame that begins with `kind`.
fn named(frame: &str, kind: &str) -> Option<String> {
    let rest = frame.strip_prefix(kind)?;
    if rest.starts_with('/') {
        return Some(rest.split(',').next().unwrap_or(rest).to_owned());
    }
    (!kind.is_empty()).then(|| "/".to_owned())
}
