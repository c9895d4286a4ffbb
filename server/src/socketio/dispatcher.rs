//! Dispatcher of one socket: calls its handlers, one event after the other.
//!
//! Plain handlers run when the event arrives. The future of an async one is stored here and driven by the connection's
//! task; meanwhile the next events of the socket wait. No task is started for an event.

use std::any::Any;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use pesan::socketio::value::Value;

use super::backlog::size_of_value;
use super::disconnect_reason::DisconnectReason;
use super::error::says_disconnected;
use super::handles::{AckSender, ConnectCall, Socket};
use super::hooks::ErrorKind;
use super::listeners::{self, BoxFuture, HandlerError, IncomingEvent, MaybeFuture};
use crate::engineio::turn::{Turn, yield_to_others};

type Listener = listeners::Listener<Socket, AckSender>;
type PacketCall = listeners::PacketCall<Socket>;

/// Event for the listeners.
pub(super) struct QueuedEvent {
    pub(super) id: Option<u64>,
    pub(super) name: String,
    pub(super) args: Vec<Value>,
}

impl QueuedEvent {
    /// Event of the server itself, such as `disconnect`.
    fn local(name: &str, text: &str) -> Self {
        Self {
            id: None,
            name: name.to_owned(),
            args: vec![Value::from(text)],
        }
    }

    /// Approximate memory use.
    fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.args.iter().map(size_of_value).sum::<usize>()
    }
}

/// Consecutive events handled after the disconnection, before other tasks run.
const MAX_EVENTS: usize = 64;

/// The running handler of a socket, and the events that wait for it.
pub(super) struct Dispatcher {
    pub(super) socket: Socket,
    running: Option<BoxFuture<()>>,
    queue: VecDeque<Waiting>,
}

/// Waiting event, and its memory use.
struct Waiting {
    event: QueuedEvent,
    bytes: usize,
}

impl Dispatcher {
    /// Calls the handlers of a new socket.
    pub(super) fn new(socket: Socket) -> Self {
        let handlers = socket.namespace().handlers();
        let running = run_connect_handlers(&socket, &handlers, 0);
        Self {
            socket,
            running,
            queue: VecDeque::new(),
        }
    }

    /// Handles an event now, or after those that wait.
    pub(super) fn push(&mut self, event: QueuedEvent) {
        if self.running.is_some() || !self.queue.is_empty() {
            let bytes = event.size();
            self.socket.backlog().add(bytes);
            self.queue.push_back(Waiting { event, bytes });
        } else {
            self.running = handle(&self.socket, event);
        }
    }

    /// Calls the `error` listeners.
    pub(super) fn error(&mut self, text: &str) {
        self.push(QueuedEvent::local("error", text));
    }

