//! The other nodes of the service: what is asked of them, and what they ask.
//!
//! Messages are Socket.IO packets in the msgpack format: the name of an event says what is asked, its id that an
//! answer is wanted, its first argument which node speaks. Nodes are known by what they say every few seconds.

mod incoming;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use pesan::socketio::packet::{Body, EventName, Packet};
use pesan::socketio::{Value, msgpack};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::adapter::{Adapter, Arrival, Health};
use super::hooks::{ErrorKind, ErrorReport};
use super::recovery::{Place, Session, Since};
use super::rooms::Target;
use super::server::Server;
use crate::engineio::random_id;

/// Pause between two signs of life.
const BEAT: Duration = Duration::from_secs(4);

/// Silence after which a node counts as gone.
const SILENCE: Duration = Duration::from_secs(10);

/// How many events later one may still come back.
const LATE: u64 = 10_000;

/// This node's view of the others.
pub(super) struct Cluster {
    node: String,
    adapter: Box<dyn Adapter>,
    peers: Mutex<HashMap<String, Instant>>,
    requests: Mutex<HashMap<u64, mpsc::UnboundedSender<Reply>>>,
    next: AtomicU64,
    recorded: Mutex<Recorded>,
}

/// Answer of another node.
pub(super) type Reply = (String, Vec<Value>);

/// An event that is to go through the log.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) namespace: String,
    pub(super) target: Target,
    pub(super) name: EventName,
    pub(super) args: Vec<Value>,
}

/// Events of this node in the log.
#[derive(Default)]
struct Recorded {
    next: u64,
    /// Appended, and not come back yet.
    waiting: BTreeMap<u64, Event>,
    /// Sent to this node's sockets when the log was lost; not to be sent again if they come back.
    sent: BTreeSet<u64>,
}

impl Recorded {
    /// An event has come back; whether it is still to be sent to this node's sockets.
    fn came_back(&mut self, number: u64) -> bool {
        self.waiting.remove(&number);
        let fresh = !self.sent.remove(&number);
        // the log has them in the order of their numbers, so the others were lost; but the last words of a connection
        // that broke may come after the first ones of the next
        self.sent = self.sent.split_off(&number.saturating_sub(LATE));
        fresh
    }
}

