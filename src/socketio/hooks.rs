//! Leptos bindings: a socket, its status and its events, gone with the component that asked for them.
//!
//! ```no_run
//! use leptos::prelude::*;
//! use pesan::socketio::Options;
//! use pesan::socketio::hooks::{use_batch, use_socket};
//!
//! #[component]
//! fn Chat() -> impl IntoView {
//!     let socket = use_socket("http://localhost:5000", Options::new()).expect("an address");
//!     let lines = RwSignal::new(Vec::<String>::new());
//!     use_batch(socket, "pesan", move |texts: Vec<String>| lines.update(|lines| lines.extend(texts)));
//!     view! {
//!         <button on:click=move |_| drop(socket.emit("pesan", "halo"))>"Kirim"</button>
//!         <p>{move || if socket.status.get().is_connected() { "connected" } else { "not connected" }}</p>
//!         <ul>{move || lines.get().into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ul>
//!     }
//! }
//! ```
//!
//! Everything here compiles on the host too, where it opens nothing unless the feature `native` is on.

mod gather;

use std::time::Duration;

use leptos::leptos_dom::helpers::IntervalHandle;
use leptos::prelude::*;

use super::client::{EmitState, Emitted};
use super::packet::EventName;
use super::{
    Answered, Event, FromArg, Handler, IntoArgs, Listening, MaybeSend, Message, OpenError, Options,
    SendError, Socket, Status,
};
pub use gather::Gather;

/// Socket of a component: copy it into closures as you like.
#[derive(Clone, Copy)]
pub struct UseSocket {
    /// How it stands.
    pub status: Signal<Status>,
    /// Whole seconds until the next attempt begins; `None` when none is planned.
    pub retry_in: Signal<Option<u32>>,
    owned: StoredValue<Owned, LocalStorage>,
}

/// What goes with the component, in this order.
struct Owned {
    _listening: Listening,
    socket: Socket,
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.socket.disconnect();
    }
}

/// Interval that ends when it is dropped. The listener has it: a signal would be gone before the socket is.
struct Countdown(IntervalHandle);

impl Drop for Countdown {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// Opens a socket for as long as the component lives; then it disconnects.
///
/// # Errors
/// When the URL is no address of a server.
pub fn use_socket(url: &str, options: Options) -> Result<UseSocket, OpenError> {
    let socket = Socket::open(url, options)?;
    let status = RwSignal::new(socket.status());
    let retry_in = RwSignal::new(None);
    let mut countdown = None;
    let watched = socket.clone();
    let listening = socket.on_status(move |now| {
        status.try_set(now.clone());
        drop(countdown.take());
        retry_in.try_set(seconds(now));
        if seconds(now).is_some() {
            let socket = watched.clone();
            let tick = move || {
                retry_in.try_set(seconds(&socket.status()));
            };
            countdown = set_interval_with_handle(tick, Duration::from_millis(500))
                .ok()
                .map(Countdown);
        }
    });
    let owned = StoredValue::new_local(Owned {
        _listening: listening,
        socket,
    });
    Ok(UseSocket {
        status: status.into(),
        retry_in: retry_in.into(),
        owned,
    })
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
    /// Socket itself, for all that is not below. Keep it no longer than the component lives.
    ///
    /// # Panics
    /// When the component is gone; inside of it that cannot be.
    #[must_use]
    pub fn socket(&self) -> Socket {
        self.owned.with_value(|owned| owned.socket.clone())
    }

    /// Emits an event; see [`Socket::emit`].
    ///
    /// # Errors
    /// See [`Socket::emit`].
    pub fn emit(&self, name: impl Into<EventName>, args: impl IntoArgs) -> Result<Emitted, SendError> {
        self.socket().emit(name, args)
    }

    /// Emits a typed event; see [`Socket::emit_event`].
    ///
    /// # Errors
    /// See [`Socket::emit`].
    pub fn emit_event<E: Event>(&self, event: &E) -> Result<Emitted, SendError> {
        self.socket().emit_event(event)
    }

    /// Emits a typed event and gives a future of its answer; see [`Socket::request`].
    pub fn request<E: Event>(&self, event: &E) -> Answered<E::Ack> {
        self.socket().request(event)
    }

    /// Connects after a disconnect or a refusal.
    pub fn connect(&self) {
        self.socket().connect();
    }

    /// Disconnects.
    pub fn disconnect(&self) {
        self.socket().disconnect();
    }

    /// Ends the pause before the next attempt.
    pub fn reconnect_now(&self) {
        self.socket().reconnect_now();
    }
}

/// Listens to an event for as long as the component lives; see [`Socket::on`].
pub fn use_event<P: 'static>(socket: UseSocket, name: impl AsRef<str>, listener: impl Handler<P>) {
    keep(socket.socket().on(name, listener));
}

/// Listens to events of a type for as long as the component lives; see [`Socket::on_event`].
pub fn use_typed<E: Event + 'static>(socket: UseSocket, mut listener: impl FnMut(E) + MaybeSend + 'static) {
    keep(socket.socket().on(E::NAME, move |event: E| listener(event)));
}

/// Hands over what arrived between two animation frames at once: the first argument of each event of this name, read
/// as `T`. The order is kept; one update of a signal then costs one rendering, however much arrives. In a hidden tab,
/// which has no frames, it comes every quarter of a second at the latest, or as often as the browser lets timers run.
///
/// `T` may be [`Message`] for the event as a whole.
pub fn use_batch<T: FromArg + MaybeSend + 'static>(
    socket: UseSocket,
    name: impl AsRef<str>,
    listener: impl FnMut(Vec<T>) + MaybeSend + 'static,
) {
    let gather = Gather::new(listener);
    keep(socket.socket().on(name, move |thing: T| gather.push(thing)));
}

/// As [`use_batch`], with the events of every name together, in the order of the wire.
pub fn use_any_batch(socket: UseSocket, listener: impl FnMut(Vec<Message>) + MaybeSend + 'static) {
    let gather = Gather::new(listener);
    keep(socket.socket().on_any(move |message| gather.push(message)));
}

/// How far an emitted event has come, for as long as the component lives.
#[must_use]
pub fn use_emit_state(socket: UseSocket, emitted: &Emitted) -> Signal<EmitState> {
    let (id, state) = (emitted.id, RwSignal::new(emitted.state.clone()));
    keep(socket.socket().on_emit_change(move |change| {
        if change.id == id {
            state.try_set(change.state.clone());
        }
    }));
    state.into()
}

/// Leaves a listener to the component, which drops it when it goes.
fn keep(listening: Listening) {
    StoredValue::new_local(listening);
}
