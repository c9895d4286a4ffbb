//! Namespaces come and go: CONNECT, its answers, its time limit, DISCONNECT.

use super::namespace::{Early, Namespace, Patience, Standing, is_legal};
use super::reconnect::Told;
use super::state::Phase;
use super::{Auth, AuthRequest, ConnectError, ConnectionError, Event, Flush, Machine, Reason, framing};
use crate::socketio::packet::Body;
use crate::socketio::proto::time::after;
use crate::socketio::{Packet, Timestamp, Value};

impl Machine {
    /// Connects a namespace, and opens the connection if there is none. Without effect when it is connected or on
    /// its way; during a pause between two attempts it waits with the others.
    ///
    /// A name that no packet can carry leads to [`ConnectError::IllegalName`].
    pub fn connect(&mut self, now: Timestamp, namespace: &str) {
        self.tick(now);
        if !is_legal(namespace, self.config.limits.max_namespace_bytes) {
            self.event(Event::ConnectError {
                namespace: namespace.to_owned(),
                error: ConnectError::IllegalName,
            });
            return;
        }
        let place = self.place_or_new(namespace);
        let limit = Patience::until(after(now, self.config.connect_timeout));
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        match &mut namespace.standing {
            Standing::Inactive => namespace.standing = Standing::Away,
            Standing::Withdrawn { again, patience } => {
                if !*again {
                    *again = true;
                    *patience = limit;
                }
            }
            Standing::Away | Standing::Asking { .. } | Standing::Joining { .. } | Standing::Joined { .. } => {
            }
        }
        match self.phase {
            Phase::Idle => self.open(now, 0),
            Phase::Open(_) => self.join(now, place),
            Phase::Opening(_) | Phase::Waiting { .. } => {}
        }
    }

    /// Says who a namespace is from its next CONNECT on.
    pub fn set_auth(&mut self, namespace: &str, auth: Auth) {
        let place = self.place_or_new(namespace);
        if let Some(namespace) = self.namespaces.get_mut(place) {
            namespace.auth = Some(auth);
        }
    }

    /// Answers [`Event::AuthNeeded`] with an object, nothing, or the reason why there is none. An answer that comes
    /// after the connection has changed is ignored; a new question was asked then.
    pub fn provide_auth(
        &mut self,
        now: Timestamp,
        request: AuthRequest,
        auth: Result<Option<Value>, String>,
    ) {
        self.tick(now);
        let AuthRequest { namespace, epoch } = request;
        let Some(place) = self.place(&namespace) else {
            return;
        };
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        let Standing::Asking { patience } = namespace.standing else {
            return;
        };
        if namespace.epoch != epoch {
            return;
        }
        match auth {
            Ok(auth) => self.send_connect(place, auth, patience),
            Err(error) => self.refuse(place, ConnectError::Auth(error)),
        }
    }

    /// Sends CONNECT for a namespace that waits for it, or asks who it is first.
    pub(super) fn join(&mut self, now: Timestamp, place: usize) {
        let patience = Patience::until(after(now, self.config.connect_timeout));
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        if !matches!(namespace.standing, Standing::Away) {
            return;
        }
        namespace.epoch += 1;
        match namespace.auth.as_ref().unwrap_or(&self.config.auth) {
            Auth::None => self.send_connect(place, None, patience),
            Auth::Value(value) => {
                let value = value.clone();
                self.send_connect(place, Some(value), patience);
            }
            Auth::Ask => {
                namespace.standing = Standing::Asking { patience };
                let request = AuthRequest {
                    namespace: namespace.name.clone(),
                    epoch: namespace.epoch,
                };
                self.event(Event::AuthNeeded(request));
            }
        }
    }

    fn send_connect(&mut self, place: usize, auth: Option<Value>, patience: Patience) {
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        if !matches!(auth, None | Some(Value::Object(_))) {
            let error = ConnectError::Auth("it is not an object".to_owned());
            self.refuse(place, error);
            return;
        }
        namespace.standing = Standing::Joining {
            patience,
            early: Early::default(),
        };
        let body = Body::Connect(namespace.recovery.payload(auth));
        let packet = Packet::new(namespace.name.clone(), body);
        let error = match framing::encode(self.config.parser, &packet, &self.config.limits) {
            // The server would cut the connection, at each attempt anew.
            Ok(frames) if self.oversize(&frames).is_some() => "it is more than the server takes",
            Ok(frames) => return self.send_frames(frames),
            Err(_) => "it holds binary, which this format cannot carry",
        };
        self.refuse(place, ConnectError::Auth(error.to_owned()));
    }

