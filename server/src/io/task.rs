//! Handlers of one socket, one event after the other.
//!
//! Plain handlers run where the event arrives. The future of an async one is kept here and driven by the connection's
//! own task; meanwhile the socket's next events wait. No task is started for an event.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use pesan::socketio::value::Value;

use super::ErrorKind;
use super::ack::Ack;
use super::handler::{Called, Failure, Incoming, Later};
use super::listeners::{Listener, PacketCall};
use super::namespace::ConnectCall;
use super::reason::DisconnectReason;
use super::socket::Socket;

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
}

/// A socket's handler under way, and the events that wait for it.
pub(super) struct Task {
    pub(super) socket: Socket,
    running: Option<Later<()>>,
    queue: VecDeque<Dispatch>,
}

impl Task {
    /// Calls the handlers of a new socket.
    pub(super) fn new(socket: Socket) -> Self {
        let handlers = socket.namespace().entrance().handlers();
        let running = greet(&socket, &handlers, 0);
        Self {
            socket,
            running,
            queue: VecDeque::new(),
        }
    }

    /// Events that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Handles an event now, or when those before it are done.
    pub(super) fn push(&mut self, event: Dispatch) {
        if self.running.is_some() || !self.queue.is_empty() {
            self.queue.push_back(event);
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
        loop {
            if let Some(running) = &mut self.running {
                match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
                    Ok(Poll::Pending) => return,
                    Ok(Poll::Ready(())) => self.running = None,
                    Err(panic) => {
                        self.running = None;
                        panicked(&self.socket, None, panic.as_ref());
                    }
                }
            }
            match self.queue.pop_front() {
                Some(event) => self.running = handle(&self.socket, event),
                None => return,
            }
        }
    }

    /// Says good-bye to the listeners, after the handler under way. What waits in the queue is dropped, as officially.
    ///
    /// Only a handler that is async needs a task of its own for that.
    pub(super) fn finish(self, reason: DisconnectReason) {
        let Self { socket, running, .. } = self;
        match running {
            None => {
                if let Some(rest) = good_bye(&socket, reason) {
                    tokio::spawn(rest);
                }
            }
            Some(running) => {
                let grace = socket.namespace().config().close_grace;
                tokio::spawn(async move {
                    // A panic ends this inner task alone.
                    let mut handler = tokio::spawn(running);
                    match tokio::time::timeout(grace, &mut handler).await {
                        Ok(Ok(())) => {}
                        Ok(Err(failed)) => match failed.try_into_panic() {
                            Ok(panic) => panicked(&socket, None, panic.as_ref()),
                            Err(cancelled) => tracing::debug!(%cancelled, "handler was cancelled"),
                        },
                        Err(_) => {
                            handler.abort();
                            let message = format!("handler dropped {grace:?} after its socket went");
                            socket.report(ErrorKind::Handler, message, None);
                        }
                    }
                    if let Some(rest) = good_bye(&socket, reason) {
                        rest.await;
                    }
                });
            }
        }
    }
}

/// `disconnecting`, while its rooms are still known, then `disconnect`.
fn good_bye(socket: &Socket, reason: DisconnectReason) -> Option<Later<()>> {
    let first = run_listeners(
        socket,
        Dispatch::local("disconnecting", reason.as_str()),
        Ack::none(),
    );
    let last = move |socket: &Socket| {
        socket.rest();
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
    if !socket.connected() {
        tracing::debug!(
            socket = socket.id(),
            event = event.name,
            "event after the socket was disconnected"
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
            && socket.connected()
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
