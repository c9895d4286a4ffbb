//! Communication with the other nodes of the service, over an [`Adapter`].
//!
//! Messages are Socket.IO packets in the msgpack format. The name of an event is the command, its id requests a reply, and
//! its first argument is the name of the sending node. Nodes know each other by heartbeats. Received commands are handled in
//! [`commands`], which alone knows the server and its namespaces.

pub(super) mod codec;
pub(super) mod commands;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pesan::socketio::packet::{Body, EventName, Packet};
use pesan::socketio::{Value, msgpack};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::adapter::{Adapter, Health};
use super::recovery::SavedSession;
use super::rooms::Target;
use crate::engineio::random_id;

/// Interval of the heartbeats between nodes.
const HEARTBEAT: Duration = Duration::from_secs(4);

/// Time without a message after which a node counts as down.
const NODE_TIMEOUT: Duration = Duration::from_secs(10);

/// Number of later events after which an event of this node is no longer expected from the log.
const MAX_REORDERED: u64 = 10_000;

/// This node's side of the cluster.
pub(super) struct Cluster {
    node: String,
    adapter: Box<dyn Adapter>,
    /// Other nodes, and when each was last heard from.
    peers: Mutex<HashMap<String, Instant>>,
    /// Requests that wait for replies, by id.
    requests: Mutex<HashMap<u64, mpsc::UnboundedSender<Reply>>>,
    next: AtomicU64,
    appended: Mutex<AppendedEvents>,
}

/// Reply: name of the node, and its arguments.
pub(super) type Reply = (String, Vec<Value>);

/// Event for the shared log.
#[derive(Debug, Clone)]
pub(super) struct LoggedEvent {
    pub(super) namespace: String,
    pub(super) target: Target,
    pub(super) name: EventName,
    pub(super) args: Vec<Value>,
}

/// Events that this node has appended to the shared log.
#[derive(Default)]
struct AppendedEvents {
    next: u64,
    /// Events that were not read back yet, by number.
    pending: BTreeMap<u64, LoggedEvent>,
    /// Events sent to this node's sockets when the log was unreachable; not sent again if they are read back.
    sent: BTreeSet<u64>,
}

impl AppendedEvents {
    /// Handles an event read back from the log; returns whether it still has to be sent to this node's sockets.
    fn on_read_back(&mut self, number: u64) -> bool {
        self.pending.remove(&number);
        let is_unsent = !self.sent.remove(&number);
        // The log has events in the order of their numbers, so earlier ones were lost. The last events of a broken
        // connection may, however, follow the first ones of the next connection.
        self.sent = self.sent.split_off(&number.saturating_sub(MAX_REORDERED));
        is_unsent
    }
}

/// Request to all other nodes, with the expected replies.
pub(super) struct ClusterRequest {
    id: u64,
    expected: HashSet<String>,
    replies: mpsc::UnboundedReceiver<Reply>,
    deadline: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cluster {
    pub(super) fn new(adapter: impl Adapter) -> Self {
        Self {
            node: random_id(),
            adapter: Box::new(adapter),
            peers: Mutex::default(),
            requests: Mutex::default(),
            next: AtomicU64::new(0),
            appended: Mutex::default(),
        }
    }

    pub(super) fn health(&self) -> Health {
        self.adapter.health()
    }

    /// Other nodes that are up.
    pub(super) fn peers(&self) -> HashSet<String> {
        let mut peers = lock(&self.peers);
        peers.retain(|_, seen| seen.elapsed() < NODE_TIMEOUT);
        peers.keys().cloned().collect()
    }

    /// Sends a command to all other nodes.
    pub(super) fn publish(&self, namespace: &str, command: &str, args: Vec<Value>) -> bool {
        self.adapter
            .publish(None, self.message(namespace, None, command, args))
    }

    fn message(&self, namespace: &str, id: Option<u64>, command: &str, mut args: Vec<Value>) -> Vec<u8> {
        args.insert(0, Value::from(self.node.as_str()));
        let name = EventName::from(command);
        msgpack::encode(&Packet::new(namespace, Body::Event { id, name, args }))
    }

    fn reply(&self, node: &str, id: u64, mut args: Vec<Value>) {
        args.insert(0, Value::from(self.node.as_str()));
        let message = msgpack::encode(&Packet::new("/", Body::Ack { id, args }));
        if !self.adapter.publish(Some(node), message) {
            tracing::debug!(node, "reply not sent");
        }
    }

    /// Sends a command to all other nodes and expects replies.
    pub(super) fn request(
        &self,
        namespace: &str,
        command: &str,
        args: Vec<Value>,
        timeout: Duration,
    ) -> ClusterRequest {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, replies) = mpsc::unbounded_channel();
        let expected = self.peers();
        if !expected.is_empty() {
            lock(&self.requests).insert(id, sender);
            if !self
                .adapter
                .publish(None, self.message(namespace, Some(id), command, args))
            {
                lock(&self.requests).remove(&id);
            }
        }
        ClusterRequest {
            id,
            expected,
            replies,
            deadline: Instant::now() + timeout,
        }
    }

