//! Telling the program what happened, one thing at a time and without any lock.

use super::connection::{Connection, State};
use super::lifecycle::Lifecycle;
use super::listeners::{Called, Heard};
use super::message::{Message, Responder};
use super::namespace::EmitChange;
use super::observers::Observers;
use super::options::Asker;
use super::shared::Weak;
use super::status::Status;
use super::waiter::{Outcome, Waiter};
use crate::socketio::Frame;
use crate::socketio::client::{AuthRequest, Direction, Event};
use crate::socketio::packet::EventName;

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
pub(super) enum News {
    Event(Event),
    Status { namespace: String, status: Status },
    Lifecycle { namespace: String, lifecycle: Lifecycle },
}

/// One thing to tell, and to whom.
pub(super) enum Tale {
    Nobody,
    Message {
        any: Called,
        named: Called,
        namespace: String,
        message: Message,
    },
    Outgoing {
        any: Called,
        message: Message,
    },
    Lifecycle(Vec<(String, Observers<Lifecycle>, Called)>, Lifecycle),
    Status(Observers<Status>, Status),
    Emit(Observers<EmitChange>, EmitChange),
    Frame(Observers<Seen>, Seen),
    Settle(Waiter, Outcome),
    Ask(Asker, AuthRequest),
}

impl State {
    /// Finds out who is to be told, under the lock.
    pub(super) fn address(&mut self, news: News, connection: &Weak<Connection>) -> Tale {
        let event = match news {
            News::Event(event) => event,
            News::Status { namespace, status } => {
                return match self.namespaces.get(&namespace) {
                    Some(known) => Tale::Status(known.statuses.clone(), status),
                    None => Tale::Nobody,
                };
            }
            News::Lifecycle { namespace, lifecycle } => return self.lifecycle(Some(&namespace), lifecycle),
        };
        match event {
            Event::Message {
                namespace,
                name,
                args,
                ack,
            } => {
                let Some(known) = self.namespaces.get_mut(&namespace) else {
                    return Tale::Nobody;
                };
                let named = known.listeners.called(Heard::Named(name.as_str()));
                let any = known.listeners.called(Heard::Any);
                let responder = ack.map(|token| Responder::new(connection.clone(), token));
                let message = Message {
                    name: text(&name),
                    args,
                    responder,
                };
                Tale::Message {
                    any,
                    named,
                    namespace,
                    message,
                }
            }
            Event::Outgoing {
                namespace,
                name,
                args,
            } => {
                let Some(known) = self.namespaces.get_mut(&namespace) else {
                    return Tale::Nobody;
                };
                let any = known.listeners.called(Heard::AnyOutgoing);
                Tale::Outgoing {
                    any,
                    message: Message {
                        name: text(&name),
                        args,
                        responder: None,
                    },
                }
            }
            Event::Ack { id, result, .. } => match self.waiters.remove(&id) {
                Some(waiter) => Tale::Settle(waiter, result),
                None => Tale::Nobody,
            },
            Event::State { namespace, id, state } => match self.namespaces.get(&namespace) {
                Some(known) if !known.emits.is_empty() => {
                    Tale::Emit(known.emits.clone(), EmitChange { id, state })
                }
                Some(_) | None => Tale::Nobody,
            },
            Event::Frame { direction, frame } => {
                Tale::Frame(self.inspectors.clone(), Seen { direction, frame })
            }
            Event::AuthNeeded(request) => {
                let own = self
                    .namespaces
                    .get(request.namespace())
                    .and_then(|known| known.asker.clone());
                match own.or_else(|| self.asker.clone()) {
                    Some(asker) => Tale::Ask(asker, request),
                    None => Tale::Nobody,
                }
            }
            Event::Connect {
                namespace,
                id,
                recovered,
            } => self.lifecycle(Some(&namespace), Lifecycle::Connect { id, recovered }),
            Event::ConnectError { namespace, error } => {
                self.lifecycle(Some(&namespace), Lifecycle::ConnectError(error))
            }
            Event::Disconnect {
                namespace,
                reason,
                details,
            } => self.lifecycle(Some(&namespace), Lifecycle::Disconnect { reason, details }),
            Event::ConnectTimeout { namespace } => {
                self.lifecycle(namespace.as_deref(), Lifecycle::ConnectTimeout)
            }
            Event::Error(error) => self.lifecycle(None, Lifecycle::Error(error)),
            Event::ReconnectAttempt(attempt) => self.lifecycle(None, Lifecycle::ReconnectAttempt(attempt)),
            Event::ReconnectError(error) => self.lifecycle(None, Lifecycle::ReconnectError(error)),
            Event::ReconnectFailed => self.lifecycle(None, Lifecycle::ReconnectFailed),
            Event::Reconnect(attempt) => self.lifecycle(None, Lifecycle::Reconnect(attempt)),
            Event::Upgrade => self.lifecycle(None, Lifecycle::Upgrade),
            Event::Ping => self.lifecycle(None, Lifecycle::Ping),
            Event::Open | Event::Close { .. } => Tale::Nobody,
        }
    }