    /// The server answered a CONNECT with an id, or with something that is not Socket.IO 5.
    pub(super) fn connect_answered(&mut self, now: Timestamp, place: usize, data: Option<&Value>) {
        let text = |key: &str| data.and_then(|data| data.get(key)).and_then(Value::as_str);
        let (sid, pid) = (text("sid").filter(|sid| !sid.is_empty()), text("pid"));
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        match std::mem::take(&mut namespace.standing) {
            Standing::Joining { early, .. } => match sid {
                Some(sid) => self.joined(now, place, sid.to_owned(), pid, early),
                None => {
                    namespace.standing = Standing::Away;
                    self.refuse(place, ConnectError::NotSupported);
                }
            },
            Standing::Withdrawn { again, .. } => {
                if again {
                    namespace.standing = Standing::Away;
                }
                namespace.left = sid.is_some();
                if sid.is_some() {
                    let packet = Packet::new(namespace.name.clone(), Body::Disconnect);
                    self.send_packet(&packet);
                }
                self.join(now, place);
            }
            // A second answer changes nothing; nor does one that nobody asked for.
            other @ (Standing::Inactive
            | Standing::Away
            | Standing::Asking { .. }
            | Standing::Joined { .. }) => {
                namespace.standing = other;
            }
        }
    }

    /// The official order: state, events that came early, the queue, what is retried, `connect`.
    fn joined(&mut self, now: Timestamp, place: usize, id: String, pid: Option<&str>, early: Early) {
        let put_off = self.config.outbox.flush == Flush::AfterConnect;
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        namespace.left = false;
        namespace.recovery.accepted(pid);
        let recovered = namespace.recovery.recovered;
        // Without a queue to look at, what is emitted from now on leaves at once.
        let waits = !namespace.outbox.is_empty() || namespace.retries.len() > 0;
        let name = namespace.name.clone();
        namespace.standing = Standing::Joined {
            id: id.clone(),
            flush: (put_off && waits).then_some(now),
        };
        for event in early.events {
            self.deliver(place, event);
        }
        self.flush(now, place);
        self.event(Event::Connect {
            namespace: name,
            id,
            recovered,
        });
    }

    /// The server refused a CONNECT.
    pub(super) fn connect_refused(&mut self, now: Timestamp, place: usize, payload: Option<Value>) {
        let Some(namespace) = self.namespaces.get_mut(place) else {
            return;
        };
        namespace.left = false;
        match &namespace.standing {
            Standing::Joining { .. } => self.refuse(place, ConnectError::from_payload(payload)),
            Standing::Withdrawn { again: true, .. } => {
                namespace.standing = Standing::Away;
                self.join(now, place);
            }
            Standing::Withdrawn { again: false, .. } => namespace.standing = Standing::Inactive,
            Standing::Inactive | Standing::Away | Standing::Asking { .. } | Standing::Joined { .. } => {}
        }
    }

    /// CONNECTs that ran out of time. They stay outstanding, since the server would take a second one for an error.
    pub(super) fn connect_timeouts(&mut self, now: Timestamp) {
        for place in 0..self.namespaces.len() {
            let Some(namespace) = self.namespaces.get_mut(place) else {
                return;
            };
            if namespace.connect_due().is_none_or(|due| now < due) {
                continue;
            }
            match &mut namespace.standing {
                Standing::Asking { patience }
                | Standing::Joining { patience, .. }
                | Standing::Withdrawn { patience, .. } => *patience = Patience::Spent,
                Standing::Inactive | Standing::Away | Standing::Joined { .. } => {}
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
        self.give_up_without_hope(now);
    }

    /// When none of the namespaces that want the connection has hope left, it is given up and tried again.
    pub(super) fn give_up_without_hope(&mut self, now: Timestamp) {
        if self.is_wanted() && !self.namespaces.iter().any(Namespace::has_hope) {
            let error = ConnectionError::Unanswered;
            self.close(now, Reason::ForcedClose, Some(error), Told::No);
        }
    }
}
