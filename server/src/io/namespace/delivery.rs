//! What a namespace sends: framed once, kept for those who are away, and the operations on many sockets.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pesan::socketio::Packet;
use pesan::socketio::packet::{Body, EventName};
use pesan::socketio::value::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Namespace;
use crate::engine::Outgoing;
use crate::io::acks::Waiter;
use crate::io::error::EmitError;
use crate::io::hooks::ReconnectFailed;
use crate::io::operator::Flags;
use crate::io::reason::DisconnectReason;
use crate::io::recovery::{Log, Restored, Session};
use crate::io::remote::RemoteSocket;
use crate::io::responses::Gathering;
use crate::io::rooms::{Receivers, Target};
use crate::io::socket::Socket;

impl Namespace {
    /// Tells the sockets' catch-all listeners what goes out.
    pub(in crate::io) fn tell_outgoing(&self, sockets: &[Socket], event: &str, args: &[Value]) {
        if !self.0.watched.load(Ordering::Relaxed) {
            return;
        }
        for socket in sockets {
            for (_, listener) in socket.listeners().any_outgoing().iter() {
                listener(socket, event, args);
            }
        }
    }

    /// Frames a packet once for all who get it.
    pub(in crate::io) fn encode(&self, packet: &Packet) -> Result<Outgoing, EmitError> {
        packet.check()?;
        let encoded = packet.encode();
        let limit = self.config().limits.max_attachments;
        if encoded.attachments.len() > limit {
            return Err(EmitError::TooManyAttachments { limit });
        }
        Ok(Outgoing::new(&encoded))
    }

    fn event(&self, id: Option<u64>, name: EventName, args: Vec<Value>) -> Packet {
        Packet::new(self.name(), Body::Event { id, name, args })
    }

    /// An event to one socket.
    pub(in crate::io) fn emit_to(
        &self,
        socket: &Socket,
        event: &str,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<(), EmitError> {
        self.tell_outgoing(std::slice::from_ref(socket), event, &args);
        self.meters().events_out.increment(1);
        let name = EventName::from(event);
        if self.0.log.is_some() && !flags.volatile && socket.connected() {
            let target = Target {
                rooms: vec![socket.shared_id()],
                except: Vec::new(),
            };
            return self.record(&target, name, args);
        }
        socket.send_body(Body::Event { id: None, name, args }, flags.volatile)
    }

    /// An event to many sockets, here and on the other nodes.
    pub(in crate::io) fn broadcast(
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
        if self.0.log.is_some() && !flags.volatile {
            return self.record(target, name, args);
        }
        let outgoing = self.encode(&self.event(None, name, args))?;
        self.deliver(target, &outgoing.volatile(flags.volatile));
        Ok(())
    }

    /// Sends an event, and keeps it for those who are away.
    fn record(&self, target: &Target, name: EventName, mut args: Vec<Value>) -> Result<(), EmitError> {
        let Some(log) = &self.0.log else {
            return Ok(());
        };
        let mut kept = log.lock();
        args.push(Value::from(log.offset(&kept)));
        let outgoing = self.encode(&self.event(None, name, args))?;
        log.push(&mut kept, target, outgoing.clone());
        self.deliver(target, &outgoing);
        Ok(())
    }

    /// Takes a returning client's session away, if it can go on from `offset`.
    pub(in crate::io) fn restore(&self, pid: &str, offset: &str) -> Option<Restored> {
        self.0.log.as_ref()?.take(pid, offset)
    }

    /// Announces a socket and makes it a member; gives the number of events that it had missed and got.
    pub(in crate::io) fn welcome(
        &self,
        socket: &Socket,
        reply: &Outgoing,
        restored: Option<&Restored>,
    ) -> usize {
        let mut missed = 0;
        // Nothing can be sent between the last missed event and the membership.
        let kept = self.0.log.as_ref().map(Log::lock);
        if let (Some(kept), Some(restored)) = (&kept, restored) {
            for outgoing in Log::missed(kept, restored) {
                socket.connection().send(outgoing);
                missed += 1;
            }
        }
        socket.connection().send(reply);
        socket.open();
        missed
    }

    /// Sends what is framed already to the sockets of this node.
    fn deliver(&self, target: &Target, outgoing: &Outgoing) {
        let Some(engine) = self.0.server.engine() else {
            return;
        };
        match self.0.rooms.receivers(target) {
            Some(Receivers::All(group)) => engine.broadcast(&group, outgoing),
            Some(Receivers::Except(group, except)) => engine.broadcast_except(&group, &except, outgoing),
            None => {}
        }
    }

    pub(in crate::io) fn broadcast_with_ack(
        &self,
        target: &Target,
        event: &str,
        args: Vec<Value>,
        flags: &Flags,
    ) -> Result<Gathering, EmitError> {
        let sockets = self.0.rooms.select(target);
        self.tell_outgoing(&sockets, event, &args);
        self.meters().events_out.increment(1);
        let id = self.next_ack_id();
        let outgoing = self
            .encode(&self.event(Some(id), EventName::from(event), args))?
            .volatile(flags.volatile);
        let (sender, receiver) = mpsc::unbounded_channel();
        let limit = self.config().limits.max_pending_acks;
        for socket in &sockets {
            let waiter = Waiter::Many(sender.clone(), socket.shared_id());
            if let Err(error) = socket.acks().add(id, waiter, limit) {
                tracing::warn!(socket = socket.id(), %error, "socket is not asked");
                continue;
            }
            socket.connection().send(&outgoing);
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

    pub(in crate::io) async fn fetch(&self, target: &Target, _flags: &Flags) -> Vec<RemoteSocket> {
        self.0.rooms.select(target).iter().map(RemoteSocket::of).collect()
    }

    pub(in crate::io) fn join_all(&self, target: &Target, rooms: &[Arc<str>], _flags: &Flags) {
        for socket in self.0.rooms.select(target) {
            socket.join(rooms);
        }
    }

    pub(in crate::io) fn leave_all(&self, target: &Target, rooms: &[Arc<str>], _flags: &Flags) {
        for socket in self.0.rooms.select(target) {
            socket.leave(rooms);
        }
    }

    pub(in crate::io) fn disconnect_all(&self, target: &Target, close: bool, _flags: &Flags) {
        for socket in self.0.rooms.select(target) {
            socket.disconnect(close);
        }
    }

    /// A socket has left; its rooms are known to it alone now.
    pub(in crate::io) fn removed(&self, socket: &Socket, reason: DisconnectReason) {
        tracing::info!(
            socket = socket.id(),
            namespace = self.name(),
            reason = reason.as_str(),
            "User disconnected"
        );
        self.0.server.meters.sockets.decrement(1);
        if let (Some(log), Some(pid), true) = (&self.0.log, socket.pid(), reason.is_recoverable()) {
            let session = Session {
                sid: socket.id().to_owned(),
                pid: pid.to_owned(),
                rooms: socket.rooms().iter().map(ToString::to_string).collect(),
                data: socket.data().to_value(),
            };
            if let Some(due) = log.save(session) {
                tokio::spawn(expire(self.clone(), due));
            }
        }
        if self.0.dynamic && self.config().cleanup_empty_child_namespaces && self.is_empty() {
            self.0.server.forget(self);
        }
    }
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
            None => return,
        }
    }
}
