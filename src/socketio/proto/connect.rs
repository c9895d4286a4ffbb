//! Connecting and disconnecting namespaces: CONNECT, its answers, its time limit, DISCONNECT.

use super::config::{Auth, Flush};
use super::connection::Connection;
use super::error::{ConnectError, ConnectionError, Failure};
use super::event::{AuthRequest, Event, Reason};
use super::framing;
use super::namespace::{ConnectDeadline, Namespace, NamespaceState, ReceiveBuffer, is_legal};
use super::state::{CloseInitiator, State};
use super::time::{Timestamp, deadline_after};
use crate::socketio::codec::packet::Body;
use crate::socketio::codec::{Packet, Value};

impl Connection {
    /// Connects a namespace, and opens the connection if there is none. Has no effect when it is connected or
    /// connecting; during a backoff it connects with the others at the next attempt.
    ///
    /// A name that no packet can carry results in [`ConnectError::IllegalName`].
    pub fn connect(&mut self, now: Timestamp, namespace: &str) {
        self.advance_clock(now);
        if !is_legal(namespace, self.config.limits.max_namespace_bytes) {
            self.event(Event::ConnectError {
                namespace: namespace.to_owned(),
                error: ConnectError::IllegalName,
            });
            return;
        }
        let index = self.index_or_insert(namespace);
        let new_deadline = ConnectDeadline::new(deadline_after(now, self.config.connect_timeout));
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        match &mut namespace.state {
            NamespaceState::Inactive => namespace.state = NamespaceState::AwaitingConnection,
            NamespaceState::Cancelled { reconnect, deadline } => {
                if !*reconnect {
                    *reconnect = true;
                    *deadline = new_deadline;
                }
            }
            NamespaceState::AwaitingConnection
            | NamespaceState::AwaitingAuth { .. }
            | NamespaceState::Connecting { .. }
            | NamespaceState::Connected { .. } => {}
        }
        match self.state {
            State::Idle => self.open(now, 0),
            State::Established(_) => self.start_connect(now, index),
            State::Connecting(_) | State::Backoff { .. } => {}
        }
    }

    /// Sets the `auth` of a namespace from its next CONNECT on.
    pub fn set_auth(&mut self, namespace: &str, auth: Auth) {
        let index = self.index_or_insert(namespace);
        if let Some(namespace) = self.namespaces.get_mut(index) {
            namespace.auth = Some(auth);
        }
    }

    /// Answers [`Event::AuthNeeded`] with an object, `None`, or an error message. An answer to an outdated request is
    /// ignored: a new request was made for the new connection.
    pub fn provide_auth(
        &mut self,
        now: Timestamp,
        request: AuthRequest,
        auth: Result<Option<Value>, String>,
    ) {
        self.advance_clock(now);
        let AuthRequest { namespace, epoch } = request;
        let Some(index) = self.index_of(&namespace) else {
            return;
        };
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        let NamespaceState::AwaitingAuth { deadline } = namespace.state else {
            return;
        };
        if namespace.epoch != epoch {
            return;
        }
        match auth {
            Ok(auth) => self.send_connect(index, auth, deadline),
            Err(error) => self.fail_connect(index, ConnectError::Auth(error)),
        }
    }

    /// Sends CONNECT for a namespace that awaits the connection, or requests its `auth` first.
    pub(super) fn start_connect(&mut self, now: Timestamp, index: usize) {
        let deadline = ConnectDeadline::new(deadline_after(now, self.config.connect_timeout));
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        if !matches!(namespace.state, NamespaceState::AwaitingConnection) {
            return;
        }
        namespace.epoch += 1;
        match namespace.auth.as_ref().unwrap_or(&self.config.auth) {
            Auth::None => self.send_connect(index, None, deadline),
            Auth::Value(value) => {
                let value = value.clone();
                self.send_connect(index, Some(value), deadline);
            }
            Auth::Ask => {
                namespace.state = NamespaceState::AwaitingAuth { deadline };
                let request = AuthRequest {
                    namespace: namespace.name.clone(),
                    epoch: namespace.epoch,
                };
                self.event(Event::AuthNeeded(request));
            }
        }
    }

