//! Drives one connection: its state machine, transports, timer, and the events for the program.
//!
//! Each entry has the same five steps: take the lock and the time, pass the input to [`Connection`], process its outputs,
//! set the timer, and after the lock is released dispatch events to the program. Events are dispatched one at a time and
//! in order; what a listener causes is queued behind them.

#[cfg(all(test, feature = "native", not(target_arch = "wasm32")))]
mod tests;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use super::error::{FlushError, ListenerError, SendError};
use super::events::{Lifecycle, Notification};
use super::listeners::{AsyncCalls, Listeners, catch_panic};
use super::message::AckTransmitter;
use super::options::{AuthProvider, Options, Settings};
use super::status::Namespace;
use crate::socketio::codec::Value;
use crate::socketio::proto::{
    AckResult, AckToken, AuthRequest, CloseInfo, Connection, DeadlineQueue, Emit, EmitId, Emitted, Event,
    Failure, Output, Timestamp, TransportId,
};
use crate::socketio::sync::{BoxFuture, Callback, Guard, Lock, Name, Shared, Weak};
use crate::socketio::transport::{
    Clock, NetworkEvent, NetworkMonitor, Platform, Timer, Transport, TransportConfig, TransportEvent,
    TransportEventSink, TransportHandler,
};

/// Receives the result of an ack. Runs code of the program: call it without holding a lock.
pub(super) type AckCallback = Callback<AckResult>;

/// Events waiting for the program above which transports stop reading.
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
const MAX_PENDING_NOTIFICATIONS: usize = 1024;

/// Whether several threads may use a connection.
const THREADS: bool = cfg!(all(feature = "native", not(target_arch = "wasm32")));

/// Connection with everything that it runs on; closed when the last handle is dropped.
pub(super) struct Driver {
    state: Lock<State>,
    pub(super) platform: Platform,
    pub(super) settings: Settings,
    transport_config: Shared<TransportConfig>,
    /// Namespace in the URL with which it was opened.
    pub(super) home: Name,
    _network_monitor: NetworkMonitor,
    weak_self: Weak<Self>,
}

/// State protected by the lock.
pub(super) struct State {
    pub(super) connection: Connection,
    /// In order of first use.
    pub(super) namespaces: Vec<Namespace>,
    pub(super) listeners: Listeners,
    pub(super) async_calls: AsyncCalls,
    pub(super) auth_provider: Option<AuthProvider>,
    /// By emit id.
    pub(super) ack_callbacks: DeadlineQueue<AckCallback>,
    /// Whether the status of a socket may have changed since it was last reported.
    pub(super) status_dirty: bool,
    /// Whether there are status listeners.
    pub(super) status_observed: bool,
    clock: Clock,
    transports: Vec<(TransportId, Transport)>,
    /// Closed transports, to be dropped without the lock.
    closed_transports: Vec<Transport>,
    timer: Timer,
    /// When the timer is due; earlier than necessary is harmless.
    timer_due: Option<Timestamp>,
    /// Woken after each change, see [`Driver::flushed`].
    flush_waiters: Vec<Waker>,
    pub(super) pending_notifications: VecDeque<Notification>,
    /// Delivered before the pending ones, the latest first.
    urgent_notifications: Vec<Notification>,
    dispatching: bool,
}

