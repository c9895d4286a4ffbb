//! Broadcasts and operations on many sockets: encoded once, sent to this node's sockets and the other nodes, and stored
//! for replay.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pesan::socketio::packet::{Body, EventName};
use pesan::socketio::value::Value;
use pesan::socketio::{Args, Event, FromArg, Packet, to_args};
use serde::Serialize;
use tokio::sync::mpsc;

use super::cluster::codec::{names_value, target_values};
use super::cluster::{Cluster, LoggedEvent};
use super::config::Recovery;
use super::error::EmitError;
use super::flags::{Flags, check_event_name};
use super::handles::{Namespace, Socket};
use super::pending_acks::AckReceiver;
use super::recovery::{Offset, ReplayBuffer};
use super::remote_socket::{FetchedSockets, RemoteSocket};
use super::responses::{AckCollector, CollectedAcks, Responses};
use super::rooms::{Recipients, RoomNames, Target};
use crate::engineio::EncodedMessage;

/// Broadcast to sockets of a namespace, selected by their rooms; returned by `io.to(room)`. A socket in several of the rooms
/// gets an event once.
///
/// ```
/// use pesan_server::socketio::Io;
///
/// let io = Io::default();
/// io.to("room1").to("room2").except("room3").volatile().emit("news", ("sport", 3)).expect("can be sent");
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `emit`"]
pub struct BroadcastOperator {
    namespace: Namespace,
    target: Target,
    flags: Flags,
}

impl BroadcastOperator {
    pub(super) fn new(namespace: &Namespace) -> Self {
        Self {
            namespace: namespace.clone(),
            target: Target::default(),
            flags: Flags::default(),
        }
    }

    pub(super) fn with_flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    /// Adds the sockets in these rooms.
    pub fn to(mut self, rooms: impl RoomNames) -> Self {
        rooms.append_to(&mut self.target.rooms);
        self
    }

    /// The same as [`to`](Self::to).
    pub fn in_(self, rooms: impl RoomNames) -> Self {
        self.to(rooms)
    }

    /// Excludes the sockets in these rooms.
    pub fn except(mut self, rooms: impl RoomNames) -> Self {
        rooms.append_to(&mut self.target.except);
        self
    }

    /// Only sockets of this node.
    pub fn local(mut self) -> Self {
        self.flags.local = true;
        self
    }

    /// Events may be lost for clients that are not ready for them.
    pub fn volatile(mut self) -> Self {
        self.flags.volatile = true;
        self
    }

    /// Whether events may be compressed for clients that negotiated compression. Defaults to true; other nodes decide by
    /// size.
    pub fn compress(mut self, compress: bool) -> Self {
        self.flags.compress = Some(compress);
        self
    }

    /// Longest wait for acks.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.flags.timeout = Some(timeout);
        self
    }

    /// Sends an event. It is encoded once.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitError> {
        check_event_name(event)?;
        let args = to_args(&args)?;
        self.namespace
            .broadcast(&self.target, EventName::from(event), args, &self.flags)
    }

    /// Sends the event `message`.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send<T: Serialize>(&self, args: T) -> Result<(), EmitError> {
        self.emit("message", args)
    }

    /// Sends a typed event.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_event<E: Event>(&self, event: &E) -> Result<(), EmitError> {
        self.emit(E::NAME, (event,))
    }

    /// Sends an event, and collects the acks of the clients.
    ///
    /// Waits until all clients have acknowledged or are disconnected, at most [`timeout`](Self::timeout), which defaults to
    /// [`IoConfig::request_timeout`](super::IoConfig::request_timeout).
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub async fn emit_with_ack<R: FromArg<()> + 'static>(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> Result<Responses<R>, EmitError> {
        check_event_name(event)?;
        let args = to_args(&args)?;
        let collected = self
            .namespace
            .collect_acks(&self.target, event, args, &self.flags)
            .await?;
        Ok(Responses::new(collected))
    }

    /// Returns the sockets, and the number of nodes that did not reply in time.
    pub async fn fetch_sockets(&self) -> FetchedSockets {
        self.namespace.fetch(&self.target, &self.flags).await
    }

    /// Makes the sockets join rooms.
    pub fn sockets_join(&self, rooms: impl RoomNames) {
        self.namespace.join_all(&self.target, &rooms.names(), &self.flags);
    }

    /// Makes the sockets leave rooms.
    pub fn sockets_leave(&self, rooms: impl RoomNames) {
        self.namespace
            .leave_all(&self.target, &rooms.names(), &self.flags);
    }

    /// Disconnects the sockets from the namespace; with `close`, closes their connections.
    pub fn disconnect_sockets(&self, close: bool) {
        self.namespace.disconnect_all(&self.target, close, &self.flags);
    }

    /// Ids of the selected sockets of this node.
    #[must_use]
    pub fn local_ids(&self) -> Vec<Arc<str>> {
        let sockets = self.namespace.rooms().select(&self.target);
        sockets.iter().map(Socket::shared_id).collect()
    }
}

