//! One connection: packets in, namespaces joined and left.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pesan::socketio::packet::Body;
use pesan::socketio::value::Value;
use pesan::socketio::{Decoded, Decoder, Frame, Packet, Parser};
use tokio::time::Sleep;

use super::admission::{Admitted, Refused, admit};
use super::backlog::{Room, size_of_value};
use super::client::Client;
use super::entering::Entering;
use super::error::{AckError, ConnectError};
use super::handler::Later;
use super::hooks::{ConnectRefused, ErrorKind, ErrorReport, Reconnecting};
use super::namespace::Namespace;
use super::server::Io;
use super::socket::Socket;
use super::task::{Dispatch, Task, panic_text};
use crate::engineio::{self, CloseReason};

/// Largest message that is decoded, whatever it is, before the client has joined a namespace.
const PREMATURE: usize = 64 << 10;

/// State of one connection; the transport drives it.
pub struct Session {
    io: Io,
    client: Arc<Client>,
    decoder: Decoder,
    members: Vec<Member>,
    /// Namespaces that it was in: what the client sent before it knew is no error.
    left: Vec<Arc<str>>,
    /// Time for the first namespace.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Time for the next attachment of a packet.
    attachments_due: Option<Pin<Box<Sleep>>>,
    /// It broke the protocol: the end is under way, and what it sent since is left.
    broken: bool,
}

struct Member {
    namespace: Namespace,
    /// Memory that its `auth` payload takes.
    auth_bytes: usize,
    state: State,
}

enum State {
    /// Middleware is at work.
    Connecting(Coming),
    /// It is in.
    Joined(Task),
}

/// What is known of a client before it is in.
struct Coming {
    admission: Later<Result<Admitted, Refused>>,
    /// Whether it brought an earlier session.
    returns: bool,
    /// Until it is in or refused.
    _entering: Entering,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("namespaces", &self.members.len())
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(io: Io, client: Client) -> Self {
        let config = io.config();
        Self {
            decoder: config.parser.decoder(config.limits.codec(io.max_payload())),
            deadline: Some(Box::pin(tokio::time::sleep(config.connect_timeout))),
            client: Arc::new(client),
            io,
            members: Vec::new(),
            left: Vec::new(),
            attachments_due: None,
            broken: false,
        }
    }

