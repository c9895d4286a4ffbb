//! Leptos hooks: a socket, its status and its events, for as long as a component lives.
//!
//! ```no_run
//! use leptos::prelude::*;
//! use pesan::socketio::Options;
//! use pesan::socketio::leptos::{use_batch, use_socket};
//!
//! #[component]
//! fn Chat() -> impl IntoView {
//!     let socket = use_socket("http://localhost:5000", Options::new());
//!     let lines = RwSignal::new(Vec::<String>::new());
//!     use_batch(socket, "pesan", move |texts: Vec<String>| lines.write().extend(texts));
//!     view! {
//!         <button on:click=move |_| drop(socket.emit("pesan", "halo"))>"Kirim"</button>
//!         <p>{move || if socket.status.read().is_connected() { "connected" } else { "not connected" }}</p>
//!         <ul>{move || lines.get().into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ul>
//!     }
//! }
//! ```
//!
//! The socket is opened by an effect, so nothing is opened where effects do not run: under `ssr` a component renders
//! with its first status, and its listeners are dropped. Listeners that are added in the same rendering as the socket
//! are there before it connects and miss nothing. Nothing here panics when the component is gone: [`UseSocket::emit`]
//! and [`UseSocket::request`] give [`SendError::NotOpen`], everything else does nothing.

mod frame_batcher;

use std::mem;

use leptos::prelude::*;
use send_wrapper::SendWrapper;
use serde::Serialize;

pub use self::frame_batcher::FrameBatcher;
use super::codec::packet::EventName;
use super::proto::{EmitState, Emitted};
use super::{
    AckError, AckFuture, Event, EventContext, EventHandler, FromArg, Handler, Lifecycle, ListenerId, Manager,
    MaybeSend, Message, OpenError, Options, SendError, Socket, Status, Subscription, Value,
};

/// Socket of a component; copy it into closures as you like.
#[derive(Clone, Copy)]
pub struct UseSocket {
    /// Status of the socket. `Connecting` until it is opened, unless [`Options::auto_connect`] is off.
    pub status: Signal<Status>,
    /// Whole seconds until the next attempt begins; `None` when none is planned.
    pub retry_in: Signal<Option<u32>>,
    /// Why the socket could not be opened, such as an invalid URL.
    pub error: Signal<Option<OpenError>>,
    state: StoredValue<State>,
}

/// State of the socket between the rendering of the component and its removal.
enum State {
    /// The effect has not run yet: what to do once the socket is open.
    Unopened { connect: bool, auth: Option<Value> },
    /// Open until the component is removed.
    Open(SendWrapper<OwnedSocket>),
    /// Never opened because of an error, or the component was removed.
    Gone,
}

/// Socket that disconnects when it is dropped, and the listener behind its signals.
struct OwnedSocket {
    socket: Socket,
    _status: Subscription,
}

impl Drop for OwnedSocket {
    fn drop(&mut self) {
        self.socket.disconnect();
    }
}

/// Opens a socket for as long as the component lives.
///
/// A URL that cannot be used is reported by [`UseSocket::error`], with a status of `Disconnected`.
pub fn use_socket(url: impl Into<String>, options: Options) -> UseSocket {
    let connect = options.auto_connect;
    let status = RwSignal::new(if connect {
        Status::Connecting
    } else {
        Status::default()
    });
    let retry_in = RwSignal::new(None);
    let error = RwSignal::new(None);
    let state = StoredValue::new(State::Unopened { connect, auth: None });

    let mut to_open = Some((url.into(), options));
    Effect::new(move |_| {
        let Some((url, options)) = to_open.take() else {
            return;
        };
        match Manager::open(&url, options) {
            Ok(client) => open(&client.unconnected_home(), state, status, retry_in),
            Err(reason) => {
                state.set_value(State::Gone);
                status.set(Status::default());
                error.set(Some(reason));
            }
        }
    });
    on_cleanup(move || {
        let removed = state.try_update_value(|state| mem::replace(state, State::Gone));
        drop(removed);
    });
    UseSocket {
        status: status.into(),
        retry_in: retry_in.into(),
        error: error.into(),
        state,
    }
}