/// Broadcast to the sockets of all namespaces of a [`ParentNamespace`](super::ParentNamespace).
///
/// ```
/// use pesan_server::socketio::Io;
///
/// let io = Io::default();
/// let workspaces = io.of_dynamic("/workspace-*");
/// workspaces.to("admins").emit("maintenance", "at noon").expect("can be sent");
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `emit`"]
pub struct ParentBroadcast(pub(super) Vec<BroadcastOperator>);

impl ParentBroadcast {
    fn each(self, change: impl Fn(BroadcastOperator) -> BroadcastOperator) -> Self {
        Self(self.0.into_iter().map(change).collect())
    }

    /// Adds the sockets in these rooms.
    pub fn to(self, rooms: impl RoomNames) -> Self {
        let names = rooms.names();
        self.each(|operator| operator.to(names.clone()))
    }

    /// The same as [`to`](Self::to).
    pub fn in_(self, rooms: impl RoomNames) -> Self {
        self.to(rooms)
    }

    /// Removes the sockets in these rooms.
    pub fn except(self, rooms: impl RoomNames) -> Self {
        let names = rooms.names();
        self.each(|operator| operator.except(names.clone()))
    }

    /// Only the sockets of this node.
    pub fn local(self) -> Self {
        self.each(BroadcastOperator::local)
    }

    /// The event may be lost for clients that are not ready for it.
    pub fn volatile(self) -> Self {
        self.each(BroadcastOperator::volatile)
    }

    /// Whether the event may be compressed, if compression was negotiated. Defaults to true.
    pub fn compress(self, compress: bool) -> Self {
        self.each(|operator| operator.compress(compress))
    }

    /// Sends an event.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitError> {
        let args = Args(to_args(&args)?);
        self.0.iter().try_for_each(|operator| operator.emit(event, &args))
    }

    /// Returns the sockets of all namespaces, and the number of nodes that did not reply in time, of that namespace where
    /// most are missing.
    pub async fn fetch_sockets(&self) -> FetchedSockets {
        let mut all = FetchedSockets {
            sockets: Vec::new(),
            missing_nodes: 0,
        };
        for operator in &self.0 {
            let found = operator.fetch_sockets().await;
            all.missing_nodes = all.missing_nodes.max(found.missing_nodes);
            all.sockets.extend(found);
        }
        all
    }

    /// Makes the sockets join rooms.
    pub fn sockets_join(&self, rooms: impl RoomNames) {
        let names = rooms.names();
        for operator in &self.0 {
            operator.sockets_join(names.clone());
        }
    }

    /// Makes the sockets leave rooms.
    pub fn sockets_leave(&self, rooms: impl RoomNames) {
        let names = rooms.names();
        for operator in &self.0 {
            operator.sockets_leave(names.clone());
        }
    }

    /// Disconnects the sockets from their namespaces; with `close`, closes their connections.
    pub fn disconnect_sockets(&self, close: bool) {
        for operator in &self.0 {
            operator.disconnect_sockets(close);
        }
    }
}