impl Driver {
    pub(super) fn new(platform: Platform, options: Options, home: &Name) -> Shared<Self> {
        let (config, transport_config, settings, auth_provider) = options.split();
        Shared::new_cyclic(|weak_self: &Weak<Self>| {
            let connection = Connection::new(config, platform.seed());
            let wake = weak_self.clone();
            let timer = platform.timer(move || {
                if let Some(driver) = wake.upgrade() {
                    driver.on_platform_event(|state, now| {
                        state.timer_due = None;
                        state.connection.handle_timeout(now);
                    });
                }
            });
            let woken = weak_self.clone();
            let network_monitor = platform.network_monitor(move |event| {
                if let Some(driver) = woken.upgrade() {
                    driver.wake(event);
                }
            });
            Self {
                _network_monitor: network_monitor,
                state: Lock::new(State {
                    connection,
                    namespaces: Vec::new(),
                    listeners: Listeners::default(),
                    async_calls: AsyncCalls::default(),
                    auth_provider,
                    ack_callbacks: DeadlineQueue::default(),
                    status_dirty: false,
                    status_observed: false,
                    clock: Clock::start(),
                    transports: Vec::new(),
                    closed_transports: Vec::new(),
                    timer,
                    timer_due: None,
                    flush_waiters: Vec::new(),
                    pending_notifications: VecDeque::new(),
                    urgent_notifications: Vec::new(),
                    dispatching: false,
                }),
                platform,
                settings,
                transport_config: Shared::new(transport_config),
                home: Shared::clone(home),
                weak_self: weak_self.clone(),
            }
        })
    }

    fn wake(&self, event: NetworkEvent) {
        self.on_platform_event(|state, now| {
            state.status_dirty = true;
            match event {
                NetworkEvent::Online => state.connection.network_online(now),
                NetworkEvent::Offline => state.connection.network_offline(now),
                NetworkEvent::Visible => state.connection.became_visible(now),
            }
        });
    }

    pub(super) fn downgrade(&self) -> Weak<Self> {
        self.weak_self.clone()
    }

    /// Enters from a callback of the platform, which is never nested. In a browser it also resumes a dispatch that was
    /// interrupted by a JavaScript exception in a listener.
    pub(super) fn on_platform_event<R>(&self, change: impl FnOnce(&mut State, Timestamp) -> R) -> R {
        let (mut state, now) = self.lock();
        if cfg!(target_arch = "wasm32") {
            state.dispatching = false;
        }
        let result = change(&mut state, now);
        let (state, limit) = self.finish(state, now);
        self.dispatch(state, limit);
        result
    }

    /// Changes the state, processes the outputs, and dispatches the resulting events. Events caused by others are left to
    /// them: the caller may hold a lock that a listener needs.
    pub(super) fn with_state_mut<R>(&self, change: impl FnOnce(&mut State, Timestamp) -> R) -> R {
        let (mut state, now) = self.lock();
        let others = state.dispatching || !state.pending_notifications.is_empty();
        let result = change(&mut state, now);
        let (state, limit) = self.finish(state, now);
        if !others {
            self.dispatch(state, limit);
        }
        result
    }

    /// Accesses the state without processing outputs or dispatching events.
    pub(super) fn with_state<R>(&self, access: impl FnOnce(&mut State, Timestamp) -> R) -> R {
        let (mut state, now) = self.lock();
        access(&mut state, now)
    }

    fn lock(&self) -> (Guard<'_, State>, Timestamp) {
        let mut state = self.state.lock();
        let now = state.clock.now();
        (state, now)
    }

