//! Handlers of one socket, one event after the other.
//!
//! Plain handlers run where the event arrives. The future of an async one is kept here and driven by the connection's
//! own task; meanwhile the socket's next events wait. No task is started for an event.

use std::any::Any;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem::size_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use pesan::socketio::value::Value;

use super::ErrorKind;
use super::ack::Ack;
use super::backlog::size_of_value;
use super::error::says_disconnected;
use super::handler::{Called, Failure, Incoming, Later};
use super::listeners::{Listener, PacketCall};
use super::namespace::ConnectCall;
use super::reason::DisconnectReason;
use super::socket::Socket;
use crate::engineio::turn::{Turn, yield_to_others};

/// Event for the listeners.
pub(super) struct Dispatch {
    pub(super) id: Option<u64>,
    pub(super) name: String,
    pub(super) args: Vec<Value>,
}

impl Dispatch {
    /// One that the server makes itself, such as `disconnect`.
    fn local(name: &str, text: &str) -> Self {
        Self {
            id: None,
            name: name.to_owned(),
            args: vec![Value::from(text)],
        }
    }

    /// Memory that it takes while it waits, roughly.
    fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.args.iter().map(size_of_value).sum::<usize>()
    }
}

/// Events handled in a row, after their connection has let go of the socket, before others get their turn.
const MAX_EVENTS: usize = 64;

/// A socket's handler under way, and the events that wait for it.
pub(super) struct Task {
    pub(super) socket: Socket,
    running: Option<Later<()>>,
    queue: VecDeque<Waiting>,
}

/// An event that waits, and the memory that it takes.
struct Waiting {
    event: Dispatch,
    bytes: usize,
}

impl Task {
    /// Calls the handlers of a new socket.
    pub(super) fn new(socket: Socket) -> Self {
        let handlers = socket.namespace().handlers();
        let running = greet(&socket, &handlers, 0);
        Self {
            socket,
            running,
            queue: VecDeque::new(),
        }
    }

    /// Handles an event now, or when those before it are done.
    pub(super) fn push(&mut self, event: Dispatch) {
        if self.running.is_some() || !self.queue.is_empty() {
            let bytes = event.size();
            self.socket.backlog().add(bytes);
            self.queue.push_back(Waiting { event, bytes });
        } else {
            self.running = handle(&self.socket, event);
        }
    }

    /// Something is wrong with this socket: its `error` listeners hear it.
    pub(super) fn error(&mut self, text: &str) {
        self.push(Dispatch::local("error", text));
    }

    /// Drives the handler under way, then the events that wait, until one has to wait itself.
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

    /// The event whose turn it is, and whether its connection waits for room.
    fn next(&mut self) -> Option<(Dispatch, bool)> {
        let Waiting { event, bytes } = self.queue.pop_front()?;
        Some((event, self.socket.backlog().remove(bytes)))
    }

    /// Handles what was read before the socket went, in order, then says good-bye to the listeners.
    ///
    /// Only where a handler is async this takes a task of its own.
    pub(super) fn finish(mut self, reason: DisconnectReason) {
        if self.running.is_none() && self.queue.is_empty() {
            if let Some(rest) = good_bye(&self.socket, reason) {
                tokio::spawn(rest);
            }
            return;
        }
        tokio::spawn(async move {
            self.handle_rest().await;
            if let Some(rest) = good_bye(&self.socket, reason) {
                rest.await;
            }
        });
    }

