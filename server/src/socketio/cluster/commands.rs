//! What other nodes say.

use std::sync::Arc;
use std::time::Duration;

use pesan::socketio::packet::{Body, EventName, Packet};
use pesan::socketio::{Limits, Value, msgpack};
use tokio::time::Instant;

use super::{Cluster, Reply, lock};
use crate::socketio::namespace::Namespace;
use crate::socketio::operator::Flags;
use crate::socketio::recovery::{Place, Session, Since};
use crate::socketio::rooms::Target;
use crate::socketio::server::Server;

/// Name of an event as a value; numbers stay numbers.
pub(super) fn name_value(name: &EventName) -> Value {
    Value::from(name.as_str())
}

/// A packet of another node, with its first argument, the node's name.
fn read(message: &[u8]) -> Option<(Packet, String)> {
    let mut limits = Limits::default();
    limits.max_frame_bytes = usize::MAX;
    let mut packet = match msgpack::decode(message, &limits) {
        Ok(packet) => packet,
        Err(error) => {
            tracing::warn!(%error, "message of another node cannot be read");
            return None;
        }
    };
    let (Body::Event { args, .. } | Body::Ack { args, .. }) = &mut packet.body else {
        return None;
    };
    if args.is_empty() {
        return None;
    }
    let node = args.remove(0).as_str()?.to_owned();
    Some((packet, node))
}

/// A session as it was saved for this namespace.
pub(super) fn session(message: &[u8], namespace: &str, pid: &str) -> Option<Session> {
    let (packet, _) = read(message)?;
    if packet.namespace != namespace {
        return None;
    }
    let Body::Event { args, .. } = packet.body else {
        return None;
    };
    let [sid, rooms, data, since] = args.try_into().ok()?;
    let rooms = rooms
        .as_array()?
        .iter()
        .filter_map(|room| room.as_str().map(str::to_owned));
    Some(Session {
        sid: sid.as_str()?.to_owned(),
        pid: pid.to_owned(),
        rooms: rooms.collect(),
        since: since_of(&since)?,
        data,
    })
}

fn since_of(value: &Value) -> Option<Since> {
    let place = |value: &Value| -> Option<Place> {
        let [millis, number] = value.as_array()? else {
            return None;
        };
        Some((millis.as_number()?.as_u64()?, number.as_number()?.as_u64()?))
    };
    let [connected, Value::Object(rooms)] = value.as_array()? else {
        return None;
    };
    let rooms = rooms
        .iter()
        .map(|(room, at)| Some((room.as_str().into(), place(at)?)));
    Some(Since {
        connected: place(connected)?,
        rooms: rooms.collect::<Option<_>>()?,
    })
}

fn names(value: &Value) -> Option<Vec<Arc<str>>> {
    let names = value.as_array()?.iter().map(|name| name.as_str().map(Arc::from));
    names.collect()
}

/// Takes the two lists of a target off the arguments.
fn target(args: &mut std::vec::IntoIter<Value>) -> Option<Target> {
    Some(Target {
        rooms: names(&args.next()?)?,
        except: names(&args.next()?)?,
    })
}