    /// Processes the outputs; returns how many notifications the caller may dispatch. With threads that is limited, so
    /// that a flood of events does not block the timer or a caller of `emit`.
    fn finish<'l>(&'l self, mut state: Guard<'l, State>, now: Timestamp) -> (Guard<'l, State>, usize) {
        self.process_outputs(&mut state, now);
        let limit = if THREADS {
            state.pending_notifications.len()
        } else {
            usize::MAX
        };
        let closed_transports = std::mem::take(&mut state.closed_transports);
        let flush_waiters = std::mem::take(&mut state.flush_waiters);
        if !closed_transports.is_empty() || !flush_waiters.is_empty() {
            drop(state);
            drop(closed_transports);
            for waiter in flush_waiters {
                waiter.wake();
            }
            state = self.state.lock();
        }
        (state, limit)
    }

    /// Processes all outputs of the connection and sets the timer.
    fn process_outputs(&self, state: &mut State, now: Timestamp) {
        while let Some(output) = state.connection.poll_output() {
            match output {
                Output::Open { id, kind, url } => {
                    let events = TransportEventSink::new(self.downgrade() as Weak<dyn TransportHandler>, id);
                    match self.platform.open(kind, &url, &self.transport_config, events) {
                        Ok(transport) => state.transports.push((id, transport)),
                        Err(info) => state.connection.handle_closed(now, id, info),
                    }
                }
                Output::Send { id, frame } => {
                    if let Some(transport) = state.transport(id)
                        && let Err(info) = transport.send(frame)
                    {
                        state.closed(now, id, info);
                    }
                }
                Output::Pause { id } => {
                    if let Some(transport) = state.transport(id) {
                        transport.pause();
                    }
                }
                Output::Close { id } => state.close_transport(id),
                Output::Event(event) => state.on_event(event),
            }
        }
        if std::mem::take(&mut state.status_dirty) && state.status_observed {
            state.notify_status(now);
        }
        for (id, transport) in &state.transports {
            transport.flush(&mut state.connection, *id);
        }
        if let Some(due) = state.connection.poll_timeout()
            && state.timer_due.is_none_or(|armed| due < armed)
        {
            state.timer_due = Some(due);
            state.timer.set(due.millis_since(now));
        }
    }

    /// Dispatches at most `limit` notifications, unless another call is dispatching already.
    fn dispatch<'l>(&'l self, state: Guard<'l, State>, limit: usize) {
        if !state.dispatching {
            let state = self.dispatch_up_to(state, limit);
            #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
            self.spawn_dispatcher(state);
            #[cfg(not(all(feature = "native", not(target_arch = "wasm32"))))]
            drop(state);
        }
    }

    fn dispatch_up_to<'l>(&'l self, mut state: Guard<'l, State>, mut limit: usize) -> Guard<'l, State> {
        while let Some(notification) = state.next_notification(&mut limit) {
            let Some(delivery) = state.resolve_listeners(notification, &self.weak_self) else {
                continue;
            };
            state.dispatching = true;
            drop(state);
            catch_panic(|| delivery.deliver(self));
            state = self.state.lock();
            state.dispatching = false;
        }
        state
    }

    /// Spawns a task that dispatches notifications which were added meanwhile. Between two rounds the task does not keep
    /// the connection alive, since a flood of events may never end.
    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    fn spawn_dispatcher(&self, state: Guard<'_, State>) {
        let has_more = !state.pending_notifications.is_empty();
        drop(state);
        let mut driver = self.weak_self.upgrade().filter(|_| has_more);
        if driver.is_none() {
            return;
        }
        let weak_self = self.weak_self.clone();
        self.platform.spawn_detached(async move {
            while let Some(current) = driver.take()
                && current.dispatch_pending()
            {
                drop(current);
                tokio::task::yield_now().await;
                driver = weak_self.upgrade();
            }
        });
    }

    /// Dispatches the pending notifications, unless another call does; returns whether more were added meanwhile.
    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    fn dispatch_pending(&self) -> bool {
        let state = self.state.lock();
        let limit = state.pending_notifications.len();
        !state.dispatching && !self.dispatch_up_to(state, limit).pending_notifications.is_empty()
    }

    /// Completes when nothing that was emitted in the namespace is queued or waits for its ack, and all is written.
    ///
    /// # Errors
    /// When something is queued and the namespace will not connect by itself.
    pub(super) async fn flushed(&self, namespace: &str) -> Result<(), FlushError> {
        poll_fn(|context| {
            self.with_state(|state, _| {
                let queued = state.connection.queue_len(namespace);
                if queued == 0 && state.connection.pending_acks(namespace) == 0 {
                    Poll::Ready(Ok(()))
                } else if !state.connection.is_active(namespace) {
                    Poll::Ready(Err(FlushError { queued }))
                } else {
                    state.flush_waiters.push(context.waker().clone());
                    Poll::Pending
                }
            })
        })
        .await?;
        for written in self.each_transport(Transport::written) {
            written.await;
        }
        Ok(())
    }

    /// Future of each open transport.
    pub(super) fn each_transport(&self, future: fn(&Transport) -> BoxFuture<()>) -> Vec<BoxFuture<()>> {
        self.with_state(|state, _| {
            state
                .transports
                .iter()
                .map(|(_, transport)| future(transport))
                .collect()
        })
    }

    /// Adds a namespace; returns whether it is new.
    pub(super) fn register_namespace(&self, namespace: &Name) -> bool {
        self.with_state(|state, _| {
            let before = state.namespaces.len();
            state.namespace_or_insert(namespace);
            state.namespaces.len() > before
        })
    }

    /// Emits an event; `callback` receives its ack.
    pub(super) fn emit(&self, emit: Emit, mut callback: Option<AckCallback>) -> Result<Emitted, SendError> {
        // If the event is refused the callback stays here, and is dropped without the lock.
        let sent = self.with_state_mut(|state, now| {
            let emitted = state.connection.emit(now, emit)?;
            if let Some(callback) = callback.take() {
                state.ack_callbacks.push(emitted.id.get(), None, callback);
            }
            Ok(emitted)
        });
        sent.map_err(SendError::Emit)
    }

    /// Stops waiting for an ack; the event is still sent.
    pub(super) fn cancel_ack(&self, id: EmitId) {
        let callback = self.with_state_mut(|state, _| {
            state.connection.cancel_ack(id);
            state.ack_callbacks.take(id.get())
        });
        drop(callback);
    }

    /// Callback for the `auth` of a CONNECT.
    pub(super) fn auth_callback(&self, request: AuthRequest) -> Callback<Result<Value, String>> {
        let driver = self.downgrade();
        Box::new(move |answer| {
            if let Some(driver) = driver.upgrade() {
                driver.on_platform_event(|state, now| {
                    state.connection.provide_auth(now, request, answer.map(Some));
                });
            }
        })
    }

    /// Reports `error` for a listener that did not handle an event. Only called during dispatch, which delivers it next.
    ///
    /// A listener to `error` that fails would trigger itself forever; its errors are not reported.
    pub(super) fn report_urgent(&self, namespace: &Name, error: ListenerError, is_error: bool) {
        if !is_error {
            let notification = listener_failed(namespace, error);
            self.state.lock().urgent_notifications.push(notification);
        }
    }

    /// Reports `error` for an async listener.
    pub(super) fn report_later(&self, namespace: &Name, error: ListenerError) {
        self.on_platform_event(|state, _| {
            state
                .pending_notifications
                .push_back(listener_failed(namespace, error));
        });
    }
}