    /// Handles all that waits, after the connection has let go of the socket.
    async fn handle_rest(&mut self) {
        let grace = self.socket.namespace().config().close_grace;
        for handled in 1usize.. {
            if self.running.is_some() {
                let running = poll_fn(|cx| self.poll_running(cx));
                if tokio::time::timeout(grace, running).await.is_err() {
                    let late = self.running.take();
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(late))) {
                        panicked(&self.socket, None, panic.as_ref());
                    }
                    let message = format!("handler dropped {grace:?} after its client left");
                    self.socket.report(ErrorKind::Handler, message, None);
                }
            }
            let Some((event, waits_for_room)) = self.next() else {
                return;
            };
            if waits_for_room {
                self.socket.wake_if_paused();
            }
            self.running = handle(&self.socket, event);
            if handled.is_multiple_of(MAX_EVENTS) {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Drop for Task {
    /// What is not handled waits no longer either.
    fn drop(&mut self) {
        while self.next().is_some() {}
    }
}

/// `disconnecting`, while it still counts in its rooms, then `disconnect`.
fn good_bye(socket: &Socket, reason: DisconnectReason) -> Option<Later<()>> {
    let first = run_listeners(
        socket,
        Dispatch::local("disconnecting", reason.as_str()),
        Ack::none(),
    );
    let last = move |socket: &Socket| {
        socket.remove();
        run_listeners(
            socket,
            Dispatch::local("disconnect", reason.as_str()),
            Ack::none(),
        )
    };
    let Some(first) = first else {
        return match last(socket) {
            Some(rest) => {
                let socket = socket.clone();
                Some(Box::pin(async move {
                    survive(&socket, rest).await;
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
        survive(&socket, first).await;
        if let Some(rest) = last(&socket) {
            survive(&socket, rest).await;
        }
        socket.listeners().clear();
    }))
}

/// Waits for listeners; a panic ends them, and not what comes after them.
async fn survive(socket: &Socket, listeners: Later<()>) {
    if let Err(panic) = AssertUnwindSafe(listeners).catch_unwind().await {
        panicked(socket, None, panic.as_ref());
    }
}

/// Calls the connection handlers from number `from` on; gives what is left when one is async.
fn greet(socket: &Socket, handlers: &Arc<Vec<Arc<ConnectCall>>>, from: usize) -> Option<Later<()>> {
    for (index, handler) in handlers.iter().enumerate().skip(from) {
        match catch_unwind(AssertUnwindSafe(|| handler(socket.clone()))) {
            Ok(Called::Done(result)) => report(socket, "connection", result),
            Ok(Called::Later(future)) => {
                let (socket, handlers) = (socket.clone(), handlers.clone());
                return Some(Box::pin(async move {
                    report(&socket, "connection", future.await);
                    if let Some(rest) = greet(&socket, &handlers, index + 1) {
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

/// Catch-all listeners, packet middleware, listeners; gives what is left when one is async.
fn handle(socket: &Socket, event: Dispatch) -> Option<Later<()>> {
    if !socket.handles_events() {
        tracing::debug!(
            socket = socket.id(),
            event = event.name,
            "event after the server has disconnected the socket"
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
    let ack = Ack::new(socket, event.id);
    let packets = socket.listeners().packets();
    if packets.is_empty() {
        return run_listeners(socket, event, ack);
    }
    let socket = socket.clone();
    Some(Box::pin(async move {
        if let Some(event) = pass(&socket, &packets, event).await
            && socket.handles_events()
            && let Some(rest) = run_listeners(&socket, event, ack)
        {
            rest.await;
        }
    }))
}

/// What packet middleware makes of an event; `None` when it was refused.
async fn pass(socket: &Socket, packets: &[Arc<PacketCall>], event: Dispatch) -> Option<Dispatch> {
    let id = event.id;
    let name = event.name.clone();
    let mut incoming = Incoming {
        name: event.name,
        args: event.args,
    };
    for middleware in packets {
        let result = match middleware(socket.clone(), incoming) {
            Called::Done(result) => result,
            Called::Later(future) => future.await,
        };
        match result {
            Ok(passed) => incoming = passed,
            Err(error) => {
                socket.report(ErrorKind::Middleware, error.clone(), Some(&name));
                if let Some(rest) = run_listeners(socket, Dispatch::local("error", &error), Ack::none()) {
                    rest.await;
                }
                return None;
            }
        }
    }
    Some(Dispatch {
        id,
        name: incoming.name,
        args: incoming.args,
    })
}

fn run_listeners(socket: &Socket, event: Dispatch, ack: Ack) -> Option<Later<()>> {
    let listeners = socket.listeners().events();
    run_from(socket, listeners, 0, event, ack)
}

/// Calls the listeners from number `from` on; gives what is left when one is async.
fn run_from(
    socket: &Socket,
    listeners: Arc<Vec<Arc<Listener>>>,
    from: usize,
    mut event: Dispatch,
    ack: Ack,
) -> Option<Later<()>> {
    let mut ack = Some(ack);
    let mut next = find(&listeners, from, &event.name);
    while let Some((index, listener)) = next {
        next = find(&listeners, index + 1, &event.name);
        if !listener.claim(socket.listeners()) {
            continue;
        }
        // The last listener gets the arguments themselves, those before it copies.
        let (args, answer) = if next.is_some() {
            (event.args.clone(), ack.as_ref().map(Ack::share))
        } else {
            (std::mem::take(&mut event.args), ack.take())
        };
        let answer = answer.unwrap_or_else(Ack::none);
        match catch_unwind(AssertUnwindSafe(|| (listener.call)(socket.clone(), args, answer))) {
            Ok(Called::Done(result)) => report(socket, &event.name, result),
            Ok(Called::Later(future)) => {
                let socket = socket.clone();
                let place = next.map(|(index, _)| index);
                let ack = ack.unwrap_or_else(Ack::none);
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
        .find(|(_, listener)| listener.wants(event))
}

fn report(socket: &Socket, event: &str, result: Result<(), Failure>) {
    match result {
        Ok(()) => {}
        Err(Failure::Arguments(message)) => socket.report(ErrorKind::Arguments, message, Some(event)),
        // the last events of a client are handled after it left: nothing is wrong with handlers that answer them
        Err(Failure::Handler(message)) if socket.is_gone() && says_disconnected(&message) => {
            tracing::debug!(
                socket = socket.id(),
                event,
                "handler answered a client that had left"
            );
        }
        Err(Failure::Handler(message)) => socket.report(ErrorKind::Handler, message, Some(event)),
    }
}

/// A panic ends the socket, and nothing else.
fn panicked(socket: &Socket, event: Option<&str>, panic: &(dyn Any + Send)) {
    socket.report(ErrorKind::Panic, panic_text(panic), event);
    socket.disconnect(false);
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("of no text"))
}