impl Namespace {
    /// Calls the sockets' listeners of outgoing events.
    pub(super) fn notify_outgoing(&self, sockets: &[Socket], event: &str, args: &[Value]) {
        if !self.0.watched.load(Ordering::Relaxed) {
            return;
        }
        for socket in sockets {
            if socket.is_gone() {
                continue;
            }
            for (_, listener) in socket.listeners().any_outgoing().iter() {
                listener(socket, event, args);
            }
        }
    }

    /// Encodes and frames a packet, once for all recipients.
    pub(super) fn encode(&self, packet: &Packet) -> Result<EncodedMessage, EmitError> {
        let config = self.config();
        config.parser.check(packet)?;
        let message = config.frame(packet);
        let limit = config.limits.max_attachments;
        if message.frames() > limit + 1 {
            return Err(EmitError::TooManyAttachments { limit });
        }
        Ok(message)
    }

    fn event(&self, id: Option<u64>, name: EventName, args: Vec<Value>) -> Packet {
        Packet::new(self.name(), Body::Event { id, name, args })
    }

    /// Sends an event to one socket.
    pub(super) fn emit_to(
        &self,
        socket: &Socket,
        event: &str,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<(), EmitError> {
        self.notify_outgoing(std::slice::from_ref(socket), event, &args);
        self.meters().events_out.increment(1);
        let name = EventName::from(event);
        let Some(buffer) = &self.0.replay else {
            return socket.send_body(Body::Event { id: None, name, args }, flags);
        };
        if !flags.volatile && socket.connected() {
            let target = Target {
                rooms: vec![socket.shared_id()],
                except: Vec::new(),
            };
            return self.record(&target, name, args, flags);
        }
        if socket.is_gone() {
            return Err(EmitError::Disconnected);
        }
        let replay = buffer.lock();
        let message = flags.apply(self.with_offset(name, args, buffer.last_offset(&replay))?);
        socket.connection().send(&message);
        Ok(())
    }

    /// Sends an event to many sockets, on this and the other nodes.
    pub(super) fn broadcast(
        &self,
        target: &Target,
        name: EventName,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<(), EmitError> {
        if self.0.watched.load(Ordering::Relaxed) {
            self.notify_outgoing(&self.0.rooms.select(target), name.as_str(), &args);
        }
        self.meters().events_out.increment(1);
        if self.0.replay.is_some() && !flags.volatile && !flags.local {
            return self.record(target, name, args, flags);
        }
        if let Some(cluster) = self.other_nodes(flags) {
            let [rooms, except] = target_values(target);
            let volatile = Value::from(flags.volatile);
            let event = vec![
                rooms,
                except,
                volatile,
                Value::from(name.as_str()),
                Value::from(args.clone()),
            ];
            cluster.publish(self.name(), "emit", event);
        }
        self.send_without_replay(target, name, args, flags)
    }

    /// Sends an event to this node's sockets without storing it for replay. With recovery it has the offset of the last
    /// stored event, from which a reconnecting client resumes.
    fn send_without_replay(
        &self,
        target: &Target,
        name: EventName,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<(), EmitError> {
        let Some(buffer) = &self.0.replay else {
            let message = self.encode(&self.event(None, name, args))?;
            self.deliver(target, &flags.apply(message));
            return Ok(());
        };
        // Under the lock, so that it is sent after the event whose offset it has, and before the next one.
        let replay = buffer.lock();
        let message = self.with_offset(name, args, buffer.last_offset(&replay))?;
        self.deliver(target, &flags.apply(message));
        Ok(())
    }

    /// Longest time that an event is stored: the longest disconnection, plus the time until it is detected.
    fn max_event_age(&self, recovery: &Recovery) -> Duration {
        let undetected = self.0.server.engine().map_or(Duration::ZERO, |engine| {
            engine.config().ping_interval + engine.config().ping_timeout
        });
        recovery.max_disconnection_duration + undetected
    }

    /// Sends an event, and stores it for replay.
    fn record(
        &self,
        target: &Target,
        name: EventName,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<(), EmitError> {
        if let Some(cluster) = &self.0.server.cluster {
            let event = self.event(None, name.clone(), args.clone());
            self.config().parser.check(&event)?;
            let event = LoggedEvent {
                namespace: self.name().to_owned(),
                target: target.clone(),
                name: name.clone(),
                args: args.clone(),
            };
            if !cluster.append(event) {
                self.send_local(target, name, args);
            }
            return Ok(());
        }
        let Some(buffer) = &self.0.replay else {
            return Ok(());
        };
        let max_age = self.max_event_age(buffer.config());
        let mut replay = buffer.lock();
        let offset = ReplayBuffer::next_offset(&replay);
        let message = flags.apply(self.with_offset(name, args, buffer.encode_offset(offset))?);
        buffer.push(&mut replay, offset, target, message.clone(), max_age);
        self.deliver(target, &message);
        Ok(())
    }

    fn with_offset(
        &self,
        name: EventName,
        mut args: Vec<Value>,
        offset: String,
    ) -> Result<EncodedMessage, EmitError> {
        args.push(Value::from(offset));
        self.encode(&self.event(None, name, args))
    }

    /// Handles an event of the shared log. `is_unsent`: it was not sent to this node's sockets yet.
    pub(super) fn send_logged(
        &self,
        target: &Target,
        name: EventName,
        args: Vec<Value>,
        offset: Offset,
        is_unsent: bool,
    ) {
        let Some(buffer) = &self.0.replay else {
            return self.send_local(target, name, args);
        };
        let max_age = self.max_event_age(buffer.config());
        let mut replay = buffer.lock();
        match self.with_offset(name, args, buffer.encode_offset(offset)) {
            Ok(message) => {
                buffer.push(&mut replay, offset, target, message.clone(), max_age);
                if is_unsent {
                    self.deliver(target, &message);
                }
            }
            Err(error) => tracing::warn!(%error, "cannot send event of the shared log"),
        }
    }

    /// Sends an event to this node's sockets; it cannot be replayed.
    pub(super) fn send_local(&self, target: &Target, name: EventName, args: Vec<Value>) {
        self.send_from_other_node(target, name, args, false);
    }

    /// Sends an event of another node to this node's sockets.
    pub(super) fn send_from_other_node(
        &self,
        target: &Target,
        name: EventName,
        args: Vec<Value>,
        volatile: bool,
    ) {
        let flags = Flags {
            volatile,
            ..Flags::default()
        };
        if let Err(error) = self.send_without_replay(target, name, args, &flags) {
            tracing::warn!(%error, "cannot send event of another node");
        }
    }

    /// Sends an encoded message to the sockets of this node.
    fn deliver(&self, target: &Target, message: &EncodedMessage) {
        let Some(engine) = self.0.server.engine() else {
            return;
        };
        match self.0.rooms.recipients(target) {
            Some(Recipients::All(group)) => engine.broadcast(&group, message),
            Some(Recipients::Except(group, except)) => engine.broadcast_except(&group, &except, message),
            None => {}
        }
    }

    pub(super) fn broadcast_with_ack(
        &self,
        target: &Target,
        event: &str,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<AckCollector, EmitError> {
        let mut sockets = self.0.rooms.select(target);
        sockets.retain(Socket::connected);
        self.notify_outgoing(&sockets, event, &args);
        self.meters().events_out.increment(1);
        let id = self.next_ack_id();
        let message = flags.apply(self.encode(&self.event(Some(id), EventName::from(event), args))?);
        let (sender, acks) = mpsc::unbounded_channel();
        let limit = self.config().limits.max_pending_acks;
        for socket in &sockets {
            let receiver = AckReceiver::Broadcast(sender.clone(), socket.shared_id());
            if let Err(error) = socket.acks().add(id, receiver, limit) {
                tracing::warn!(socket = socket.id(), %error, "no ack is requested from this socket");
                continue;
            }
            socket.connection().send(&message);
            socket.wake_if_paused();
            if !socket.connected() {
                socket.acks().remove(id);
            }
        }
        Ok(AckCollector {
            id,
            sockets,
            receiver: acks,
            timeout: flags.timeout.unwrap_or(self.config().request_timeout),
        })
    }

    /// Selected sockets of this node.
    pub(super) fn fetch_local(&self, target: &Target) -> Vec<RemoteSocket> {
        self.0.rooms.select(target).iter().map(RemoteSocket::of).collect()
    }

    pub(super) async fn fetch(&self, target: &Target, flags: &Flags) -> FetchedSockets {
        let pending = self.other_nodes(flags).map(|cluster| {
            let timeout = flags.timeout.unwrap_or(self.config().request_timeout);
            let args = target_values(target).into();
            (cluster, cluster.request(self.name(), "fetch", args, timeout))
        });
        let mut found = FetchedSockets {
            sockets: self.fetch_local(target),
            missing_nodes: 0,
        };
        if let Some((cluster, request)) = pending {
            let take = |values: Vec<Value>| {
                let sockets = values
                    .iter()
                    .filter_map(|value| RemoteSocket::from_value(self, value));
                found.sockets.extend(sockets);
                true
            };
            let missing = cluster.collect_replies(request, take).await;
            found.missing_nodes = missing;
            if missing > 0 {
                tracing::warn!(
                    namespace = self.name(),
                    missing,
                    "some nodes did not reply in time"
                );
            }
        }
        found
    }

    /// The other nodes, unless the event is local.
    fn other_nodes(&self, flags: &Flags) -> Option<&Cluster> {
        self.0.server.cluster.as_ref().filter(|_| !flags.local)
    }

    fn publish(&self, flags: &Flags, command: &str, target: &Target, argument: Value) {
        if let Some(cluster) = self.other_nodes(flags) {
            let [rooms, except] = target_values(target);
            cluster.publish(self.name(), command, vec![rooms, except, argument]);
        }
    }

    pub(super) fn join_all(&self, target: &Target, rooms: &[Arc<str>], flags: &Flags) {
        self.publish(flags, "join", target, names_value(rooms));
        for socket in self.0.rooms.select(target) {
            socket.join(rooms);
        }
    }

    pub(super) fn leave_all(&self, target: &Target, rooms: &[Arc<str>], flags: &Flags) {
        self.publish(flags, "leave", target, names_value(rooms));
        for socket in self.0.rooms.select(target) {
            socket.leave(rooms);
        }
    }

    pub(super) fn disconnect_all(&self, target: &Target, close: bool, flags: &Flags) {
        self.publish(flags, "kick", target, Value::from(close));
        for socket in self.0.rooms.select(target) {
            socket.disconnect(close);
        }
    }

    /// Sends an event to sockets of all nodes, and collects their acks.
    pub(super) async fn collect_acks(
        &self,
        target: &Target,
        event: &str,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<CollectedAcks, EmitError> {
        let timeout = flags.timeout.unwrap_or(self.config().request_timeout);
        let pending = self.other_nodes(flags).map(|cluster| {
            let [rooms, except] = target_values(target);
            let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            let (volatile, event) = (Value::from(flags.volatile), Value::from(event));
            let args = vec![
                rooms,
                except,
                volatile,
                event,
                Value::from(args.clone()),
                Value::from(millis),
            ];
            (cluster, cluster.request(self.name(), "emit", args, timeout))
        });
        let collector = self.broadcast_with_ack(target, event, args, flags)?;
        let Some((cluster, request)) = pending else {
            return Ok(collector.collect().await);
        };
        let (mut others, mut missing) = (CollectedAcks::default(), HashSet::new());
        let take = |reply| others.add_reply(reply, &mut missing);
        let (mut collected, silent) =
            tokio::join!(collector.collect(), cluster.collect_replies(request, take));
        collected.acks.append(&mut others.acks);
        collected.missing.extend(missing);
        collected.incomplete = silent > 0;
        Ok(collected)
    }
}