    /// Sockets that it has.
    fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.members.iter().filter_map(|member| match &member.state {
            State::Joined(task) => Some(&task.socket),
            State::Connecting(..) => None,
        })
    }

    /// Whether more may be read. An ack that a handler waits for may come after events that wait for that handler.
    fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let is_asking = || self.sockets().any(|socket| !socket.acks().is_empty());
        match self.client.backlog.room(&self.io.config().limits, is_asking) {
            Room::Free => Poll::Ready(()),
            Room::Full => Poll::Pending,
            Room::Overfull => {
                for socket in self.sockets() {
                    socket.acks().fail(&AckError::Overrun);
                }
                // those who waited go on
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

    fn packet(&mut self, packet: Packet) {
        let Packet { namespace, body } = packet;
        let Some(member) = self.member(&namespace) else {
            return match body {
                Body::Connect(auth) => self.connect(&namespace, auth),
                _ if self.left.iter().any(|left| **left == *namespace) => {}
                _ => self.protocol_error(
                    CloseReason::ForcedServerClose,
                    "packet for a namespace not joined",
                ),
            };
        };
        match (&mut member.state, body) {
            (State::Joined(task), Body::Event { id, name, args }) => {
                task.socket.namespace().meters().events_in.increment(1);
                let name = name.as_str().to_owned();
                task.push(Dispatch { id, name, args });
            }
            (State::Joined(task), Body::Ack { id, args }) => {
                task.socket.namespace().meters().acks_in.increment(1);
                task.socket.acks().settle(id, args);
            }
            (State::Joined(task), Body::Disconnect) => {
                task.socket
                    .close(super::DisconnectReason::ClientNamespaceDisconnect);
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

    /// Whether a large message is certainly no CONNECT, and comes from a client that is in no namespace: it is not worth
    /// being decoded.
    fn is_premature(&self, message: &Frame) -> bool {
        let is_connect = match message {
            Frame::Text(text) => text.starts_with('0'),
            Frame::Binary(_) => self.io.config().parser != Parser::Default,
        };
        !is_connect && message.len() > PREMATURE && self.members.is_empty() && self.left.is_empty()
    }

    /// A packet waits for attachments: only one of a namespace that is joined is worth its memory, and it has to go on.
    fn await_attachments(&mut self) {
        let Some((namespace, _)) = self.decoder.pending() else {
            return;
        };
        let is_known = self.left.iter().any(|left| **left == *namespace)
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

    /// Tells the transport how much of what the client sent is kept.
    fn count_kept(&self) {
        let pending = self.decoder.pending().map_or(0, |(_, bytes)| bytes);
        let auth: usize = self.members.iter().map(|member| member.auth_bytes).sum();
        let waiting = self.client.backlog.bytes();
        self.client
            .connection
            .set_protocol_bytes(pending + auth + waiting);
    }

    /// Ends the connection of a client that broke the protocol.
    fn protocol_error(&mut self, reason: CloseReason, message: &str) {
        self.io.hooks().error(&ErrorReport {
            kind: ErrorKind::Protocol,
            message: message.to_owned(),
            namespace: None,
            socket: None,
            event: None,
        });
        for member in &mut self.members {
            if let State::Joined(task) = &mut member.state {
                task.error(message);
            }
        }
        self.broken = true;
        self.client.connection.close(reason);
    }

    fn connect(&mut self, name: &str, auth: Option<Value>) {
        let auth = auth.unwrap_or_else(|| Value::Object(Vec::new()));
        let limits = &self.io.config().limits;
        let full = self.members.len() >= limits.max_namespaces_per_connection;
        let too_long = name.len() > limits.max_namespace_bytes;
        let returns = self.io.config().recovery.is_some() && auth.get("pid").is_some();
        let found = if full || too_long {
            None
        } else {
            self.io.find(name, &auth)
        };
        let Some(entering) = found else {
            let why = if full {
                "Too many namespaces"
            } else {
                "Invalid namespace"
            };
            self.refuse(name, &ConnectError::new(why), returns);
            return;
        };
        let namespace = entering.namespace().clone();
        if returns {
            self.io.hooks().reconnect_attempt(&Reconnecting {
                namespace: name.to_owned(),
                address: Some(self.client.request.address.ip()),
            });
        }
        let auth_bytes = size_of_value(&auth);
        let middlewares = namespace.middlewares();
        if middlewares.is_empty() && !returns {
            self.join(
                namespace.clone(),
                Admitted::fresh(&namespace, &self.client, auth),
                auth_bytes,
                false,
            );
            return;
        }
        let admission = admit(namespace.clone(), self.client.clone(), auth, middlewares);
        self.members.push(Member {
            namespace,
            auth_bytes,
            state: State::Connecting(Coming {
                admission: Box::pin(admission),
                returns,
                _entering: entering,
            }),
        });
    }

    fn refuse(&self, namespace: &str, error: &ConnectError, returns: bool) {
        let packet = Packet::new(namespace, Body::ConnectError(Some(error.payload())));
        self.client.connection.send(&self.io.config().frame(&packet));
        let refused = ConnectRefused {
            message: error.message().to_owned(),
            namespace: Some(namespace.to_owned()),
            address: Some(self.client.request.address.ip()),
        };
        self.io.hooks().connect_error(&refused);
        if returns {
            self.io.hooks().reconnect_error(&refused);
        }
    }

    fn join(&mut self, namespace: Namespace, admitted: Admitted, auth_bytes: usize, returns: bool) {
        if self.client.has_ended() {
            return;
        }
        self.deadline = None;
        self.client.connection.establish();
        self.left.retain(|left| **left != *namespace.name());
        let socket = admitted.enter(returns);
        let task = Task::new(socket);
        self.members.push(Member {
            namespace,
            auth_bytes,
            state: State::Joined(task),
        });
    }

    /// Says good-bye for the sockets that are on their way out.
    fn reap(&mut self) {
        if self.client.take_gone() {
            self.reap_all();
        }
    }

    fn reap_all(&mut self) {
        let mut place = 0;
        while let Some(member) = self.members.get(place) {
            let reason = match &member.state {
                State::Joined(task) => task.socket.leaves(),
                State::Connecting(..) => None,
            };
            let Some(reason) = reason else {
                place += 1;
                continue;
            };
            let member = self.members.swap_remove(place);
            if self.left.len() < self.io.config().limits.max_namespaces_per_connection {
                self.left.push(member.namespace.name().into());
            }
            if let State::Joined(task) = member.state {
                task.finish(reason);
            }
        }
    }

    /// Takes all sockets out of their namespaces.
    fn leave(&mut self, reason: CloseReason) {
        for socket in self.sockets() {
            socket.close(reason.into());
        }
        self.reap_all();
    }

    /// Drives middleware; those whose outcome is known get in or are refused.
    fn poll_admissions(&mut self, cx: &mut Context<'_>) {
        let mut place = 0;
        while let Some(member) = self.members.get_mut(place) {
            let State::Connecting(coming) = &mut member.state else {
                place += 1;
                continue;
            };
            let returns = coming.returns;
            let outcome = match catch_unwind(AssertUnwindSafe(|| coming.admission.as_mut().poll(cx))) {
                Ok(Poll::Pending) => {
                    place += 1;
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
                    Err(Refused(ConnectError::new("Internal server error")))
                }
            };
            let member = self.members.swap_remove(place);
            match outcome {
                Ok(admitted) => {
                    self.join(member.namespace, admitted, member.auth_bytes, returns);
                }
                Err(Refused(error)) => self.refuse(member.namespace.name(), &error, returns),
            }
        }
    }
}

impl engineio::Session for Session {
    fn receive(&mut self, message: Frame) {
        if self.broken || self.client.has_ended() {
            return;
        }
        self.reap();
        if self.is_premature(&message) {
            return self.protocol_error(
                CloseReason::ForcedServerClose,
                "packet for a namespace not joined",
            );
        }
        match self.decoder.decode(message) {
            Ok(Decoded::Packet(packet)) => {
                self.attachments_due = None;
                self.packet(packet);
            }
            Ok(Decoded::Incomplete { .. }) => self.await_attachments(),
            Err(error) => self.protocol_error(CloseReason::ParseError, &error.to_string()),
        }
        self.count_kept();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.client.register(cx.waker());
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            self.deadline = None;
            tracing::info!(address = %self.client.request.address, "no namespace joined in time");
            self.client.connection.close(CloseReason::ForcedServerClose);
        }
        self.reap();
        self.poll_admissions(cx);
        for member in &mut self.members {
            if let State::Joined(task) = &mut member.state {
                task.poll(cx);
            }
        }
        if let Some(due) = &mut self.attachments_due
            && due.as_mut().poll(cx).is_ready()
        {
            self.attachments_due = None;
            self.protocol_error(CloseReason::ParseError, "attachments did not come in time");
        }
        self.reap();
        self.count_kept();
        self.poll_room(cx)
    }

    fn closed(mut self, reason: CloseReason) {
        self.leave(reason);
    }
}

impl Drop for Session {
    /// Where a panic ends the connection's task, nobody else says that its sockets are gone.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.leave(CloseReason::TransportError);
        }
    }
}