fn listener_failed(namespace: &Name, error: ListenerError) -> Notification {
    Notification::Lifecycle {
        namespace: Shared::clone(namespace),
        lifecycle: Lifecycle::ListenerFailed(error),
    }
}

impl TransportHandler for Driver {
    fn on_transport_event(&self, id: TransportId, event: TransportEvent) {
        self.on_platform_event(|state, now| match event {
            TransportEvent::Opened => state.connection.handle_opened(now, id),
            TransportEvent::Frame(frame) => state.connection.handle_frame(now, id, frame),
            TransportEvent::Payload(body) => state.connection.handle_payload(now, id, &body),
            TransportEvent::Closed(info) => state.closed(now, id, info),
            TransportEvent::Paused => state.connection.handle_paused(now, id),
        });
    }

    fn request_url(&self, id: TransportId) -> Option<String> {
        self.with_state(|state, _| state.connection.request_url(id))
    }

    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    fn is_at_capacity(&self) -> bool {
        self.with_state(|state, _| {
            state.pending_notifications.len() + state.async_calls.waiting() > MAX_PENDING_NOTIFICATIONS
        })
    }
}

impl AckTransmitter for Driver {
    fn send_ack(&self, token: AckToken, args: Vec<Value>) -> Result<(), SendError> {
        self.with_state_mut(|state, now| state.connection.send_ack(now, token, args))
            .map_err(SendError::Ack)
    }
}