fn list(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

pub(super) fn message(server: &Arc<Server>, cluster: &Cluster, message: &[u8]) {
    let Some((packet, node)) = read(message) else {
        return;
    };
    if node == cluster.node {
        return;
    }
    let newcomer = lock(&cluster.peers)
        .insert(node.clone(), Instant::now())
        .is_none();
    let namespace = packet.namespace;
    match packet.body {
        Body::Ack { id, args } => {
            let waiting = lock(&cluster.requests).get(&id).cloned();
            let reply: Reply = (node, args);
            if waiting.is_none_or(|waiting| waiting.send(reply).is_err()) {
                tracing::debug!(id, "answer of a node that nobody waits for");
            }
        }
        Body::Event { id, name, args } => {
            let asked = Asked { node, id, newcomer };
            if obey(server, cluster, &namespace, &asked, name.as_str(), args).is_none() {
                tracing::warn!(
                    what = name.as_str(),
                    node = asked.node,
                    "another node speaks another version"
                );
            }
        }
        Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => {}
    }
}

struct Asked {
    node: String,
    id: Option<u64>,
    newcomer: bool,
}

/// Does what another node asks; `None` when it cannot be understood.
fn obey(
    server: &Arc<Server>,
    cluster: &Cluster,
    namespace: &str,
    asked: &Asked,
    what: &str,
    args: Vec<Value>,
) -> Option<()> {
    let mut args = args.into_iter();
    let here = server.known(namespace);
    let reply = |args: Vec<Value>| {
        if let Some(id) = asked.id {
            cluster.answer(&asked.node, id, args);
        }
    };
    let local = Flags {
        local: true,
        ..Flags::default()
    };
    match what {
        "hello" => {
            if asked.newcomer || args.next()?.as_bool()? {
                cluster.tell("/", "hello", vec![Value::from(false)]);
            }
        }
        "bye" => {
            lock(&cluster.peers).remove(&asked.node);
        }
        "emit" => {
            let target = target(&mut args)?;
            let volatile = args.next()?.as_bool()?;
            let name = args.next()?;
            let values = list(args.next()?)?;
            let Some(here) = here else {
                reply(vec![Value::Array(Vec::new()), Value::Array(Vec::new())]);
                return Some(());
            };
            match asked.id {
                None => here.send_plain(&target, EventName::from(name.as_str()?), values, volatile),
                Some(id) => {
                    let timeout = Duration::from_millis(args.next()?.as_number()?.as_u64()?);
                    answer_later(
                        server,
                        &here,
                        &target,
                        name.as_str()?,
                        values,
                        timeout,
                        asked.node.clone(),
                        id,
                    );
                }
            }
        }
        "join" | "leave" => {
            let target = target(&mut args)?;
            let rooms = names(&args.next()?)?;
            if let Some(here) = here {
                match what {
                    "join" => here.join_all(&target, &rooms, &local),
                    _ => here.leave_all(&target, &rooms, &local),
                }
            }
        }
        "kick" => {
            let target = target(&mut args)?;
            let close = args.next()?.as_bool()?;
            if let Some(here) = here {
                here.disconnect_all(&target, close, &local);
            }
        }
        "fetch" => {
            let target = target(&mut args)?;
            let found = here.map(|here| here.fetch_here(&target)).unwrap_or_default();
            reply(
                found
                    .iter()
                    .map(super::super::remote::RemoteSocket::to_value)
                    .collect(),
            );
        }
        "server" => {
            let event = args.next()?;
            let values = list(args.next()?)?;
            let answer = here.and_then(|here| here.server_event(event.as_str()?, values));
            reply(answer.into_iter().collect());
        }
        "taken" => {
            let (sid, pid) = (args.next()?, args.next()?);
            if let Some(here) = here {
                here.taken(sid.as_str()?, pid.as_str()?);
            }
        }
        _ => return None,
    }
    Some(())
}

/// Asks this node's sockets for another node, and passes their answers on.
#[expect(clippy::too_many_arguments, reason = "one message, taken apart")]
fn answer_later(
    server: &Arc<Server>,
    here: &Namespace,
    target: &Target,
    name: &str,
    values: Vec<Value>,
    timeout: Duration,
    node: String,
    id: u64,
) {
    let flags = Flags {
        timeout: Some(timeout),
        ..Flags::default()
    };
    match here.broadcast_with_ack(target, name, values, &flags) {
        Ok(gathering) => {
            let server = server.clone();
            tokio::spawn(async move {
                let reply = |parts| {
                    if let Some(cluster) = &server.cluster {
                        cluster.answer(&node, id, parts);
                    }
                };
                gathering.relay(reply).await;
            });
        }
        Err(error) => tracing::warn!(%error, "event of another node cannot be sent"),
    }
}

/// An event of the log.
pub(super) fn appended(
    server: &Arc<Server>,
    cluster: &Cluster,
    place: (u64, u64),
    message: &[u8],
    old: bool,
) {
    let Some((packet, node)) = read(message) else {
        return;
    };
    let Body::Event { args, .. } = packet.body else {
        return;
    };
    let mut args = args.into_iter();
    let event = || {
        let number = args.next()?.as_number()?.as_u64()?;
        let target = target(&mut args)?;
        let name = EventName::from(args.next()?.as_str()?);
        Some((number, target, name, list(args.next()?)?))
    };
    let Some((number, target, name, values)) = { event }() else {
        tracing::warn!(node, "another node speaks another version");
        return;
    };
    let mut fresh = !old;
    if node == cluster.node {
        fresh &= lock(&cluster.recorded).came_back(number);
    }
    if let Some(namespace) = server.known(&packet.namespace) {
        namespace.send_recorded(&target, name, values, place, fresh);
    }
}

impl Namespace {
    /// A session was taken up on another node: what is left of it here goes.
    fn taken(&self, sid: &str, pid: &str) {
        if let Some(log) = self.log() {
            log.forget(pid);
        }
        self.evict(sid);
    }
}
