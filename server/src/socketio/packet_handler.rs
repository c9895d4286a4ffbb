//! Handles the packets of one connection: connects and disconnects its sockets, dispatches events, settles acks.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pesan::socketio::packet::Body;
use pesan::socketio::value::Value;
use pesan::socketio::{Decoded, Decoder, Frame, Packet, Parser};
use tokio::time::Sleep;

use super::backlog::{Capacity, size_of_value};
use super::connect::{AdmittedSocket, NamespaceGuard, admit};
use super::disconnect_reason::DisconnectReason;
use super::dispatcher::{Dispatcher, QueuedEvent, panic_text};
use super::error::{AckError, ConnectError};
use super::handles::{Client, Io, Namespace, Socket};
use super::hooks::{ConnectRefused, ErrorKind, ErrorReport, Reconnecting};
use super::listeners::BoxFuture;
use crate::engineio::{self, CloseReason};

/// Largest message other than CONNECT that is decoded before the client has joined a namespace.
const MAX_UNJOINED_MESSAGE: usize = 64 << 10;

/// Socket.IO state of one connection; driven by the transport.
pub struct PacketHandler {
    io: Io,
    client: Arc<Client>,
    decoder: Decoder,
    members: Vec<Member>,
    /// Namespaces it has left. Packets that the client sent before it knew are ignored.
    left_namespaces: Vec<Arc<str>>,
    /// Timeout for joining the first namespace.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Timeout for the next attachment of a packet.
    attachments_due: Option<Pin<Box<Sleep>>>,
    /// Whether the client violated the protocol: the connection is being closed, and further messages are ignored.
    has_failed: bool,
}

struct Member {
    namespace: Namespace,
    /// Memory use of the `auth` payload.
    auth_bytes: usize,
    state: State,
}

enum State {
    /// Middleware is running.
    Connecting(PendingConnect),
    /// Socket is connected.
    Joined(Dispatcher),
}

/// CONNECT in progress.
struct PendingConnect {
    admission: BoxFuture<Result<AdmittedSocket, ConnectError>>,
    /// Whether the client sent an earlier session.
    resumes: bool,
    /// Keeps a dynamic namespace until the client is connected or refused.
    _guard: NamespaceGuard,
}

impl fmt::Debug for PacketHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketHandler")
            .field("namespaces", &self.members.len())
            .finish_non_exhaustive()
    }
}

impl PacketHandler {
    pub(super) fn new(io: Io, client: Client) -> Self {
        let config = io.config();
        Self {
            decoder: config.parser.decoder(config.limits.codec(io.max_payload())),
            deadline: Some(Box::pin(tokio::time::sleep(config.connect_timeout))),
            client: Arc::new(client),
            io,
            members: Vec::new(),
            left_namespaces: Vec::new(),
            attachments_due: None,
            has_failed: false,
        }
    }

