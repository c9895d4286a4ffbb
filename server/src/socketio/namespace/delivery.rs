//! What a namespace sends: framed once, kept for those who are away, and the operations on many sockets.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pesan::socketio::Packet;
use pesan::socketio::packet::{Body, EventName};
use pesan::socketio::value::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Namespace;
use crate::engineio::{CloseReason, EncodedMessage};
use crate::log::LogLimit;
use crate::socketio::acks::Waiter;
use crate::socketio::adapter::Health;
use crate::socketio::cluster::{self, Cluster, target_values};
use crate::socketio::config::Recovery;
use crate::socketio::error::EmitError;
use crate::socketio::hooks::ReconnectFailed;
use crate::socketio::operator::Flags;
use crate::socketio::reason::DisconnectReason;
use crate::socketio::recovery::{Log, Place, Restored, Session};
use crate::socketio::remote::{FetchedSockets, RemoteSocket};
use crate::socketio::responses::{Gathered, Gathering};
use crate::socketio::rooms::{Receivers, Target};
use crate::socketio::socket::Socket;

/// A client may connect to a namespace and leave it again without end.
static DISCONNECTED: LogLimit = LogLimit::new(6000, Duration::from_secs(60));

/// How much longer than its absence a session is kept while its client is connected; it is saved anew before.
const LIFE: Duration = Duration::from_secs(30);

/// Pause until there may be room for another session.
const ROOM: Duration = Duration::from_millis(5);

