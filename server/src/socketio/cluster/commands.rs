//! Commands and events of other nodes: applies them to the server and its namespaces.

use std::sync::{Arc, Weak};
use std::time::Duration;

use pesan::socketio::Value;
use pesan::socketio::packet::{Body, EventName};
use tokio::time::Instant;

use super::codec::{decode_list, decode_names, decode_target, read};
use super::{Cluster, HEARTBEAT, Reply, lock};
use crate::socketio::adapter::{AdapterEvent, AdapterSink, Health};
use crate::socketio::flags::Flags;
use crate::socketio::handles::{Namespace, Server};
use crate::socketio::hooks::{ErrorKind, ErrorReport};
use crate::socketio::recovery::Offset;
use crate::socketio::remote_socket::RemoteSocket;
use crate::socketio::rooms::Target;

/// Starts the adapter, the heartbeats and the renewal of sessions.
pub(in crate::socketio) fn start(server: &Arc<Server>) {
    let Some(cluster) = &server.cluster else { return };
    let sink = ServerSink(Arc::downgrade(server));
    cluster.adapter.start(&cluster.node, Arc::new(sink));
    tokio::spawn(heartbeat_loop(Arc::downgrade(server)));
    tokio::spawn(renew_sessions_loop(Arc::downgrade(server)));
}

/// Passes the events of the adapter to the server.
struct ServerSink(Weak<Server>);

impl AdapterSink for ServerSink {
    fn on_event(&self, event: AdapterEvent) {
        if let Some(server) = self.0.upgrade() {
            on_adapter_event(&server, event);
        }
    }
}

fn on_adapter_event(server: &Arc<Server>, event: AdapterEvent) {
    let Some(cluster) = server.cluster.as_ref() else {
        return;
    };
    match event {
        AdapterEvent::Up => {
            tracing::info!(node = cluster.node, "other nodes are reachable");
            cluster.publish("/", "hello", vec![Value::from(true)]);
        }
        AdapterEvent::Down(message) => {
            server.hooks.error(&ErrorReport {
                kind: ErrorKind::Adapter,
                message: format!("other nodes are unreachable: {message}"),
                namespace: None,
                socket: None,
                event: None,
            });
            lock(&cluster.peers).clear();
            lock(&cluster.requests).clear();
            // Events that were not read back from the log are sent to this node's sockets now.
            let mut appended = lock(&cluster.appended);
            let pending = std::mem::take(&mut appended.pending);
            appended.sent.extend(pending.keys());
            drop(appended);
            for event in pending.into_values() {
                if let Some(namespace) = server.known(&event.namespace) {
                    namespace.send_local(&event.target, event.name, event.args);
                }
            }
        }
        AdapterEvent::Message(message) => on_message(server, cluster, &message),
        AdapterEvent::Missed => {
            for namespace in server.all() {
                if let Some(replay) = namespace.replay() {
                    replay.clear_events();
                }
            }
        }
        AdapterEvent::Appended { id, message, old } => on_log_entry(server, cluster, id, &message, old),
    }
}

/// Sends heartbeats to the other nodes.
async fn heartbeat_loop(server: Weak<Server>) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let Some(server) = server.upgrade() else { return };
        let Some(cluster) = server.cluster.as_ref() else {
            return;
        };
        if server.is_closed() {
            return;
        }
        if cluster.health() == Health::Up {
            cluster.publish("/", "hello", vec![Value::from(false)]);
        }
    }
}

/// Renews the saved sessions of connected sockets, so that they do not expire.
async fn renew_sessions_loop(server: Weak<Server>) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let Some(server) = server.upgrade() else { return };
        if server.is_closed() {
            return;
        }
        for namespace in server.all() {
            namespace.save_all_sessions().await;
        }
    }
}

fn on_message(server: &Arc<Server>, cluster: &Cluster, message: &[u8]) {
    let Some((packet, node)) = read(message) else {
        return;
    };
    if node == cluster.node {
        return;
    }
    let is_new = lock(&cluster.peers)
        .insert(node.clone(), Instant::now())
        .is_none();
    let namespace = packet.namespace;
    match packet.body {
        Body::Ack { id, args } => {
            let request = lock(&cluster.requests).get(&id).cloned();
            let reply: Reply = (node, args);
            if request.is_none_or(|request| request.send(reply).is_err()) {
                tracing::debug!(id, "reply to no pending request");
            }
        }
        Body::Event { id, name, args } => {
            let source = CommandSource { node, id, is_new };
            if handle_command(server, cluster, &namespace, &source, name.as_str(), args).is_none() {
                tracing::warn!(
                    command = name.as_str(),
                    node = source.node,
                    "unknown or invalid command of another node; do all nodes run the same version?"
                );
            }
        }
        Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => {}
    }
}

/// Sender of a command.
struct CommandSource {
    node: String,
    /// Id of the request, if a reply is expected.
    id: Option<u64>,
    /// Whether the node was unknown.
    is_new: bool,
}