    /// Calls `take` with each reply that arrives in time; it returns whether the reply is the last one of its node. Returns
    /// the number of nodes that did not reply.
    pub(super) async fn collect_replies(
        &self,
        mut request: ClusterRequest,
        mut take: impl FnMut(Vec<Value>) -> bool,
    ) -> usize {
        let mut silent = request.expected.clone();
        while !request.expected.is_empty() {
            match tokio::time::timeout_at(request.deadline, request.replies.recv()).await {
                Ok(Some((node, args))) => {
                    silent.remove(&node);
                    if take(args) {
                        request.expected.remove(&node);
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        lock(&self.requests).remove(&request.id);
        silent.len()
    }

    /// Appends an event to the log; it is sent to this node's sockets when it is read back. Returns `false` if the log is
    /// unreachable.
    pub(super) fn append(&self, event: LoggedEvent) -> bool {
        // Under the lock, so that the log has events in the order of their numbers.
        let mut appended = lock(&self.appended);
        let number = appended.next;
        let mut args = vec![Value::from(number)];
        args.extend(codec::target_values(&event.target));
        args.push(Value::from(event.name.as_str()));
        args.push(Value::from(event.args.clone()));
        if !self
            .adapter
            .append(self.message(&event.namespace, None, "record", args))
        {
            return false;
        }
        appended.next += 1;
        appended.pending.insert(number, event);
        true
    }

    /// Saves a session for all nodes. Returns `false` if that is not possible now.
    pub(super) fn save(&self, namespace: &str, session: &SavedSession, keep: Duration) -> bool {
        let rooms: Vec<Value> = session
            .rooms
            .iter()
            .map(|room| Value::from(room.as_str()))
            .collect();
        let args = vec![
            Value::from(session.sid.as_str()),
            Value::from(rooms),
            session.data.clone(),
            codec::join_offsets_value(&session.since),
        ];
        let message = self.message(namespace, None, "session", args);
        self.adapter.save(&key(namespace, &session.pid), message, keep)
    }

    /// Takes a session out, and notifies the other nodes.
    pub(super) async fn take(&self, namespace: &str, pid: &str) -> Option<SavedSession> {
        let message = self.adapter.take(&key(namespace, pid)).await?;
        let session = codec::decode_session(&message, namespace, pid)?;
        let args = vec![Value::from(session.sid.as_str()), Value::from(pid)];
        self.publish(namespace, "taken", args);
        Some(session)
    }

    /// Removes a session that may not be resumed.
    pub(super) fn forget(&self, namespace: &str, pid: &str, runtime: &Handle) {
        drop(runtime.spawn(self.adapter.take(&key(namespace, pid))));
    }

    /// Notifies the other nodes that this one leaves.
    pub(super) fn leave(&self) {
        self.publish("/", "bye", Vec::new());
    }
}

/// Key of a session. The length delimits the namespace, whose name may contain colons: no client can address a session of
/// another namespace.
fn key(namespace: &str, pid: &str) -> String {
    format!("session:{}:{namespace}:{pid}", namespace.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_sent_while_log_was_unreachable_is_not_sent_again_and_later_forgotten() {
        let mut appended = AppendedEvents {
            sent: (0..3 * MAX_REORDERED).collect(),
            ..AppendedEvents::default()
        };
        assert!(!appended.on_read_back(7));
        assert!(!appended.on_read_back(3 * MAX_REORDERED - 1));
        assert!(appended.on_read_back(3 * MAX_REORDERED));
        assert!(
            !appended.on_read_back(2 * MAX_REORDERED),
            "within the reordering limit"
        );
        for number in 4 * MAX_REORDERED..5 * MAX_REORDERED {
            assert!(appended.on_read_back(number));
        }
        assert_eq!(appended.sent.len(), 0);
    }
}