    /// Connected sockets.
    fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.members.iter().filter_map(|member| match &member.state {
            State::Joined(dispatcher) => Some(&dispatcher.socket),
            State::Connecting(..) => None,
        })
    }

    /// Ready while more may be read. An ack that a handler waits for may arrive after events that wait for that handler.
    fn poll_capacity(&self, cx: &Context<'_>) -> Poll<()> {
        let awaits_ack = || self.sockets().any(|socket| !socket.acks().is_empty());
        match self.client.backlog.capacity(&self.io.config().limits, awaits_ack) {
            Capacity::Available => Poll::Ready(()),
            Capacity::Full => Poll::Pending,
            Capacity::Exceeded => {
                for socket in self.sockets() {
                    socket.acks().fail(&AckError::Overrun);
                }
                // The handlers that waited for these acks continue.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn member(&mut self, namespace: &str) -> Option<&mut Member> {
        self.members
            .iter_mut()
            .find(|member| member.namespace.name() == namespace)
    }

    fn on_packet(&mut self, packet: Packet) {
        let Packet { namespace, body } = packet;
        let Some(member) = self.member(&namespace) else {
            return match body {
                Body::Connect(auth) => self.on_connect(&namespace, auth),
                _ if self.left_namespaces.iter().any(|left| **left == *namespace) => {}
                _ => self.protocol_error(
                    CloseReason::ForcedServerClose,
                    "packet for a namespace not joined",
                ),
            };
        };
        match (&mut member.state, body) {
            (State::Joined(dispatcher), Body::Event { id, name, args }) => {
                dispatcher.socket.namespace().meters().events_in.increment(1);
                let name = name.as_str().to_owned();
                dispatcher.push(QueuedEvent { id, name, args });
            }
            (State::Joined(dispatcher), Body::Ack { id, args }) => {
                dispatcher.socket.namespace().meters().acks_in.increment(1);
                dispatcher.socket.acks().settle(id, args);
            }
            (State::Joined(dispatcher), Body::Disconnect) => {
                dispatcher
                    .socket
                    .close(DisconnectReason::ClientNamespaceDisconnect);
            }
            (State::Connecting(..), Body::Disconnect) => {
                self.members.retain(|member| member.namespace.name() != namespace);
            }
            (_, Body::Connect(_)) => {
                self.protocol_error(CloseReason::ForcedServerClose, "second CONNECT for a namespace");
            }
            (_, Body::ConnectError(_)) | (State::Connecting(..), Body::Event { .. } | Body::Ack { .. }) => {
                self.protocol_error(CloseReason::ForcedServerClose, "packet out of turn");
            }
        }
    }

    /// Whether a large message of a client without a namespace is certainly not a CONNECT, so that it is not decoded.
    fn is_premature(&self, message: &Frame) -> bool {
        let is_connect = match message {
            Frame::Text(text) => text.starts_with('0'),
            Frame::Binary(_) => self.io.config().parser != Parser::Default,
        };
        !is_connect
            && message.len() > MAX_UNJOINED_MESSAGE
            && self.members.is_empty()
            && self.left_namespaces.is_empty()
    }

    /// Handles a packet whose attachments are missing: only for a joined namespace, and with a timeout.
    fn await_attachments(&mut self) {
        let Some((namespace, _)) = self.decoder.pending() else {
            return;
        };
        let is_known = self.left_namespaces.iter().any(|left| **left == *namespace)
            || self.members.iter().any(|member| {
                member.namespace.name() == namespace && matches!(member.state, State::Joined(_))
            });
        if is_known {
            let time = self.io.config().attachment_timeout;
            self.attachments_due = Some(Box::pin(tokio::time::sleep(time)));
        } else {
            self.decoder.reset();
            self.protocol_error(
                CloseReason::ForcedServerClose,
                "packet for a namespace not joined",
            );
        }
    }

    /// Reports to the transport how many received bytes are held.
    fn report_held_bytes(&self) {
        let pending = self.decoder.pending().map_or(0, |(_, bytes)| bytes);
        let auth: usize = self.members.iter().map(|member| member.auth_bytes).sum();
        let waiting = self.client.backlog.bytes();
        self.client
            .connection
            .set_protocol_bytes(pending + auth + waiting);
    }

    /// Closes the connection of a client that violated the protocol.
    fn protocol_error(&mut self, reason: CloseReason, message: &str) {
        self.io.hooks().error(&ErrorReport {
            kind: ErrorKind::Protocol,
            message: message.to_owned(),
            namespace: None,
            socket: None,
            event: None,
        });
        for member in &mut self.members {
            if let State::Joined(dispatcher) = &mut member.state {
                dispatcher.error(message);
            }
        }
        self.has_failed = true;
        self.client.connection.close(reason);
    }

    fn on_connect(&mut self, name: &str, auth: Option<Value>) {
        let auth = auth.unwrap_or_else(|| Value::Object(Vec::new()));
        let limits = &self.io.config().limits;
        let full = self.members.len() >= limits.max_namespaces_per_connection;
        let too_long = name.len() > limits.max_namespace_bytes;
        let resumes = self.io.config().recovery.is_some() && auth.get("pid").is_some();
        let found = if full || too_long {
            None
        } else {
            self.io.find(name, &auth)
        };
        let Some(guard) = found else {
            let why = if full {
                "Too many namespaces"
            } else {
                "Invalid namespace"
            };
            self.refuse(name, &ConnectError::new(why), resumes);
            return;
        };
        let namespace = guard.namespace().clone();
        if resumes {
            self.io.hooks().reconnect_attempt(&Reconnecting {
                namespace: name.to_owned(),
                address: Some(self.client.request.address.ip()),
            });
        }
        let auth_bytes = size_of_value(&auth);
        let middlewares = namespace.middlewares();
        if middlewares.is_empty() && !resumes {
            self.join(
                namespace.clone(),
                AdmittedSocket::without_middleware(&namespace, &self.client, auth),
                auth_bytes,
                false,
            );
            return;
        }
        let admission = admit(namespace.clone(), self.client.clone(), auth, middlewares);
        self.members.push(Member {
            namespace,
            auth_bytes,
            state: State::Connecting(PendingConnect {
                admission: Box::pin(admission),
                resumes,
                _guard: guard,
            }),
        });
    }

    fn refuse(&self, namespace: &str, error: &ConnectError, resumes: bool) {
        let packet = Packet::new(namespace, Body::ConnectError(Some(error.payload())));
        self.client.connection.send(&self.io.config().frame(&packet));
        let refused = ConnectRefused {
            message: error.message().to_owned(),
            namespace: Some(namespace.to_owned()),
            address: Some(self.client.request.address.ip()),
        };
        self.io.hooks().connect_error(&refused);
        if resumes {
            self.io.hooks().reconnect_error(&refused);
        }
    }

    fn join(&mut self, namespace: Namespace, admitted: AdmittedSocket, auth_bytes: usize, resumes: bool) {
        if self.client.is_closed() {
            return;
        }
        self.deadline = None;
        self.client.connection.establish();
        self.left_namespaces.retain(|left| **left != *namespace.name());
        let socket = admitted.enter(resumes);
        let dispatcher = Dispatcher::new(socket);
        self.members.push(Member {
            namespace,
            auth_bytes,
            state: State::Joined(dispatcher),
        });
    }

    /// Removes closed sockets, if there are any.
    fn remove_closed(&mut self) {
        if self.client.take_disconnected() {
            self.remove_all_closed();
        }
    }

    fn remove_all_closed(&mut self) {
        let mut index = 0;
        while let Some(member) = self.members.get(index) {
            let reason = match &member.state {
                State::Joined(dispatcher) => dispatcher.socket.leaving_reason(),
                State::Connecting(..) => None,
            };
            let Some(reason) = reason else {
                index += 1;
                continue;
            };
            let member = self.members.swap_remove(index);
            if self.left_namespaces.len() < self.io.config().limits.max_namespaces_per_connection {
                self.left_namespaces.push(member.namespace.name().into());
            }
            if let State::Joined(dispatcher) = member.state {
                dispatcher.finish(reason);
            }
        }
    }

    /// Disconnects all sockets.
    fn disconnect_all(&mut self, reason: CloseReason) {
        for socket in self.sockets() {
            socket.close(reason.into());
        }
        self.remove_all_closed();
    }

    /// Drives pending CONNECTs; connects or refuses the clients whose middleware is done.
    fn poll_admissions(&mut self, cx: &mut Context<'_>) {
        let mut index = 0;
        while let Some(member) = self.members.get_mut(index) {
            let State::Connecting(pending) = &mut member.state else {
                index += 1;
                continue;
            };
            let resumes = pending.resumes;
            let outcome = match catch_unwind(AssertUnwindSafe(|| pending.admission.as_mut().poll(cx))) {
                Ok(Poll::Pending) => {
                    index += 1;
                    continue;
                }
                Ok(Poll::Ready(outcome)) => outcome,
                Err(panic) => {
                    self.io.hooks().error(&ErrorReport {
                        kind: ErrorKind::Panic,
                        message: panic_text(panic.as_ref()),
                        namespace: Some(member.namespace.name().to_owned()),
                        socket: None,
                        event: None,
                    });
                    Err(ConnectError::new("Internal server error"))
                }
            };
            let member = self.members.swap_remove(index);
            match outcome {
                Ok(admitted) => {
                    self.join(member.namespace, admitted, member.auth_bytes, resumes);
                }
                Err(error) => self.refuse(member.namespace.name(), &error, resumes),
            }
        }
    }
}

impl engineio::Session for PacketHandler {
    fn receive(&mut self, message: Frame) {
        if self.has_failed || self.client.is_closed() {
            return;
        }
        self.remove_closed();
        if self.is_premature(&message) {
            return self.protocol_error(
                CloseReason::ForcedServerClose,
                "packet for a namespace not joined",
            );
        }
        match self.decoder.decode(message) {
            Ok(Decoded::Packet(packet)) => {
                self.attachments_due = None;
                self.on_packet(packet);
            }
            Ok(Decoded::Incomplete { .. }) => self.await_attachments(),
            Err(error) => self.protocol_error(CloseReason::ParseError, &error.to_string()),
        }
        self.report_held_bytes();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.client.register(cx.waker());
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            self.deadline = None;
            tracing::info!(address = %self.client.request.address, "client joined no namespace in time");
            self.client.connection.close(CloseReason::ForcedServerClose);
        }
        self.remove_closed();
        self.poll_admissions(cx);
        for member in &mut self.members {
            if let State::Joined(dispatcher) = &mut member.state {
                dispatcher.poll(cx);
            }
        }
        if let Some(due) = &mut self.attachments_due
            && due.as_mut().poll(cx).is_ready()
        {
            self.attachments_due = None;
            self.protocol_error(CloseReason::ParseError, "attachments did not come in time");
        }
        self.remove_closed();
        self.report_held_bytes();
        self.poll_capacity(cx)
    }

    fn closed(mut self, reason: CloseReason) {
        self.disconnect_all(reason);
    }
}

impl Drop for PacketHandler {
    /// Disconnects the sockets if a panic ends the connection's task.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.disconnect_all(CloseReason::TransportError);
        }
    }
}
