//! Delivers notifications to the program: one at a time, in order, and without holding a lock.

use super::driver::{AckCallback, Driver, State};
use super::events::{EmitChange, FrameEvent, Lifecycle, Notification};
use super::listeners::{
    Listener, ListenerEvent, ListenerFuture, ListenerId, ListenerKind, Matched, catch_panic, catch_panic_in,
};
use super::message::{AckSender, AckTransmitter, Message};
use super::options::AuthProvider;
use crate::socketio::codec::Value;
use crate::socketio::codec::packet::EventName;
use crate::socketio::proto::{AckResult, AckToken, AuthRequest, Event};
use crate::socketio::sync::{Shared, Weak};

/// Notification with its receivers.
pub(super) enum Delivery {
    Listeners(Matched, ListenerEvent),
    Ack(AckCallback, AckResult),
    Auth(AuthProvider, AuthRequest),
}

impl State {
    /// Finds the receivers of a notification, under the lock; `None` if there are none.
    pub(super) fn resolve_listeners(
        &mut self,
        notification: Notification,
        driver: &Weak<Driver>,
    ) -> Option<Delivery> {
        let event = match notification {
            Notification::Event(event) => event,
            Notification::Status { namespace, status } => {
                return self.to(&namespace, ListenerKind::Status, ListenerEvent::Status(status));
            }
            Notification::Lifecycle { namespace, lifecycle } => {
                return self.lifecycle(Some(&namespace), lifecycle);
            }
        };
        // The namespace that the event concerns; `None` for all.
        let (namespace, step) = match event {
            Event::Message {
                namespace,
                name,
                args,
                ack,
            } => {
                let mut matched = Vec::new();
                self.listeners
                    .collect(&mut matched, &namespace, ListenerKind::Any, "");
                self.listeners
                    .collect(&mut matched, &namespace, ListenerKind::Named, name.as_str());
                return Some(Delivery::Listeners(matched, message(name, args, ack, driver)));
            }
            Event::Outgoing {
                namespace,
                name,
                args,
            } => {
                let message = message(name, args, None, driver);
                return self.to(&namespace, ListenerKind::AnyOutgoing, message);
            }
            Event::Ack { id, result, .. } => {
                let callback = self.ack_callbacks.take(id.get())?;
                return Some(Delivery::Ack(callback, result));
            }
            Event::EmitState { namespace, id, state } => {
                return self.to(
                    &namespace,
                    ListenerKind::Emits,
                    ListenerEvent::Emit(EmitChange { id, state }),
                );
            }
            Event::Frame { direction, frame } => {
                return self.to(
                    "",
                    ListenerKind::Frames,
                    ListenerEvent::Frame(FrameEvent { direction, frame }),
                );
            }
            Event::AuthNeeded(request) => {
                let known = self.namespace(request.namespace());
                let own = known.and_then(|known| known.auth_provider.as_ref());
                let auth_provider = own.or(self.auth_provider.as_ref())?.clone();
                return Some(Delivery::Auth(auth_provider, request));
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

    fn to(&mut self, namespace: &str, kind: ListenerKind, event: ListenerEvent) -> Option<Delivery> {
        let mut matched = Vec::new();
        self.listeners.collect(&mut matched, namespace, kind, "");
        Some(Delivery::Listeners(matched, event))
    }

    /// Delivery of a lifecycle event to one namespace, or to all.
    fn lifecycle(&mut self, namespace: Option<&str>, step: Lifecycle) -> Option<Delivery> {
        let mut matched = Vec::new();
        for known in &self.namespaces {
            let name = &*known.name;
            if namespace.is_some_and(|one| one != name) {
                continue;
            }
            self.listeners
                .collect(&mut matched, name, ListenerKind::Lifecycle, "");
            if let Some(official) = step.name() {
                self.listeners
                    .collect(&mut matched, name, ListenerKind::Named, official);
            }
        }
        Some(Delivery::Listeners(matched, ListenerEvent::Lifecycle(step)))
    }
}

fn message(name: EventName, args: Vec<Value>, ack: Option<AckToken>, driver: &Weak<Driver>) -> ListenerEvent {
    ListenerEvent::Message(Message {
        name: name.into_string(),
        args,
        ack: ack.map(|token| AckSender::new(driver.clone() as Weak<dyn AckTransmitter>, token)),
    })
}

impl Delivery {
    /// Calls the program, without a lock. A panic of one listener does not affect the others. Other panics of the
    /// program, and of `Drop` for values captured by its closures, reach the caller.
    pub(super) fn deliver(self, driver: &Driver) {
        match self {
            Self::Listeners(matched, mut event) => {
                let mut left = matched.len();
                for listener in &matched {
                    left -= 1;
                    catch_panic(|| call_listener(listener, &mut event, left == 0, driver));
                }
            }
            Self::Ack(callback, result) => callback(result),
            Self::Auth(auth_provider, request) => driver.request_auth(&auth_provider, request),
        }
    }
}

/// Calls one listener. The last one gets the message itself, the others a copy. Lifecycle events with an official name
/// reach the listeners of that name as messages.
fn call_listener(listener: &Listener, event: &mut ListenerEvent, last: bool, driver: &Driver) {
    let (mut copy, is_error) = match (&*event, listener.kind) {
        (ListenerEvent::Lifecycle(step), ListenerKind::Named) => {
            let name = step.name().unwrap_or_default();
            let message = Message {
                name: name.to_owned(),
                args: step.args(),
                ack: None,
            };
            (Some(message), name == "error")
        }
        (ListenerEvent::Message(message), _) if !last => (Some(message.clone()), false),
        _ => (None, false),
    };
    let result = match copy.take().map(ListenerEvent::Message) {
        Some(mut copy) => listener.call(&mut copy),
        None => listener.call(event),
    };
    match result {
        Ok(None) => {}
        Ok(Some(future)) => driver.run_listener(listener, future, is_error),
        Err(error) => driver.report_urgent(&listener.namespace, error, is_error),
    }
}

impl Driver {
    /// Runs the future of an async listener after those of its earlier events.
    fn run_listener(&self, listener: &Listener, future: ListenerFuture, is_error: bool) {
        let id = listener.id;
        if !self.with_state(|state, _| state.async_calls.push(id, future)) {
            return;
        }
        let (driver, namespace) = (self.downgrade(), Shared::clone(&listener.namespace));
        let task = self.platform.spawn(Box::pin(async move {
            while let Some(future) = next_call(&driver, id) {
                if let Err(error) = catch_panic_in(future).await.unwrap_or(Ok(()))
                    && let Some(driver) = driver.upgrade()
                    && !is_error
                {
                    driver.report_later(&namespace, error);
                }
            }
        }));
        self.with_state(|state, _| state.async_calls.keep_task(id, task));
    }

    /// Calls the provider in a separate task: another connection that shares it may be calling it now.
    ///
    /// The connection gets the result, unless it is dropped or requests the `auth` again before.
    fn request_auth(&self, provider: &AuthProvider, request: AuthRequest) {
        let name = request.namespace().to_owned();
        let provide = self.auth_callback(request);
        let provider = provider.clone();
        let task = async move {
            let auth = provider.call();
            provide(auth.await);
        };
        let mut task = Some(self.platform.spawn(Box::pin(task)));
        // A replaced task, or one for an unknown namespace, is dropped without the lock.
        self.with_state(|state, _| {
            if let Some(known) = state.namespaces.iter_mut().find(|known| *known.name == name) {
                std::mem::swap(&mut known.auth_task, &mut task);
            }
        });
        drop(task);
    }
}

/// Next call of an async listener.
fn next_call(driver: &Weak<Driver>, id: ListenerId) -> Option<ListenerFuture> {
    let next = driver
        .upgrade()?
        .with_state(|state, _| state.async_calls.next(id));
    // The queue of a listener without further calls is dropped here, without the lock.
    next.ok()
}