fn open(
    socket: &Socket,
    state: StoredValue<State>,
    status: RwSignal<Status>,
    retry_in: RwSignal<Option<u32>>,
) {
    let subscription = socket.scope(socket.on_status(follow_status(socket, status, retry_in)));
    let owned = State::Open(SendWrapper::new(OwnedSocket {
        socket: socket.clone(),
        _status: subscription,
    }));
    let before = state.try_update_value(|state| mem::replace(state, owned));
    let Some(State::Unopened { connect, auth }) = before else {
        return;
    };
    if let Some(auth) = auth {
        socket.set_auth(auth);
    }
    if !connect {
        status.set(socket.status());
        return;
    }
    // One task later: the effects that add the listeners of this rendering are queued before it.
    let socket = socket.clone();
    leptos::task::spawn_local_scoped_with_cancellation(async move { socket.connect() });
}

/// Listener that copies the status into the signals, and counts the seconds of a pause.
fn follow_status(
    socket: &Socket,
    status: RwSignal<Status>,
    retry_in: RwSignal<Option<u32>>,
) -> impl FnMut(&Status) + MaybeSend + 'static {
    // The listener owns the interval, since a signal is disposed of before the socket is closed.
    #[cfg(target_arch = "wasm32")]
    let mut countdown = None;
    #[cfg(target_arch = "wasm32")]
    let watched = socket.clone();
    #[cfg(not(target_arch = "wasm32"))]
    let _ = socket;
    move |now: &Status| {
        status.try_set(now.clone());
        retry_in.try_set(seconds(now));
        #[cfg(target_arch = "wasm32")]
        {
            let socket = watched.clone();
            let next = seconds(now).map(|_| {
                gloo_timers::callback::Interval::new(500, move || {
                    retry_in.try_set(seconds(&socket.status()));
                })
            });
            drop(mem::replace(&mut countdown, next));
        }
    }
}

/// Seconds of a pause, begun ones counted whole.
fn seconds(status: &Status) -> Option<u32> {
    match status {
        Status::Reconnecting {
            retry_in: Some(pause),
            ..
        } => u32::try_from(pause.as_millis().div_ceil(1000)).ok(),
        _ => None,
    }
}

impl UseSocket {
    /// Socket itself, for everything that has no method here; `None` before it is opened and after the component.
    ///
    /// Keep a clone no longer than the component lives.
    #[must_use]
    pub fn socket(&self) -> Option<Socket> {
        let open = |state: &State| match state {
            State::Open(owned) => Some(owned.socket.clone()),
            State::Unopened { .. } | State::Gone => None,
        };
        self.state.try_with_value(open).flatten()
    }

    fn try_socket(&self) -> Result<Socket, SendError> {
        self.socket().ok_or(SendError::NotOpen)
    }

    /// Emits an event; see [`Socket::emit`].
    ///
    /// # Errors
    /// See [`Socket::emit`]; [`SendError::NotOpen`] before the socket is opened and after the component is removed.
    pub fn emit(&self, name: impl Into<EventName>, args: impl Serialize) -> Result<Emitted, SendError> {
        self.try_socket()?.emit(name, args)
    }

    /// Emits a typed event; see [`Socket::emit_event`].
    ///
    /// # Errors
    /// See [`emit`](Self::emit).
    pub fn emit_event<E: Event>(&self, event: &E) -> Result<Emitted, SendError> {
        self.try_socket()?.emit_event(event)
    }

    /// Emits a typed event and gives a future of its answer; see [`Socket::request`].
    ///
    /// The future fails with [`SendError::NotOpen`] before the socket is opened and after the component is removed.
    pub fn request<E: Event>(&self, event: &E) -> AckFuture<E::Ack> {
        match self.try_socket() {
            Ok(socket) => socket.request(event),
            Err(error) => AckFuture::refused(AckError::Send(error)),
        }
    }

    /// Connects after a disconnect or a refusal, or for the first time where [`Options::auto_connect`] is off.
    pub fn connect(&self) {
        match self.socket() {
            Some(socket) => socket.connect(),
            None => self.set_connect(true),
        }
    }

    /// Disconnects.
    pub fn disconnect(&self) {
        match self.socket() {
            Some(socket) => socket.disconnect(),
            None => self.set_connect(false),
        }
    }

    /// Changes what the socket does once it is open.
    fn set_connect(&self, wanted: bool) {
        self.state.try_update_value(|state| {
            if let State::Unopened { connect, .. } = state {
                *connect = wanted;
            }
        });
    }

    /// Ends the pause before the next attempt.
    pub fn reconnect_now(&self) {
        if let Some(socket) = self.socket() {
            socket.reconnect_now();
        }
    }

    /// Sets the credentials of the next CONNECT.
    pub fn set_auth(&self, auth: Value) {
        match self.socket() {
            Some(socket) => socket.set_auth(auth),
            None => {
                self.state.try_update_value(|state| {
                    if let State::Unopened { auth: later, .. } = state {
                        *later = Some(auth);
                    }
                });
            }
        }
    }
}

