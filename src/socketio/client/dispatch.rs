//! Telling the program what happened, one thing at a time and without any lock.

use super::ack::{Outcome, Waiter};
use super::driver::{Connection, State};
use super::events::Lifecycle;
use super::listeners::{Called, Kind, Listener, Thing};
use super::message::{Message, Responder};
use super::namespace::EmitChange;
use super::options::Asker;
use super::status::Status;
use crate::socketio::Frame;
use crate::socketio::Value;
use crate::socketio::packet::EventName;
use crate::socketio::proto::{AckToken, AuthRequest, Direction, Event};
use crate::socketio::sync::{Name, Weak};

/// Frame as it came or went, for an inspector.
///
/// ```no_run
/// # use pesan::socketio::Client;
/// # fn inspect(client: &Client) {
/// client.on_frame(|seen| println!("{:?} {:?}", seen.direction, seen.frame)).forget();
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Which way.
    pub direction: Direction,
    /// Frame, its Engine.IO type included.
    pub frame: Frame,
}

/// What waits to be told.
pub(crate) enum News {
    Event(Event),
    Status { namespace: Name, status: Status },
    Lifecycle { namespace: Name, lifecycle: Lifecycle },
}

/// One thing to tell, and to whom.
pub(super) enum Tale {
    Tell(Called, Thing),
    Settle(Waiter, Outcome),
    Ask(Asker, AuthRequest),
}

impl State {
    /// Finds out who is to be told, under the lock; `None` when nobody is.
    pub(super) fn address(&mut self, news: News, connection: &Weak<Connection>) -> Option<Tale> {
        let event = match news {
            News::Event(event) => event,
            News::Status { namespace, status } => {
                return self.to(&namespace, Kind::Status, Thing::Status(status));
            }
            News::Lifecycle { namespace, lifecycle } => return self.lifecycle(Some(&namespace), lifecycle),
        };
        // Whom it concerns: one namespace, or all.
        let (namespace, step) = match event {
            Event::Message {
                namespace,
                name,
                args,
                ack,
            } => {
                let mut called = Vec::new();
                self.listeners.call(&mut called, &namespace, Kind::Any, "");
                self.listeners
                    .call(&mut called, &namespace, Kind::Named, name.as_str());
                return Some(Tale::Tell(called, message(name, args, ack, connection)));
            }
            Event::Outgoing {
                namespace,
                name,
                args,
            } => {
                let message = message(name, args, None, connection);
                return self.to(&namespace, Kind::AnyOutgoing, message);
            }
            Event::Ack { id, result, .. } => {
                let waiter = self.waiters.take(id.get())?;
                return Some(Tale::Settle(waiter, result));
            }
            Event::State { namespace, id, state } => {
                return self.to(&namespace, Kind::Emits, Thing::Emit(EmitChange { id, state }));
            }
            Event::Frame { direction, frame } => {
                return self.to("", Kind::Frames, Thing::Frame(Seen { direction, frame }));
            }
            Event::AuthNeeded(request) => {
                let known = self.namespace(request.namespace());
                let own = known.and_then(|known| known.asker.as_ref());
                let asker = own.or(self.asker.as_ref())?.clone();
                return Some(Tale::Ask(asker, request));
            }
            Event::Connect {
                namespace,
                id,
                recovered,
            } => (Some(namespace), Lifecycle::Connect { id, recovered }),
            Event::ConnectError { namespace, error } => (Some(namespace), Lifecycle::ConnectError(error)),
            Event::Disconnect {
                namespace,
                reason,
                details,
            } => (Some(namespace), Lifecycle::Disconnect { reason, details }),
            Event::ConnectTimeout { namespace } => (namespace, Lifecycle::ConnectTimeout),
            Event::Error(error) => (None, Lifecycle::Error(error)),
            Event::ReconnectAttempt(attempt) => (None, Lifecycle::ReconnectAttempt(attempt)),
            Event::ReconnectError(error) => (None, Lifecycle::ReconnectError(error)),
            Event::ReconnectFailed => (None, Lifecycle::ReconnectFailed),
            Event::Reconnect(attempt) => (None, Lifecycle::Reconnect(attempt)),
            Event::Upgrade => (None, Lifecycle::Upgrade),
            Event::Ping => (None, Lifecycle::Ping),
            Event::Open | Event::Close { .. } => return None,
        };
        self.lifecycle(namespace.as_deref(), step)
    }

    fn to(&mut self, namespace: &str, kind: Kind, thing: Thing) -> Option<Tale> {
        let mut called = Vec::new();
        self.listeners.call(&mut called, namespace, kind, "");
        Some(Tale::Tell(called, thing))
    }

    /// Those who hear of a step: one namespace's, or everyone's.
    fn lifecycle(&mut self, namespace: Option<&str>, step: Lifecycle) -> Option<Tale> {
        let mut called = Vec::new();
        for known in &self.namespaces {
            let name = &*known.name;
            if namespace.is_some_and(|one| one != name) {
                continue;
            }
            self.listeners.call(&mut called, name, Kind::Lifecycle, "");
            if let Some(official) = step.name() {
                self.listeners.call(&mut called, name, Kind::Named, official);
            }
        }
        Some(Tale::Tell(called, Thing::Lifecycle(step)))
    }
}

fn message(name: EventName, args: Vec<Value>, ack: Option<AckToken>, connection: &Weak<Connection>) -> Thing {
    Thing::Message(Message {
        name: name.into_string(),
        args,
        responder: ack.map(|token| Responder::new(connection.clone(), token)),
    })
}

impl Tale {
    /// Calls the program. Nothing is locked. A listener that panics keeps no other from being called; what else is of
    /// the program, and what its closures captured, panics here.
    pub(super) fn tell(self, connection: &Connection) {
        match self {
            Self::Tell(called, mut thing) => {
                let mut left = called.len();
                for listener in &called {
                    left -= 1;
                    guarded(|| tell(listener, &mut thing, left == 0, connection));
                }
            }
            Self::Settle(waiter, outcome) => waiter(outcome),
            Self::Ask(asker, request) => asker.ask(connection, request),
        }
    }
}

/// Calls one listener. The last one gets a message itself, the others a copy; steps that have an official name come to
/// those who listen to it as messages.
fn tell(listener: &Listener, thing: &mut Thing, last: bool, connection: &Connection) {
    let (mut copy, is_error) = match (&*thing, listener.kind) {
        (Thing::Lifecycle(step), Kind::Named) => {
            let name = step.name().unwrap_or_default();
            let message = Message {
                name: name.to_owned(),
                args: step.args(),
                responder: None,
            };
            (Some(message), name == "error")
        }
        (Thing::Message(message), _) if !last => (Some(message.clone()), false),
        _ => (None, false),
    };
    let heard = match copy.take().map(Thing::Message) {
        Some(mut copy) => listener.hear(&mut copy),
        None => listener.hear(thing),
    };
    // A listener to `error` that cannot read errors would hear of itself for ever.
    if let Err((event, error)) = heard
        && !is_error
    {
        connection.unreadable(&listener.namespace, Lifecycle::Unreadable { event, error });
    }
}

/// Runs the program's code. Natively a panic in it ends there, reported by the panic hook, and harms no other listener.
pub(super) fn guarded(run: impl FnOnce()) {
    #[cfg(not(target_arch = "wasm32"))]
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)));
    #[cfg(target_arch = "wasm32")]
    run();
}