impl State {
    /// Starts reporting status changes.
    pub(super) fn observe_status(&mut self, now: Timestamp) {
        if !self.status_observed {
            self.status_observed = true;
            for known in &mut self.namespaces {
                known.status_change(&self.connection, now);
            }
        }
    }

    /// Queues the status changes of all sockets.
    pub(super) fn notify_status(&mut self, now: Timestamp) {
        for known in &mut self.namespaces {
            if let Some(status) = known.status_change(&self.connection, now) {
                let namespace = Shared::clone(&known.name);
                self.pending_notifications
                    .push_back(Notification::Status { namespace, status });
            }
        }
    }

    fn next_notification(&mut self, limit: &mut usize) -> Option<Notification> {
        if let Some(next) = self.urgent_notifications.pop() {
            return Some(next);
        }
        *limit = limit.checked_sub(1)?;
        self.pending_notifications.pop_front()
    }

    /// Queues an event for the program.
    fn on_event(&mut self, event: Event) {
        match &event {
            Event::Message { .. }
            | Event::Ack { .. }
            | Event::EmitState { .. }
            | Event::Outgoing { .. }
            | Event::Frame { .. } => {}
            Event::Connect { namespace, .. }
            | Event::ConnectError { namespace, .. }
            | Event::Disconnect { namespace, .. } => {
                self.status_dirty = true;
                if let Some(known) = self
                    .namespaces
                    .iter_mut()
                    .find(|known| *known.name == **namespace)
                {
                    known.record_end(&event);
                }
            }
            _ => self.status_dirty = true,
        }
        self.pending_notifications.push_back(Notification::Event(event));
    }

    fn transport(&self, id: TransportId) -> Option<&Transport> {
        self.transports
            .iter()
            .find(|(open, _)| *open == id)
            .map(|(_, transport)| transport)
    }

    /// Handles a transport that has ended by itself.
    fn closed(&mut self, now: Timestamp, id: TransportId, info: CloseInfo) {
        self.close_transport(id);
        self.connection.handle_closed(now, id, info);
    }

    /// Removes a transport.
    fn close_transport(&mut self, id: TransportId) {
        if let Some(index) = self.transports.iter().position(|(open, _)| *open == id) {
            let (_, transport) = self.transports.swap_remove(index);
            self.closed_transports.push(transport);
        }
    }

    pub(super) fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.iter().find(|known| *known.name == *name)
    }

    /// Namespace, which is created at its first use, and the connection.
    pub(super) fn namespace_or_insert(&mut self, name: &Name) -> (&mut Namespace, &mut Connection) {
        let index = self.namespaces.iter().position(|known| known.name == *name);
        let index = index.unwrap_or_else(|| {
            self.namespaces.push(Namespace::new(Shared::clone(name)));
            self.namespaces.len() - 1
        });
        (&mut self.namespaces[index], &mut self.connection)
    }
}

impl Drop for Driver {
    /// Closes the connection and fails the pending acks.
    ///
    /// A WebSocket is closed without a DISCONNECT, after all frames were written: the official server drops events that
    /// it has received but not dispatched when a DISCONNECT follows directly. A polling session must be ended explicitly.
    fn drop(&mut self) {
        let mut state = self.state.lock();
        let now = state.clock.now();
        if state.connection.is_polling() {
            let State {
                namespaces,
                connection,
                ..
            } = &mut *state;
            for known in namespaces {
                connection.disconnect(now, &known.name);
            }
        }
        self.process_outputs(&mut state, now);
        let closed_transports = std::mem::take(&mut state.closed_transports);
        let open = std::mem::take(&mut state.transports);
        let mut ack_callbacks = std::mem::take(&mut state.ack_callbacks);
        drop(state);
        drop((closed_transports, open));
        while let Some((_, callback)) = ack_callbacks.take_first() {
            catch_panic(|| callback(Err(Failure::Disconnected)));
        }
    }
}