/// What was asked of the other nodes.
pub(super) struct Asked {
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
            recorded: Mutex::default(),
        }
    }

    pub(super) fn health(&self) -> Health {
        self.adapter.health()
    }

    /// Other nodes that were heard of lately.
    pub(super) fn peers(&self) -> HashSet<String> {
        let mut peers = lock(&self.peers);
        peers.retain(|_, seen| seen.elapsed() < SILENCE);
        peers.keys().cloned().collect()
    }

    /// Begins to listen and to give signs of life.
    pub(super) fn start(&self, server: &Arc<Server>) {
        let weak = Arc::downgrade(server);
        let inbox = move |arrival| {
            if let Some(server) = weak.upgrade() {
                arrived(&server, arrival);
            }
        };
        self.adapter.start(&self.node, Arc::new(inbox));
        tokio::spawn(live(Arc::downgrade(server)));
        tokio::spawn(keep_sessions(Arc::downgrade(server)));
    }

    /// Tells all other nodes.
    pub(super) fn tell(&self, namespace: &str, what: &str, args: Vec<Value>) -> bool {
        self.adapter
            .publish(None, self.message(namespace, None, what, args))
    }

    fn message(&self, namespace: &str, id: Option<u64>, what: &str, mut args: Vec<Value>) -> Vec<u8> {
        args.insert(0, Value::from(self.node.as_str()));
        let name = EventName::from(what);
        msgpack::encode(&Packet::new(namespace, Body::Event { id, name, args }))
    }

    fn answer(&self, node: &str, id: u64, mut args: Vec<Value>) {
        args.insert(0, Value::from(self.node.as_str()));
        let message = msgpack::encode(&Packet::new("/", Body::Ack { id, args }));
        if !self.adapter.publish(Some(node), message) {
            tracing::debug!(node, "answer not sent");
        }
    }

    /// Asks all other nodes.
    pub(super) fn ask(&self, namespace: &str, what: &str, args: Vec<Value>, timeout: Duration) -> Asked {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, replies) = mpsc::unbounded_channel();
        let expected = self.peers();
        if !expected.is_empty() {
            lock(&self.requests).insert(id, sender);
            if !self
                .adapter
                .publish(None, self.message(namespace, Some(id), what, args))
            {
                lock(&self.requests).remove(&id);
            }
        }
        Asked {
            id,
            expected,
            replies,
            deadline: Instant::now() + timeout,
        }
    }

    /// Gives each reply that comes in time to `take`, which says whether it is the last one of its node. How many nodes
    /// did not reply at all.
    pub(super) async fn gather(&self, mut asked: Asked, mut take: impl FnMut(Vec<Value>) -> bool) -> usize {
        let mut silent = asked.expected.clone();
        while !asked.expected.is_empty() {
            match tokio::time::timeout_at(asked.deadline, asked.replies.recv()).await {
                Ok(Some((node, args))) => {
                    silent.remove(&node);
                    if take(args) {
                        asked.expected.remove(&node);
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        lock(&self.requests).remove(&asked.id);
        silent.len()
    }

    /// Puts an event into the log; it is sent to this node's sockets when it comes back. `false`: there is no log now.
    pub(super) fn record(&self, event: Event) -> bool {
        // The lock keeps the order of the log that of the numbers.
        let mut recorded = lock(&self.recorded);
        let number = recorded.next;
        let mut args = vec![Value::from(number)];
        args.extend(target_values(&event.target));
        args.push(incoming::name_value(&event.name));
        args.push(Value::from(event.args.clone()));
        if !self
            .adapter
            .append(self.message(&event.namespace, None, "record", args))
        {
            return false;
        }
        recorded.next += 1;
        recorded.waiting.insert(number, event);
        true
    }

    /// Keeps a session where all nodes find it. `false`: there is no room now.
    pub(super) fn save(&self, namespace: &str, session: &Session, keep: Duration) -> bool {
        let rooms: Vec<Value> = session
            .rooms
            .iter()
            .map(|room| Value::from(room.as_str()))
            .collect();
        let args = vec![
            Value::from(session.sid.as_str()),
            Value::from(rooms),
            session.data.clone(),
            since_value(&session.since),
        ];
        let message = self.message(namespace, None, "session", args);
        self.adapter.save(&key(namespace, &session.pid), message, keep)
    }

    /// Takes a session away, and tells the node that had it.
    pub(super) async fn take(&self, namespace: &str, pid: &str) -> Option<Session> {
        let message = self.adapter.take(&key(namespace, pid)).await?;
        let session = incoming::session(&message, namespace, pid)?;
        let args = vec![Value::from(session.sid.as_str()), Value::from(pid)];
        self.tell(namespace, "taken", args);
        Some(session)
    }

    /// Forgets a session that may not be taken up.
    pub(super) fn forget(&self, namespace: &str, pid: &str, runtime: &Handle) {
        drop(runtime.spawn(self.adapter.take(&key(namespace, pid))));
    }

    /// Says good-bye to the other nodes.
    pub(super) fn leave(&self) {
        self.tell("/", "bye", Vec::new());
    }
}

/// When a socket came in, then when it joined which rooms.
fn since_value(since: &Since) -> Value {
    let place = |(millis, number): Place| Value::from(vec![Value::from(millis), Value::from(number)]);
    let rooms = since.rooms.iter().map(|(room, at)| (&**room, place(*at)));
    Value::from(vec![place(since.connected), Value::object(rooms)])
}

/// Names may have colons, so the length says where the namespace ends: no client can name a session of another one.
fn key(namespace: &str, pid: &str) -> String {
    format!("session:{}:{namespace}:{pid}", namespace.len())
}

/// Rooms and exceptions as two lists.
pub(super) fn target_values(target: &Target) -> [Value; 2] {
    let list =
        |names: &[Arc<str>]| Value::from(names.iter().map(|name| Value::from(&**name)).collect::<Vec<_>>());
    [list(&target.rooms), list(&target.except)]
}

fn arrived(server: &Arc<Server>, arrival: Arrival) {
    let Some(cluster) = server.cluster.as_ref() else {
        return;
    };
    match arrival {
        Arrival::Up => {
            tracing::info!(node = cluster.node, "other nodes can be reached");
            cluster.tell("/", "hello", vec![Value::from(true)]);
        }
        Arrival::Down(message) => {
            server.hooks.error(&ErrorReport {
                kind: ErrorKind::Adapter,
                message: format!("other nodes cannot be reached: {message}"),
                namespace: None,
                socket: None,
                event: None,
            });
            lock(&cluster.peers).clear();
            lock(&cluster.requests).clear();
            // What was on its way through the log goes to this node's sockets now.
            let mut recorded = lock(&cluster.recorded);
            let waiting = std::mem::take(&mut recorded.waiting);
            recorded.sent.extend(waiting.keys());
            drop(recorded);
            for event in waiting.into_values() {
                if let Some(namespace) = server.known(&event.namespace) {
                    namespace.send_unrecorded(&event.target, event.name, event.args);
                }
            }
        }
        Arrival::Message(message) => incoming::message(server, cluster, &message),
        Arrival::Missed => {
            for namespace in server.all() {
                if let Some(log) = namespace.log() {
                    log.forget_events();
                }
            }
        }
        Arrival::Appended { id, message, old } => incoming::appended(server, cluster, id, &message, old),
    }
}

/// Signs of life.
async fn live(server: Weak<Server>) {
    loop {
        tokio::time::sleep(BEAT).await;
        let Some(server) = server.upgrade() else { return };
        let Some(cluster) = server.cluster.as_ref() else {
            return;
        };
        if server.is_closed() {
            return;
        }
        if cluster.health() == Health::Up {
            cluster.tell("/", "hello", vec![Value::from(false)]);
        }
    }
}

/// Fresh terms for the sessions of those who are connected.
async fn keep_sessions(server: Weak<Server>) {
    loop {
        tokio::time::sleep(BEAT).await;
        let Some(server) = server.upgrade() else { return };
        if server.is_closed() {
            return;
        }
        for namespace in server.all() {
            namespace.save_all().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_already_is_not_sent_again_and_not_remembered_for_ever() {
        let mut recorded = Recorded {
            sent: (0..3 * LATE).collect(),
            ..Recorded::default()
        };
        assert!(!recorded.came_back(7));
        assert!(!recorded.came_back(3 * LATE - 1));
        assert!(recorded.came_back(3 * LATE));
        assert!(!recorded.came_back(2 * LATE), "a little late");
        for number in 4 * LATE..5 * LATE {
            assert!(recorded.came_back(number));
        }
        assert_eq!(recorded.sent.len(), 0);
    }
}