    /// Those who hear of a step: one namespace's, or everyone's.
    fn lifecycle(&mut self, namespace: Option<&str>, lifecycle: Lifecycle) -> Tale {
        let concerned = self
            .namespaces
            .iter_mut()
            .filter(|(name, _)| namespace.is_none_or(|one| one == *name));
        let heard = concerned
            .map(|(name, known)| {
                let named = match lifecycle.name() {
                    Some(name) => known.listeners.called(Heard::Named(name)),
                    None => Called::default(),
                };
                (name.clone(), known.lifecycle.clone(), named)
            })
            .collect();
        Tale::Lifecycle(heard, lifecycle)
    }
}

fn text(name: &EventName) -> String {
    name.as_str().to_owned()
}

impl Tale {
    /// Calls the program. Nothing is locked.
    pub(super) fn tell(self, connection: &Connection) {
        match self {
            Self::Nobody => {}
            Self::Message {
                any,
                named,
                namespace,
                message,
            } => {
                let readable = |unreadable| connection.unreadable(&namespace, unreadable);
                if !any.is_empty() {
                    call(&any, message.clone(), readable);
                }
                call(&named, message, readable);
            }
            Self::Outgoing { any, message } => call(&any, message, |_| {}),
            Self::Lifecycle(heard, lifecycle) => {
                for (namespace, observers, named) in heard {
                    observers.tell(&lifecycle);
                    if let Some(name) = lifecycle.name().filter(|_| !named.is_empty()) {
                        let message = Message {
                            name: name.to_owned(),
                            args: lifecycle.args(),
                            responder: None,
                        };
                        // A listener to `error` that cannot read errors would hear of itself for ever.
                        let loops = name == "error";
                        call(&named, message, |unreadable| {
                            if !loops {
                                connection.unreadable(&namespace, unreadable);
                            }
                        });
                    }
                }
            }
            Self::Status(observers, status) => observers.tell(&status),
            Self::Emit(observers, change) => observers.tell(&change),
            Self::Frame(observers, seen) => observers.tell(&seen),
            Self::Settle(waiter, outcome) => guarded(|| waiter.settle(outcome)),
            Self::Ask(asker, request) => connection.ask(&asker, request),
        }
    }
}

/// Calls listeners one after the other; the last one gets the message itself, the others a copy.
fn call(called: &Called, message: Message, unreadable: impl Fn(Lifecycle)) {
    let mut message = Some(message);
    let mut left = called.iter().len();
    for listener in called.iter() {
        left -= 1;
        let copy = if left == 0 {
            message.take()
        } else {
            message.clone()
        };
        let Some(copy) = copy else { return };
        guarded(|| {
            if let Err((event, error)) = listener.call(copy) {
                unreadable(Lifecycle::Unreadable { event, error });
            }
        });
    }
}

/// Runs the program's code. Natively a panic in it ends there, reported by the panic hook, and harms no other listener.
pub(super) fn guarded(run: impl FnOnce()) {
    #[cfg(not(target_arch = "wasm32"))]
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)));
    #[cfg(target_arch = "wasm32")]
    run();
}