    /// Drives the running handler, then the waiting events, until a handler is pending.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        if self.running.is_none() && self.queue.is_empty() {
            return;
        }
        let mut turn = Turn::begin();
        loop {
            if self.poll_running(cx).is_pending() {
                return;
            }
            let Some((event, _)) = self.next() else { return };
            self.running = handle(&self.socket, event);
            if turn.count() {
                return yield_to_others(cx);
            }
        }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(running) = &mut self.running else {
            return Poll::Ready(());
        };
        match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => self.running = None,
            Err(panic) => {
                self.running = None;
                panicked(&self.socket, None, panic.as_ref());
            }
        }
        Poll::Ready(())
    }

    /// Takes the next waiting event; also returns whether reading of the connection is paused.
    fn next(&mut self) -> Option<(QueuedEvent, bool)> {
        let Waiting { event, bytes } = self.queue.pop_front()?;
        Some((event, self.socket.backlog().remove(bytes)))
    }

    /// Handles the waiting events, then calls the `disconnecting` and `disconnect` listeners.
    ///
    /// Starts a task only if a handler is async or events wait.
    pub(super) fn finish(mut self, reason: DisconnectReason) {
        if self.running.is_none() && self.queue.is_empty() {
            if let Some(rest) = run_disconnect_listeners(&self.socket, reason) {
                tokio::spawn(rest);
            }
            return;
        }
        tokio::spawn(async move {
            self.handle_remaining().await;
            if let Some(rest) = run_disconnect_listeners(&self.socket, reason) {
                rest.await;
            }
        });
    }

    /// Handles all waiting events after the disconnection.
    async fn handle_remaining(&mut self) {
        let grace = self.socket.namespace().config().close_grace;
        for handled in 1usize.. {
            if self.running.is_some() {
                let running = poll_fn(|cx| self.poll_running(cx));
                if tokio::time::timeout(grace, running).await.is_err() {
                    let overdue = self.running.take();
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(overdue))) {
                        panicked(&self.socket, None, panic.as_ref());
                    }
                    let message = format!(
                        "handler was still running {grace:?} after its client disconnected, and was dropped"
                    );
                    self.socket.report(ErrorKind::Handler, message, None);
                }
            }
            let Some((event, is_paused)) = self.next() else {
                return;
            };
            if is_paused {
                self.socket.wake_if_paused();
            }
            self.running = handle(&self.socket, event);
            if handled.is_multiple_of(MAX_EVENTS) {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Drop for Dispatcher {
    /// Removes the waiting events from the backlog.
    fn drop(&mut self) {
        while self.next().is_some() {}
    }
}

/// Calls the `disconnecting` listeners, while the socket is in its rooms, then the `disconnect` listeners.
fn run_disconnect_listeners(socket: &Socket, reason: DisconnectReason) -> Option<BoxFuture<()>> {
    let first = run_listeners(
        socket,
        QueuedEvent::local("disconnecting", reason.as_str()),
        AckSender::none(),
    );
    let last = move |socket: &Socket| {
        socket.remove();
        run_listeners(
            socket,
            QueuedEvent::local("disconnect", reason.as_str()),
            AckSender::none(),
        )
    };
    let Some(first) = first else {
        return match last(socket) {
            Some(rest) => {
                let socket = socket.clone();
                Some(Box::pin(async move {
                    catch_panic(&socket, rest).await;
                    socket.listeners().clear();
                }))
            }
            None => {
                socket.listeners().clear();
                None
            }
        };
    };
    let socket = socket.clone();
    Some(Box::pin(async move {
        catch_panic(&socket, first).await;
        if let Some(rest) = last(&socket) {
            catch_panic(&socket, rest).await;
        }
        socket.listeners().clear();
    }))
}

/// Waits for listeners; a panic is reported and does not propagate.
async fn catch_panic(socket: &Socket, listeners: BoxFuture<()>) {
    if let Err(panic) = AssertUnwindSafe(listeners).catch_unwind().await {
        panicked(socket, None, panic.as_ref());
    }
}

/// Calls the connection handlers from index `from` on; returns the rest as a future if one is async.
fn run_connect_handlers(
    socket: &Socket,
    handlers: &Arc<Vec<Arc<ConnectCall>>>,
    from: usize,
) -> Option<BoxFuture<()>> {
    for (index, handler) in handlers.iter().enumerate().skip(from) {
        match catch_unwind(AssertUnwindSafe(|| handler(socket.clone()))) {
            Ok(MaybeFuture::Ready(result)) => report(socket, "connection", result),
            Ok(MaybeFuture::Future(future)) => {
                let (socket, handlers) = (socket.clone(), handlers.clone());
                return Some(Box::pin(async move {
                    report(&socket, "connection", future.await);
                    if let Some(rest) = run_connect_handlers(&socket, &handlers, index + 1) {
                        rest.await;
                    }
                }));
            }
            Err(panic) => {
                panicked(socket, Some("connection"), panic.as_ref());
                return None;
            }
        }
    }
    None
}

/// Calls catch-all listeners, packet middleware and listeners; returns the rest as a future if one is async.
fn handle(socket: &Socket, event: QueuedEvent) -> Option<BoxFuture<()>> {
    if !socket.handles_events() {
        tracing::debug!(
            socket = socket.id(),
            event = event.name,
            "event ignored: the server has disconnected the socket"
        );
        return None;
    }
    for (_, listener) in socket.listeners().any().iter() {
        let call = || listener(socket, &event.name, &event.args);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            panicked(socket, Some(&event.name), panic.as_ref());
            return None;
        }
    }
    let ack = AckSender::new(socket, event.id);
    let packets = socket.listeners().packets();
    if packets.is_empty() {
        return run_listeners(socket, event, ack);
    }
    let socket = socket.clone();
    Some(Box::pin(async move {
        if let Some(event) = run_packet_middleware(&socket, &packets, event).await
            && socket.handles_events()
            && let Some(rest) = run_listeners(&socket, event, ack)
        {
            rest.await;
        }
    }))
}