    fn send_connect(&mut self, index: usize, auth: Option<Value>, deadline: ConnectDeadline) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        if !matches!(auth, None | Some(Value::Object(_))) {
            let error = ConnectError::Auth("it is not an object".to_owned());
            self.fail_connect(index, error);
            return;
        }
        namespace.state = NamespaceState::Connecting {
            deadline,
            buffer: ReceiveBuffer::default(),
        };
        let body = Body::Connect(namespace.recovery.payload(auth));
        let packet = Packet::new(namespace.name.clone(), body);
        let error = match framing::encode(self.config.parser, &packet, &self.config.limits) {
            // The server would close the connection, at every attempt again.
            Ok(frames) if self.oversize(&frames).is_some() => "it is larger than the server accepts",
            Ok(frames) => return self.send_frames(frames),
            Err(_) => "it contains binary, which this format cannot carry",
        };
        self.fail_connect(index, ConnectError::Auth(error.to_owned()));
    }

    /// The server answered a CONNECT, with an id or with something that is not Socket.IO 5.
    pub(super) fn on_connect(&mut self, now: Timestamp, index: usize, data: Option<&Value>) {
        let text = |key: &str| data.and_then(|data| data.get(key)).and_then(Value::as_str);
        let (sid, pid) = (text("sid").filter(|sid| !sid.is_empty()), text("pid"));
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        match std::mem::take(&mut namespace.state) {
            NamespaceState::Connecting { buffer, .. } => match sid {
                Some(sid) => self.on_connected(now, index, sid.to_owned(), pid, buffer),
                None => {
                    namespace.state = NamespaceState::AwaitingConnection;
                    self.fail_connect(index, ConnectError::NotSupported);
                }
            },
            NamespaceState::Cancelled { reconnect, .. } => {
                if reconnect {
                    namespace.state = NamespaceState::AwaitingConnection;
                }
                namespace.disconnect_unacked = sid.is_some();
                if sid.is_some() {
                    let packet = Packet::new(namespace.name.clone(), Body::Disconnect);
                    self.send_packet(&packet);
                }
                self.start_connect(now, index);
            }
            // A second or unsolicited answer is ignored.
            other @ (NamespaceState::Inactive
            | NamespaceState::AwaitingConnection
            | NamespaceState::AwaitingAuth { .. }
            | NamespaceState::Connected { .. }) => {
                namespace.state = other;
            }
        }
    }

    /// The namespace is connected. Official order: state, receive buffer, send buffer, retries, `connect`.
    fn on_connected(
        &mut self,
        now: Timestamp,
        index: usize,
        id: String,
        pid: Option<&str>,
        buffer: ReceiveBuffer,
    ) {
        let deferred = self.config.send_buffer.flush == Flush::AfterConnect;
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        namespace.disconnect_unacked = false;
        namespace.recovery.accepted(pid);
        let recovered = namespace.recovery.recovered;
        // With nothing queued there is nothing to defer: later emits are sent immediately.
        let has_queued = !namespace.send_buffer.is_empty() || namespace.retries.len() > 0;
        let name = namespace.name.clone();
        namespace.state = NamespaceState::Connected {
            id: id.clone(),
            flush: (deferred && has_queued).then_some(now),
        };
        for event in buffer.events {
            self.deliver(index, event);
        }
        self.flush(now, index);
        self.event(Event::Connect {
            namespace: name,
            id,
            recovered,
        });
    }

    /// The server refused a CONNECT.
    pub(super) fn on_connect_error(&mut self, now: Timestamp, index: usize, payload: Option<Value>) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        namespace.disconnect_unacked = false;
        match &namespace.state {
            NamespaceState::Connecting { .. } => {
                self.fail_connect(index, ConnectError::from_payload(payload));
            }
            NamespaceState::Cancelled { reconnect: true, .. } => {
                namespace.state = NamespaceState::AwaitingConnection;
                self.start_connect(now, index);
            }
            NamespaceState::Cancelled { reconnect: false, .. } => namespace.state = NamespaceState::Inactive,
            NamespaceState::Inactive
            | NamespaceState::AwaitingConnection
            | NamespaceState::AwaitingAuth { .. }
            | NamespaceState::Connected { .. } => {}
        }
    }

    /// Reports CONNECTs that timed out. They stay outstanding, since the server treats a second CONNECT as an error.
    pub(super) fn expire_connects(&mut self, now: Timestamp) {
        for index in 0..self.namespaces.len() {
            let Some(namespace) = self.namespaces.get_mut(index) else {
                return;
            };
            if namespace.connect_due().is_none_or(|due| now < due) {
                continue;
            }
            match &mut namespace.state {
                NamespaceState::AwaitingAuth { deadline }
                | NamespaceState::Connecting { deadline, .. }
                | NamespaceState::Cancelled { deadline, .. } => *deadline = ConnectDeadline::Passed,
                NamespaceState::Inactive
                | NamespaceState::AwaitingConnection
                | NamespaceState::Connected { .. } => {}
            }
            let namespace = namespace.name.clone();
            self.event(Event::ConnectTimeout {
                namespace: Some(namespace.clone()),
            });
            self.event(Event::ConnectError {
                namespace,
                error: ConnectError::TimedOut,
            });
        }
        self.fail_unreachable(now);
    }

    /// Closes the connection and reconnects when no namespace can still connect before its deadline.
    pub(super) fn fail_unreachable(&mut self, now: Timestamp) {
        if self.is_needed() && !self.namespaces.iter().any(Namespace::may_connect) {
            let error = ConnectionError::Unanswered;
            self.close(now, Reason::ForcedClose, Some(error), CloseInitiator::Client);
        }
    }

    /// Disconnects a namespace; the connection closes when no other namespace needs it. Queued events stay queued.
    pub fn disconnect(&mut self, now: Timestamp, namespace: &str) {
        self.advance_clock(now);
        let Some(index) = self.index_of(namespace) else {
            return;
        };
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        if !namespace.is_active() {
            return;
        }
        if namespace.is_connected() {
            let packet = Packet::new(namespace.name.clone(), Body::Disconnect);
            namespace.disconnect_unacked = true;
            self.send_packet(&packet);
        }
        self.disconnect_namespace(now, index, Reason::IoClientDisconnect);
    }

    /// The server sent DISCONNECT.
    pub(super) fn on_disconnect(&mut self, now: Timestamp, index: usize) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        if std::mem::take(&mut namespace.disconnect_unacked) {
            // It crossed the client's DISCONNECT, which must not be sent any more if it is still held.
            let packet = Packet::new(namespace.name.clone(), Body::Disconnect);
            self.remove_held(&packet);
            return;
        }
        match &namespace.state {
            NamespaceState::Connected { .. } => {
                self.disconnect_namespace(now, index, Reason::IoServerDisconnect);
            }
            NamespaceState::Connecting { .. } => self.fail_connect(index, ConnectError::DisconnectedByServer),
            NamespaceState::Cancelled { .. } => self.on_connect_error(now, index, None),
            NamespaceState::Inactive
            | NamespaceState::AwaitingConnection
            | NamespaceState::AwaitingAuth { .. } => {}
        }
    }

    /// Disconnects a namespace until the program connects it again; closes the connection if it was the last one.
    fn disconnect_namespace(&mut self, now: Timestamp, index: usize, reason: Reason) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        let was_connected = namespace.is_connected();
        // An unanswered CONNECT cannot be revoked, and the server closes a connection that sends a second one.
        let outstanding = matches!(
            namespace.state,
            NamespaceState::Connecting { .. } | NamespaceState::Cancelled { .. }
        );
        namespace.state = if outstanding {
            NamespaceState::Cancelled {
                reconnect: false,
                deadline: ConnectDeadline::Never,
            }
        } else {
            NamespaceState::Inactive
        };
        namespace.epoch += 1;
        if !self.is_needed() {
            self.close_unused();
        }
        if was_connected {
            self.report_disconnect(now, index, reason, None);
        }
        self.fail_unreachable(now);
    }

    /// CONNECT failed: the namespace becomes inactive, and the program gets the error.
    pub(super) fn fail_connect(&mut self, index: usize, error: ConnectError) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        namespace.state = NamespaceState::Inactive;
        let name = namespace.name.clone();
        if !self.is_needed() {
            self.close_unused();
        }
        self.event(Event::ConnectError {
            namespace: name,
            error,
        });
        self.fail_unreachable(self.now);
    }

    /// The connection was lost: an active namespace awaits the next one.
    pub(super) fn interrupt_namespace(
        &mut self,
        now: Timestamp,
        index: usize,
        reason: Reason,
        details: Option<ConnectionError>,
    ) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        let was_connected = namespace.is_connected();
        namespace.state = if namespace.is_active() {
            NamespaceState::AwaitingConnection
        } else {
            NamespaceState::Inactive
        };
        namespace.epoch += 1;
        namespace.disconnect_unacked = false;
        if was_connected {
            self.report_disconnect(now, index, reason, details);
        }
    }

    /// Reports `disconnect`, then fails the acks that can no longer arrive.
    fn report_disconnect(
        &mut self,
        now: Timestamp,
        index: usize,
        reason: Reason,
        details: Option<ConnectionError>,
    ) {
        let Some(namespace) = self.namespaces.get_mut(index) else {
            return;
        };
        let pending = namespace.acks.take_sent();
        let name = namespace.name.clone();
        self.event(Event::Disconnect {
            namespace: name,
            reason,
            details,
        });
        for pending in pending {
            self.settle_ack(now, index, &pending, Err(Failure::Disconnected));
        }
    }
}