impl Namespace {
    /// Tells the sockets' catch-all listeners what goes out.
    pub(in crate::socketio) fn tell_outgoing(&self, sockets: &[Socket], event: &str, args: &[Value]) {
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

    /// Frames a packet once for all who get it.
    pub(in crate::socketio) fn encode(&self, packet: &Packet) -> Result<EncodedMessage, EmitError> {
        let config = self.config();
        config.parser.check(packet)?;
        let outgoing = config.frame(packet);
        let limit = config.limits.max_attachments;
        if outgoing.frames() > limit + 1 {
            return Err(EmitError::TooManyAttachments { limit });
        }
        Ok(outgoing)
    }

    fn event(&self, id: Option<u64>, name: EventName, args: Vec<Value>) -> Packet {
        Packet::new(self.name(), Body::Event { id, name, args })
    }

    /// An event to one socket.
    pub(in crate::socketio) fn emit_to(
        &self,
        socket: &Socket,
        event: &str,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<(), EmitError> {
        self.tell_outgoing(std::slice::from_ref(socket), event, &args);
        self.meters().events_out.increment(1);
        let name = EventName::from(event);
        let Some(log) = &self.0.log else {
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
        let kept = log.lock();
        let outgoing = flags.mark(self.with_offset(name, args, log.last_offset(&kept))?);
        socket.connection().send(&outgoing);
        Ok(())
    }

    /// An event to many sockets, here and on the other nodes.
    pub(in crate::socketio) fn broadcast(
        &self,
        target: &Target,
        name: EventName,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<(), EmitError> {
        if self.0.watched.load(Ordering::Relaxed) {
            self.tell_outgoing(&self.0.rooms.select(target), name.as_str(), &args);
        }
        self.meters().events_out.increment(1);
        if self.0.log.is_some() && !flags.volatile && !flags.local {
            return self.record(target, name, args, flags);
        }
        if let Some(cluster) = self.elsewhere(flags) {
            let [rooms, except] = target_values(target);
            let volatile = Value::from(flags.volatile);
            let event = vec![
                rooms,
                except,
                volatile,
                Value::from(name.as_str()),
                Value::from(args.clone()),
            ];
            cluster.tell(self.name(), "emit", event);
        }
        self.send_unkept(target, name, args, flags)
    }

    /// Sends an event to this node's sockets without keeping it for those who are away. With recovery it has the offset of
    /// the last one that was kept: a client that returns with it goes on from there.
    fn send_unkept(
        &self,
        target: &Target,
        name: EventName,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<(), EmitError> {
        let Some(log) = &self.0.log else {
            let outgoing = self.encode(&self.event(None, name, args))?;
            self.deliver(target, &flags.mark(outgoing));
            return Ok(());
        };
        // the lock keeps it behind the event whose offset it has, and before the next
        let kept = log.lock();
        let outgoing = self.with_offset(name, args, log.last_offset(&kept))?;
        self.deliver(target, &flags.mark(outgoing));
        Ok(())
    }

    /// How long an event is kept: as long as a client may be away, and until its loss is noticed.
    fn life_of_events(&self, recovery: &Recovery) -> Duration {
        let unnoticed = self.0.server.engine().map_or(Duration::ZERO, |engine| {
            engine.config().ping_interval + engine.config().ping_timeout
        });
        recovery.max_disconnection_duration + unnoticed
    }

    /// Sends an event, and keeps it for those who are away.
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
            let event = cluster::Event {
                namespace: self.name().to_owned(),
                target: target.clone(),
                name: name.clone(),
                args: args.clone(),
            };
            if !cluster.record(event) {
                self.send_unrecorded(target, name, args);
            }
            return Ok(());
        }
        let Some(log) = &self.0.log else {
            return Ok(());
        };
        let life = self.life_of_events(log.config());
        let mut kept = log.lock();
        let place = Log::next(&kept);
        let outgoing = flags.mark(self.with_offset(name, args, log.offset(place))?);
        log.push(&mut kept, place, target, outgoing.clone(), life);
        self.deliver(target, &outgoing);
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

    /// An event that came through the log of all nodes. `fresh`: it was not sent to this node's sockets yet.
    pub(in crate::socketio) fn send_recorded(
        &self,
        target: &Target,
        name: EventName,
        args: Vec<Value>,
        place: Place,
        fresh: bool,
    ) {
        let Some(log) = &self.0.log else {
            return self.send_unrecorded(target, name, args);
        };
        let life = self.life_of_events(log.config());
        let mut kept = log.lock();
        match self.with_offset(name, args, log.offset(place)) {
            Ok(outgoing) => {
                log.push(&mut kept, place, target, outgoing.clone(), life);
                if fresh {
                    self.deliver(target, &outgoing);
                }
            }
            Err(error) => tracing::warn!(%error, "event of the log cannot be sent"),
        }
    }

    /// An event to this node's sockets that nobody can catch up on.
    pub(in crate::socketio) fn send_unrecorded(&self, target: &Target, name: EventName, args: Vec<Value>) {
        self.send_plain(target, name, args, false);
    }

    /// An event of another node to this node's sockets.
    pub(in crate::socketio) fn send_plain(
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
        if let Err(error) = self.send_unkept(target, name, args, &flags) {
            tracing::warn!(%error, "event of another node cannot be sent");
        }
    }

    /// Announces a socket and makes it a member; gives the number of events that it had missed and got.
    pub(in crate::socketio) fn welcome(
        &self,
        socket: &Socket,
        reply: &EncodedMessage,
        restored: Option<&Restored>,
    ) -> usize {
        let mut missed = 0;
        // Nothing can be sent between the last missed event and the membership.
        let mut kept = self.0.log.as_ref().map(Log::lock);
        if let (Some(kept), Some(restored)) = (&kept, restored) {
            for outgoing in Log::missed(kept, restored) {
                socket.connection().send(outgoing);
                missed += 1;
            }
        }
        socket.open(reply);
        if let Some(kept) = &mut kept {
            Log::note(kept, socket, restored);
        }
        drop(kept);
        self.save(socket);
        missed
    }

    /// Sends what is framed already to the sockets of this node.
    fn deliver(&self, target: &Target, outgoing: &EncodedMessage) {
        let Some(engine) = self.0.server.engine() else {
            return;
        };
        match self.0.rooms.receivers(target) {
            Some(Receivers::All(group)) => engine.broadcast(&group, outgoing),
            Some(Receivers::Except(group, except)) => engine.broadcast_except(&group, &except, outgoing),
            None => {}
        }
    }

    pub(in crate::socketio) fn broadcast_with_ack(
        &self,
        target: &Target,
        event: &str,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<Gathering, EmitError> {
        let mut sockets = self.0.rooms.select(target);
        sockets.retain(Socket::connected);
        self.tell_outgoing(&sockets, event, &args);
        self.meters().events_out.increment(1);
        let id = self.next_ack_id();
        let outgoing = flags.mark(self.encode(&self.event(Some(id), EventName::from(event), args))?);
        let (sender, receiver) = mpsc::unbounded_channel();
        let limit = self.config().limits.max_pending_acks;
        for socket in &sockets {
            let waiter = Waiter::Many(sender.clone(), socket.shared_id());
            if let Err(error) = socket.acks().add(id, waiter, limit) {
                tracing::warn!(socket = socket.id(), %error, "socket is not asked");
                continue;
            }
            socket.connection().send(&outgoing);
            socket.wake_if_paused();
            if !socket.connected() {
                socket.acks().remove(id);
            }
        }
        Ok(Gathering {
            id,
            asked: sockets,
            receiver,
            deadline: flags.timeout.unwrap_or(self.config().request_timeout),
        })
    }

    /// Sockets of this node that are meant.
    pub(in crate::socketio) fn fetch_here(&self, target: &Target) -> Vec<RemoteSocket> {
        self.0.rooms.select(target).iter().map(RemoteSocket::of).collect()
    }

    pub(in crate::socketio) async fn fetch(&self, target: &Target, flags: &Flags) -> FetchedSockets {
        let asked = self.elsewhere(flags).map(|cluster| {
            let timeout = flags.timeout.unwrap_or(self.config().request_timeout);
            let args = target_values(target).into();
            (cluster, cluster.ask(self.name(), "fetch", args, timeout))
        });
        let mut found = FetchedSockets {
            sockets: self.fetch_here(target),
            missing_nodes: 0,
        };
        if let Some((cluster, asked)) = asked {
            let take = |values: Vec<Value>| {
                let sockets = values
                    .iter()
                    .filter_map(|value| RemoteSocket::from_value(self, value));
                found.sockets.extend(sockets);
                true
            };
            let missing = cluster.gather(asked, take).await;
            found.missing_nodes = missing;
            if missing > 0 {
                tracing::warn!(
                    namespace = self.name(),
                    missing,
                    "nodes did not name their sockets in time"
                );
            }
        }
        found
    }

    /// The other nodes, if they are meant.
    fn elsewhere(&self, flags: &Flags) -> Option<&Cluster> {
        self.0.server.cluster.as_ref().filter(|_| !flags.local)
    }

    fn tell(&self, flags: &Flags, what: &str, target: &Target, more: Value) {
        if let Some(cluster) = self.elsewhere(flags) {
            let [rooms, except] = target_values(target);
            cluster.tell(self.name(), what, vec![rooms, except, more]);
        }
    }

    pub(in crate::socketio) fn join_all(&self, target: &Target, rooms: &[Arc<str>], flags: &Flags) {
        self.tell(flags, "join", target, names_value(rooms));
        for socket in self.0.rooms.select(target) {
            socket.join(rooms);
        }
    }

    pub(in crate::socketio) fn leave_all(&self, target: &Target, rooms: &[Arc<str>], flags: &Flags) {
        self.tell(flags, "leave", target, names_value(rooms));
        for socket in self.0.rooms.select(target) {
            socket.leave(rooms);
        }
    }

    pub(in crate::socketio) fn disconnect_all(&self, target: &Target, close: bool, flags: &Flags) {
        self.tell(flags, "kick", target, Value::from(close));
        for socket in self.0.rooms.select(target) {
            socket.disconnect(close);
        }
    }

    /// Asks sockets of all nodes; gives all answers.
    pub(in crate::socketio) async fn ask_all(
        &self,
        target: &Target,
        event: &str,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<Gathered, EmitError> {
        let timeout = flags.timeout.unwrap_or(self.config().request_timeout);
        let asked = self.elsewhere(flags).map(|cluster| {
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
            (cluster, cluster.ask(self.name(), "emit", args, timeout))
        });
        let gathering = self.broadcast_with_ack(target, event, args, flags)?;
        let Some((cluster, asked)) = asked else {
            return Ok(gathering.finish().await);
        };
        let (mut others, mut waiting) = (Gathered::default(), HashSet::new());
        let take = |reply| others.add(reply, &mut waiting);
        let (mut gathered, silent) = tokio::join!(gathering.finish(), cluster.gather(asked, take));
        gathered.answers.append(&mut others.answers);
        gathered.missing.extend(waiting);
        gathered.incomplete = silent > 0;
        Ok(gathered)
    }

    /// Keeps what a socket would need on another node, should this one die.
    pub(in crate::socketio) fn save(&self, socket: &Socket) {
        if !self.try_save(socket) {
            tracing::debug!(socket = socket.id(), "session is kept a little later");
        }
    }

    /// The same; `false`: there is no room for it now.
    fn try_save(&self, socket: &Socket) -> bool {
        let (Some(cluster), Some(recovery)) = (&self.0.server.cluster, self.recovery()) else {
            return true;
        };
        match socket.session() {
            Some(session) if socket.connected() => {
                cluster.save(self.name(), &session, recovery.max_disconnection_duration + LIFE)
            }
            Some(_) | None => true,
        }
    }

    /// The same for all sockets, so that none expires while its client is connected; each when there is room for it.
    pub(in crate::socketio) async fn save_all(&self) {
        let Some(cluster) = self.0.server.cluster.as_ref().filter(|_| self.0.log.is_some()) else {
            return;
        };
        for socket in self.sockets() {
            while !self.try_save(&socket) {
                if cluster.health() == Health::Down {
                    return;
                }
                tokio::time::sleep(ROOM).await;
            }
        }
    }

    /// What is left of a session that its client took up anew: its id belongs to the successor.
    pub(in crate::socketio) fn evict(&self, sid: &str) {
        if let Some(socket) = self.socket(sid) {
            socket.set_taken();
            socket.close(DisconnectReason::TransportClose);
            self.0.rooms.remove(&socket);
            socket.connection().close(CloseReason::ForcedClose);
        }
    }

    /// A socket has left. It counts in its rooms until `disconnecting` was told, but gets nothing any more.
    pub(in crate::socketio) fn left(&self, socket: &Socket, reason: DisconnectReason) {
        self.0.rooms.retire(socket);
        if let Some(left_out) = DISCONNECTED.ready() {
            tracing::info!(
                socket = socket.id(),
                connection = socket.connection().id(),
                address = %socket.handshake().ip(),
                namespace = self.name(),
                reason = reason.as_str(),
                left_out,
                "User disconnected"
            );
        }
        self.0.server.meters.sockets.decrement(1);
        if let (Some(log), Some(session), false) = (&self.0.log, socket.session(), socket.is_taken()) {
            if reason.is_recoverable() {
                self.keep(log, session, socket.runtime());
            } else if let Some(cluster) = &self.0.server.cluster {
                cluster.forget(self.name(), &session.pid, socket.runtime());
            }
        }
    }

    /// `disconnecting` was told: it is in no room any more, and its session keeps what its last handlers did.
    pub(in crate::socketio) fn remove(&self, socket: &Socket) {
        if let (Some(log), Some(session), false) = (&self.0.log, socket.session(), socket.is_taken()) {
            log.update(session);
        }
        self.0.rooms.remove(socket);
        if let Some(log) = &self.0.log {
            log.forget_live(socket);
        }
        self.go_if_unused();
    }

    /// Keeps a session for the return of its client.
    pub(super) fn keep(&self, log: &Log, session: Session, runtime: &Handle) {
        if let (Some(cluster), Some(recovery)) = (&self.0.server.cluster, self.recovery())
            && !cluster.save(self.name(), &session, recovery.max_disconnection_duration)
        {
            tracing::debug!(socket = session.sid, "session is kept on this node only");
        }
        if let Some(due) = log.save(session) {
            runtime.spawn(expire(self.clone(), due));
        }
    }

    /// A session was taken away for a client that is lost again before it was let in: it may return once more.
    pub(in crate::socketio) fn give_back(&self, restored: Restored, runtime: &Handle) {
        if let Some(log) = &self.0.log {
            self.keep(log, restored.session, runtime);
        }
    }

    /// One that was made from a pattern goes with the last who is in it, on the way in, or may return.
    pub(in crate::socketio) fn go_if_unused(&self) {
        if self.0.dynamic && self.config().cleanup_empty_child_namespaces && self.is_unused() {
            self.0.server.forget(self);
        }
    }
}

/// Names of rooms as a list.
fn names_value(names: &[Arc<str>]) -> Value {
    Value::from(names.iter().map(|name| Value::from(&**name)).collect::<Vec<_>>())
}

/// Tells of sessions whose time is over, until none waits.
async fn expire(namespace: Namespace, mut due: Instant) {
    loop {
        tokio::time::sleep_until(due).await;
        let Some(log) = &namespace.0.log else { return };
        let (expired, next) = log.expire();
        for session in expired {
            namespace.hooks().reconnect_failed(&ReconnectFailed {
                namespace: namespace.name().to_owned(),
                socket: session.sid,
            });
        }
        match next {
            Some(next) => due = next,
            None => return namespace.go_if_unused(),
        }
    }
}