/// Passes an event through packet middleware; returns `None` if it was refused.
async fn run_packet_middleware(
    socket: &Socket,
    packets: &[Arc<PacketCall>],
    event: QueuedEvent,
) -> Option<QueuedEvent> {
    let id = event.id;
    let name = event.name.clone();
    let mut incoming = IncomingEvent {
        name: event.name,
        args: event.args,
    };
    for middleware in packets {
        let result = match middleware(socket.clone(), incoming) {
            MaybeFuture::Ready(result) => result,
            MaybeFuture::Future(future) => future.await,
        };
        match result {
            Ok(passed) => incoming = passed,
            Err(error) => {
                socket.report(ErrorKind::Middleware, error.clone(), Some(&name));
                if let Some(rest) =
                    run_listeners(socket, QueuedEvent::local("error", &error), AckSender::none())
                {
                    rest.await;
                }
                return None;
            }
        }
    }
    Some(QueuedEvent {
        id,
        name: incoming.name,
        args: incoming.args,
    })
}

fn run_listeners(socket: &Socket, event: QueuedEvent, ack: AckSender) -> Option<BoxFuture<()>> {
    let listeners = socket.listeners().events();
    run_from(socket, listeners, 0, event, ack)
}

/// Calls the listeners from index `from` on; returns the rest as a future if one is async.
fn run_from(
    socket: &Socket,
    listeners: Arc<Vec<Arc<Listener>>>,
    from: usize,
    mut event: QueuedEvent,
    ack: AckSender,
) -> Option<BoxFuture<()>> {
    let mut ack = Some(ack);
    let mut next = find(&listeners, from, &event.name);
    while let Some((index, listener)) = next {
        next = find(&listeners, index + 1, &event.name);
        if !listener.claim(socket.listeners()) {
            continue;
        }
        // The last listener gets the arguments, earlier ones get copies.
        let (args, sender) = if next.is_some() {
            (event.args.clone(), ack.as_ref().map(AckSender::share))
        } else {
            (std::mem::take(&mut event.args), ack.take())
        };
        let sender = sender.unwrap_or_else(AckSender::none);
        match catch_unwind(AssertUnwindSafe(|| (listener.call)(socket.clone(), args, sender))) {
            Ok(MaybeFuture::Ready(result)) => report(socket, &event.name, result),
            Ok(MaybeFuture::Future(future)) => {
                let socket = socket.clone();
                let place = next.map(|(index, _)| index);
                let ack = ack.unwrap_or_else(AckSender::none);
                return Some(Box::pin(async move {
                    report(&socket, &event.name, future.await);
                    if let Some(place) = place
                        && let Some(rest) = run_from(&socket, listeners, place, event, ack)
                    {
                        rest.await;
                    }
                }));
            }
            Err(panic) => {
                panicked(socket, Some(&event.name), panic.as_ref());
                return None;
            }
        }
    }
    None
}

fn find<'l>(listeners: &'l [Arc<Listener>], from: usize, event: &str) -> Option<(usize, &'l Arc<Listener>)> {
    listeners
        .iter()
        .enumerate()
        .skip(from)
        .find(|(_, listener)| listener.listens_to(event))
}

fn report(socket: &Socket, event: &str, result: Result<(), HandlerError>) {
    match result {
        Ok(()) => {}
        Err(HandlerError::Arguments(message)) => socket.report(ErrorKind::Arguments, message, Some(event)),
        // The last events of a client are handled after it has disconnected; that acks cannot be sent then is no error.
        Err(HandlerError::Failed(message)) if socket.is_gone() && says_disconnected(&message) => {
            tracing::debug!(
                socket = socket.id(),
                event,
                "handler sent to a client that has disconnected"
            );
        }
        Err(HandlerError::Failed(message)) => socket.report(ErrorKind::Handler, message, Some(event)),
    }
}

/// Reports a panic and disconnects the socket.
fn panicked(socket: &Socket, event: Option<&str>, panic: &(dyn Any + Send)) {
    socket.report(ErrorKind::Panic, panic_text(panic), event);
    socket.disconnect(false);
}

/// Text of a panic.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without text"))
}