/// Executes a command of another node; returns `None` if it is unknown or invalid.
fn handle_command(
    server: &Arc<Server>,
    cluster: &Cluster,
    namespace: &str,
    source: &CommandSource,
    command: &str,
    args: Vec<Value>,
) -> Option<()> {
    let mut args = args.into_iter();
    let local_namespace = server.known(namespace);
    let reply = |args: Vec<Value>| {
        if let Some(id) = source.id {
            cluster.reply(&source.node, id, args);
        }
    };
    let local = Flags {
        local: true,
        ..Flags::default()
    };
    match command {
        "hello" => {
            if source.is_new || args.next()?.as_bool()? {
                cluster.publish("/", "hello", vec![Value::from(false)]);
            }
        }
        "bye" => {
            lock(&cluster.peers).remove(&source.node);
        }
        "emit" => {
            let target = decode_target(&mut args)?;
            let volatile = args.next()?.as_bool()?;
            let name = args.next()?;
            let values = decode_list(args.next()?)?;
            let Some(namespace) = local_namespace else {
                reply(vec![Value::Array(Vec::new()), Value::Array(Vec::new())]);
                return Some(());
            };
            match source.id {
                None => {
                    namespace.send_from_other_node(
                        &target,
                        EventName::from(name.as_str()?),
                        values,
                        volatile,
                    );
                }
                Some(id) => {
                    let timeout = Duration::from_millis(args.next()?.as_number()?.as_u64()?);
                    relay_acks(
                        server,
                        &namespace,
                        &target,
                        name.as_str()?,
                        values,
                        timeout,
                        source.node.clone(),
                        id,
                    );
                }
            }
        }
        "join" | "leave" => {
            let target = decode_target(&mut args)?;
            let rooms = decode_names(&args.next()?)?;
            if let Some(namespace) = local_namespace {
                match command {
                    "join" => namespace.join_all(&target, &rooms, &local),
                    _ => namespace.leave_all(&target, &rooms, &local),
                }
            }
        }
        "kick" => {
            let target = decode_target(&mut args)?;
            let close = args.next()?.as_bool()?;
            if let Some(namespace) = local_namespace {
                namespace.disconnect_all(&target, close, &local);
            }
        }
        "fetch" => {
            let target = decode_target(&mut args)?;
            let found = local_namespace
                .map(|namespace| namespace.fetch_local(&target))
                .unwrap_or_default();
            reply(found.iter().map(RemoteSocket::to_value).collect());
        }
        "server" => {
            let event = args.next()?;
            let values = decode_list(args.next()?)?;
            let reply_value =
                local_namespace.and_then(|namespace| namespace.server_event(event.as_str()?, values));
            reply(reply_value.unwrap_or_default());
        }
        "taken" => {
            let (sid, pid) = (args.next()?, args.next()?);
            if let Some(namespace) = local_namespace {
                namespace.on_session_taken(sid.as_str()?, pid.as_str()?);
            }
        }
        _ => return None,
    }
    Some(())
}

/// Sends an event of another node to this node's sockets, and relays their acks.
#[expect(clippy::too_many_arguments, reason = "the fields of one message")]
fn relay_acks(
    server: &Arc<Server>,
    namespace: &Namespace,
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
    match namespace.broadcast_with_ack(target, name, values, &flags) {
        Ok(collector) => {
            let server = server.clone();
            tokio::spawn(async move {
                let reply = |parts| {
                    if let Some(cluster) = &server.cluster {
                        cluster.reply(&node, id, parts);
                    }
                };
                collector.relay(reply).await;
            });
        }
        Err(error) => tracing::warn!(%error, "cannot send event of another node"),
    }
}

/// Handles an entry of the shared log.
fn on_log_entry(server: &Arc<Server>, cluster: &Cluster, offset: Offset, message: &[u8], old: bool) {
    let Some((packet, node)) = read(message) else {
        return;
    };
    let Body::Event { args, .. } = packet.body else {
        return;
    };
    let mut args = args.into_iter();
    let event = || {
        let number = args.next()?.as_number()?.as_u64()?;
        let target = decode_target(&mut args)?;
        let name = EventName::from(args.next()?.as_str()?);
        Some((number, target, name, decode_list(args.next()?)?))
    };
    let Some((number, target, name, values)) = { event }() else {
        tracing::warn!(
            node,
            "invalid log entry of another node; do all nodes run the same version?"
        );
        return;
    };
    let mut is_unsent = !old;
    if node == cluster.node {
        is_unsent &= lock(&cluster.appended).on_read_back(number);
    }
    if let Some(namespace) = server.known(&packet.namespace) {
        namespace.send_logged(&target, name, values, offset, is_unsent);
    }
}

impl Namespace {
    /// Removes the remains of a session that was resumed on another node.
    fn on_session_taken(&self, sid: &str, pid: &str) {
        if let Some(replay) = self.replay() {
            replay.forget(pid);
        }
        self.evict(sid);
    }
}