/// Listens to an event for as long as the component lives; see [`Socket::on`].
pub fn use_event<M: 'static>(socket: UseSocket, name: impl Into<String>, listener: impl Handler<M>) {
    let name = name.into();
    subscribe(socket, move |socket| socket.on(name, listener));
}

/// Listens to events of a type for as long as the component lives; see [`Socket::on_event`].
pub fn use_event_typed<E: Event, M: 'static>(socket: UseSocket, listener: impl EventHandler<E, M>) {
    subscribe(socket, move |socket| socket.on_event(listener));
}

/// Listens to every event of the server for as long as the component lives; see [`Socket::on_any`].
pub fn use_any(socket: UseSocket, listener: impl FnMut(Message) + MaybeSend + 'static) {
    subscribe(socket, move |socket| socket.on_any(listener));
}

/// Listens to each step of the socket's life for as long as the component lives; see [`Socket::on_lifecycle`].
///
/// ```no_run
/// use pesan::socketio::leptos::{FrameBatcher, UseSocket, use_any, use_lifecycle, use_status};
/// use pesan::socketio::{Lifecycle, Message, Status};
///
/// enum Update {
///     Event(Message),
///     Lifecycle(Lifecycle),
///     Status(Status),
/// }
///
/// /// Everything that happens to a socket in one ordered stream, once a frame.
/// fn use_updates(socket: UseSocket, apply: impl FnMut(Vec<Update>) + Send + 'static) {
///     let batcher = FrameBatcher::new(apply);
///     let (lifecycle, status) = (batcher.clone(), batcher.clone());
///     use_any(socket, move |message| batcher.push(Update::Event(message)));
///     use_lifecycle(socket, move |step| lifecycle.push(Update::Lifecycle(step.clone())));
///     use_status(socket, move |now| status.push(Update::Status(now.clone())));
/// }
/// ```
pub fn use_lifecycle(socket: UseSocket, listener: impl FnMut(&Lifecycle) + MaybeSend + 'static) {
    subscribe(socket, move |socket| socket.on_lifecycle(listener));
}

/// Listens to changes of the status for as long as the component lives; see [`Socket::on_status`].
///
/// [`UseSocket::status`] has the status itself; this is for what has to be in order with events.
pub fn use_status(socket: UseSocket, listener: impl FnMut(&Status) + MaybeSend + 'static) {
    subscribe(socket, move |socket| socket.on_status(listener));
}

/// Collects an event between two animation frames: the first argument of each, read as `T`, in order.
///
/// One update of a signal then costs one rendering, however much arrives; see [`FrameBatcher`].
pub fn use_batch<T: FromArg<EventContext> + MaybeSend + 'static>(
    socket: UseSocket,
    name: impl Into<String>,
    listener: impl FnMut(Vec<T>) + MaybeSend + 'static,
) {
    let batcher = FrameBatcher::new(listener);
    use_event(socket, name, move |item: T| batcher.push(item));
}

/// Collects the events of every name between two animation frames, in order; see [`FrameBatcher`].
pub fn use_any_batch(socket: UseSocket, listener: impl FnMut(Vec<Message>) + MaybeSend + 'static) {
    let batcher = FrameBatcher::new(listener);
    use_any(socket, move |message| batcher.push(message));
}

/// State of an emitted event, for as long as the component lives.
#[must_use]
pub fn use_emit_state(socket: UseSocket, emitted: &Emitted) -> Signal<EmitState> {
    let (id, state) = (emitted.id, RwSignal::new(emitted.state.clone()));
    subscribe(socket, move |socket| {
        socket.on_emit_change(move |change| {
            if change.id == id {
                state.try_set(change.state.clone());
            }
        })
    });
    state.into()
}

/// Adds a listener when the socket is open, and removes it with the component.
fn subscribe(socket: UseSocket, listen: impl FnOnce(&Socket) -> ListenerId + 'static) {
    if let Some(open) = socket.socket() {
        return store_subscription(open.scope(listen(&open)));
    }
    // The effect of `use_socket` was created before this one, so it has run before it.
    let mut listen = Some(listen);
    Effect::new(move |_| {
        if let Some(open) = socket.socket()
            && let Some(listen) = listen.take()
        {
            store_subscription(open.scope(listen(&open)));
        }
    });
}

/// Leaves a listener to the current owner.
fn store_subscription(subscription: Subscription) {
    let subscription = SendWrapper::new(subscription);
    on_cleanup(move || drop(subscription));
}
