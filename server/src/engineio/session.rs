//! The task of one connection: reads its transport, drives its session, sends what the hub could not.
//!
//! A hand-written future, because every connection has one: idle, it is some hundred bytes.

mod inbox;
mod upgrade;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::time::Sleep;

use super::connection::{Inner, Line};
use super::hub::Op;
use super::polling::Inbound;
use super::reason::CloseReason;
use super::sessions::Seat;
use super::turn::{Turn, give_way};
use super::websocket::{Flow, ReadEnd, Reset, Ws};
use super::wire::{self, Incoming};
use super::{HandshakeRequest, Session, Shared};
use inbox::{End, accept, hear, receive};
use upgrade::{Probed, Upgrade};

/// Reads in a row before other tasks get their turn.
const MAX_READS: usize = 4;

/// Life of one connection.
pub(crate) struct Task<S: Session> {
    inner: Arc<Inner>,
    engine: Arc<Shared>,
    session: Option<S>,
    link: Link,
    /// Held bytes may hold whole messages: the session was full, or the socket is new.
    stalled: bool,
    /// What the session last said: it takes no more.
    full: bool,
    /// The connection and, if it can be, its socket know that the session is full.
    resting: bool,
    reset: Option<Reset>,
    upgrade: Option<Box<Upgrade>>,
    /// Code with which the client said good-bye: the end is on its way through the hub.
    leaving: Option<u16>,
    /// Packets of a POST that came before the change of transport.
    backlog: Inbound,
    ending: Option<Pin<Box<Sleep>>>,
    address: SocketAddr,
    /// Memory that the handshake takes as long as the session lives.
    request_bytes: usize,
    opened: Instant,
    _seat: Seat,
}

/// Where messages come from.
pub(crate) enum Link {
    Polling,
    WebSocket(Ws),
}

// Nothing in a task is ever pinned in place: a session is only called through `&mut`.
impl<S: Session> Unpin for Task<S> {}

impl<S: Session> Future for Task<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = self.get_mut();
        while task.ending.is_none() {
            match task.work(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => {
                    if !task.defer(&end) && task.end(&end) {
                        return Poll::Ready(());
                    }
                }
            }
        }
        task.poll_ending(cx)
    }
}

/// Whether one more message may be read: the session takes it (`full` notes whether it does), and no hub is behind.
fn may_receive(session: &mut impl Session, full: &mut bool, engine: &Shared, cx: &mut Context<'_>) -> bool {
    *full = session.poll(cx).is_pending();
    !*full && engine.hubs.iter().all(|hub| hub.poll_room(cx).is_ready())
}

impl<S: Session> Task<S> {
    pub(crate) fn new(
        engine: Arc<Shared>,
        inner: Arc<Inner>,
        session: S,
        link: Link,
        request: &HandshakeRequest,
        seat: Seat,
    ) -> Self {
        Self {
            inner,
            engine,
            session: Some(session),
            link,
            stalled: true,
            full: false,
            resting: false,
            reset: None,
            upgrade: None,
            leaving: None,
            backlog: Inbound::default(),
            ending: None,
            address: request.address,
            request_bytes: request.held_bytes(),
            opened: Instant::now(),
            _seat: seat,
        }
    }

    /// One round. `true`: something changed, so once more; `false`: the wakers are registered.
    fn work(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let is_behind = self.sync(cx)?;
        if self.leaving.is_some() {
            return Ok(false);
        }
        let Some(session) = &mut self.session else {
            return Ok(false);
        };
        if may_receive(session, &mut self.full, &self.engine, cx) && !is_behind {
            match self.link {
                Link::Polling => self.take_inbound(cx)?,
                Link::WebSocket(_) => self.read(cx)?,
            }
        }
        self.count_held();
        self.rest(cx)?;
        Ok(self.poll_upgrade(cx))
    }

    /// Tells the account what the transport holds, and makes room if the process holds too much.
    fn count_held(&self) {
        if let Link::WebSocket(ws) = &self.link {
            self.inner
                .account
                .set_incoming(self.request_bytes + ws.held_bytes() + self.backlog.held_bytes());
        }
        self.engine.sessions.relieve();
    }

    /// While the session is full, the ping deadline rests and a reset of the connection is watched for.
    fn rest(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if self.full != self.resting {
            self.resting = self.full;
            self.inner.set_session_full(self.full);
            self.reset = match &self.link {
                Link::WebSocket(ws) if self.full => ws.watch_reset(),
                Link::WebSocket(_) | Link::Polling => None,
            };
        }
        if let Some(reset) = &mut self.reset
            && reset.as_mut().poll(cx).is_ready()
        {
            return Err(End::from_read(&ReadEnd::Eof, self.inner.id));
        }
        Ok(())
    }

    /// Leaves the waker where others find it, sends what waits, and looks whether the end was asked for. `true`: the
    /// client has to take more before it is read again; the task is woken when it does.
    fn sync(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        let mut guard = self.inner.lock();
        let state = &mut *guard;
        if !state
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            state.waker = Some(cx.waker().clone());
        }
        if let Line::Tcp { write, .. } = &mut state.line {
            let sent = state.queue.drain_to(write, cx);
            if sent.is_err() && state.closing.is_none() {
                state.closing = Some(CloseReason::TransportClose);
            }
        }
        if let Line::Polling(polling) = &mut state.line
            && let Some(ws) = polling.candidate.take()
        {
            self.upgrade = Some(Box::new(Upgrade::new(*ws, self.engine.config.upgrade_timeout)));
        }
        let is_task = matches!(state.line, Line::Task { .. });
        let closing = state.closing;
        let mut is_behind = self.inner.pause(state);
        drop(guard);
        if let Link::WebSocket(ws) = &mut self.link
            && is_task
        {
            if let Poll::Ready(Err(_)) = ws.poll_send(cx, |written| self.inner.next_piece(written)) {
                return Err(End::from_read(&ReadEnd::Eof, self.inner.id));
            }
            is_behind = self.inner.pause(&mut self.inner.lock());
        }
        closing.map_or(Ok(is_behind), |reason| Err(End::of(reason)))
    }

    /// Hands the packets of a POST to the session, as far as it takes them.
    fn take_inbound(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let mut turn = Turn::begin();
        loop {
            let packet = match &mut self.inner.lock().line {
                Line::Polling(polling) => match polling.inbound.next() {
                    Some(packet) => packet,
                    None => {
                        polling.confirm();
                        return Ok(());
                    }
                },
                Line::Tcp { .. } | Line::Task { .. } | Line::Done => return Ok(()),
            };
            let packet = packet.map_err(|error| End::from_packet(&error, self.inner.id))?;
            let Some(session) = &mut self.session else {
                return Ok(());
            };
            hear(&self.inner, &packet);
            if receive(session, &self.inner, packet)?
                && !may_receive(session, &mut self.full, &self.engine, cx)
            {
                return Ok(());
            }
            if turn.count() {
                give_way(cx);
                return Ok(());
            }
        }
    }

    /// Reads the WebSocket and hands its messages to the session, as far as it takes them.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let (Link::WebSocket(ws), Some(session)) = (&mut self.link, &mut self.session) else {
            return Ok(());
        };
        let (inner, engine, full) = (&self.inner, &self.engine, &mut self.full);
        let mut turn = Turn::begin();
        for packet in self.backlog.by_ref() {
            let packet = packet.map_err(|error| End::from_packet(&error, inner.id))?;
            if receive(session, inner, packet)? && !may_receive(session, full, engine, cx) {
                return Ok(());
            }
            if turn.count() {
                give_way(cx);
                return Ok(());
            }
        }
        let waker = cx.waker().clone();
        let mut end = None;
        let mut each = |incoming: Incoming<'_>| {
            let mut cx = Context::from_waker(&waker);
            match accept(session, inner, incoming) {
                Ok(true) if !may_receive(session, full, engine, &mut cx) => Flow::Stop,
                Ok(_) if turn.count() => Flow::Stop,
                Ok(_) => Flow::More,
                Err(found) => {
                    end = Some(found);
                    Flow::Stop
                }
            }
        };
        let mut result = Ok(Flow::More);
        if std::mem::take(&mut self.stalled) && ws.has_held() {
            result = ws.read_held(&mut each);
        }
        let mut reads = 0;
        while matches!(result, Ok(Flow::More)) {
            if reads == MAX_READS {
                give_way(cx);
                break;
            }
            reads += 1;
            match ws.poll_read(cx, &mut each) {
                Poll::Ready(next) => result = next,
                Poll::Pending => break,
            }
        }
        if let Some(end) = end {
            return Err(end);
        }
        if turn.is_over() {
            give_way(cx);
        }
        match result {
            Ok(Flow::More) => Ok(()),
            Ok(Flow::Stop) => {
                self.stalled = true;
                Ok(())
            }
            Err(end) => Err(End::from_read(&end, inner.id)),
        }
    }

    /// Follows the WebSocket that wants to take over. `true`: it has.
    fn poll_upgrade(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(upgrade) = &mut self.upgrade else {
            return false;
        };
        match upgrade.poll(cx, &self.inner) {
            Probed::Waiting => false,
            Probed::Failed => {
                self.upgrade = None;
                if let Line::Polling(polling) = &mut self.inner.lock().line {
                    polling.upgrading = false;
                    polling.set_probing(false);
                }
                false
            }
            Probed::Complete => {
                if let Some(upgrade) = self.upgrade.take() {
                    self.change(upgrade.ws);
                }
                true
            }
        }
    }

    /// Changes from polling to WebSocket: what waited for a poll goes out first.
    fn change(&mut self, mut ws: Ws) {
        let mut state = self.inner.lock();
        ws.set_max(self.engine.config.max_payload);
        let line = ws.take_line();
        // What waits was sent before the end was asked for.
        let closing = state.closing.take();
        if let Line::Polling(mut polling) = std::mem::replace(&mut state.line, line) {
            for message in polling.take_waiting() {
                state.push(&message);
            }
            polling.finish(true);
            self.backlog = std::mem::take(&mut polling.inbound);
            polling.confirm();
        }
        if let Some(reason) = closing.filter(|_| self.session.is_none()) {
            let frame = wire::close_frame(reason.close_code());
            state.queue.push(Bytes::from(frame));
        }
        state.flush();
        state.closing = closing.or(state.closing);
        drop(state);
        self.link = Link::WebSocket(ws);
        self.stalled = true;
        // the new socket is watched as well
        self.resting = false;
        tracing::debug!(connection = self.inner.id, "changed to websocket");
        metrics::counter!("engine_upgrades_total").increment(1);
        if self.session.is_some() {
            metrics::gauge!("engine_sessions", "transport" => "polling").decrement(1.0);
            metrics::gauge!("engine_sessions", "transport" => "websocket").increment(1.0);
        }
    }

    /// A client that says good-bye gets what was sent before, as far as its socket takes it: the end goes through the hub.
    /// `true`: the end follows.
    fn defer(&mut self, end: &End) -> bool {
        let is_said = matches!(self.link, Link::WebSocket(_)) && end.reason == CloseReason::TransportClose;
        match end.code {
            Some(code) if is_said && self.leaving.is_none() => {
                self.leaving = Some(code);
                let close = Op::Close(Arc::clone(&self.inner), end.reason);
                self.inner.hub.push(close);
                true
            }
            _ => false,
        }
    }

    /// Ends the session. `true`: the transport is finished too.
    fn end(&mut self, end: &End) -> bool {
        let Some(session) = self.session.take() else {
            return true;
        };
        let (finished, keep) = self.finish_line(end);
        self.backlog = Inbound::default();
        if let Link::WebSocket(ws) = &mut self.link {
            ws.forget();
        }
        self.inner.account.set_incoming(self.request_bytes);
        // A client that has its answer has stopped polling: it hears of the end over the WebSocket.
        if finished || !self.upgrade.as_ref().is_some_and(|upgrade| upgrade.is_answered()) {
            self.upgrade = None;
        }
        if !keep {
            self.engine.sessions.remove(&self.inner.sid);
        }
        self.inner.closed.store(true, Ordering::Release);
        session.closed(end.reason);
        self.inner.account.set_kept(0);
        self.log(end.reason.as_str());
        if !finished {
            let patience = if keep {
                self.engine.config.ping_timeout
            } else {
                self.engine.config.limits.close_timeout
            };
            self.ending = Some(Box::pin(tokio::time::sleep(patience)));
        }
        finished
    }

    /// Says good-bye on the line. Whether that is all, and whether the session must still be found by a poll or by the
    /// WebSocket that takes over.
    fn finish_line(&self, end: &End) -> (bool, bool) {
        // The client has stopped polling, and its "5" is on its way: nowhere else does it hear of the end.
        let is_upgrading = self.upgrade.as_ref().is_some_and(|upgrade| upgrade.is_answered());
        let mut guard = self.inner.lock();
        let state = &mut *guard;
        state.closing = Some(end.reason);
        match &mut state.line {
            Line::Polling(polling) => {
                // As officially, a POST that ends the session by what it says is answered like any other.
                if matches!(end.reason, CloseReason::TransportClose | CloseReason::ParseError) {
                    polling.confirm();
                }
                polling.taken = None;
                if !end.reason.is_orderly() && is_upgrading {
                    polling.take_waiting();
                    return (false, true);
                }
                if polling.has_poll() || !end.reason.is_orderly() {
                    polling.finish(end.reason == CloseReason::TransportClose);
                    state.finish();
                    return (true, false);
                }
                // The client hears of it with its next poll.
                (false, true)
            }
            Line::Tcp { .. } | Line::Task { .. } => {
                let Some(code) = end.code.map(|code| self.leaving.unwrap_or(code)) else {
                    state.finish();
                    return (true, false);
                };
                // Who takes nothing, or has to go for its memory, does not get what waits either.
                if matches!(end.reason, CloseReason::SlowReader | CloseReason::Overload)
                    && !state.queue.is_empty()
                {
                    state.finish();
                    return (true, false);
                }
                if !end.reason.is_orderly() {
                    state.queue.keep_first();
                }
                state.queue.push(Bytes::from(wire::close_frame(code)));
                state.flush_closing();
                (false, false)
            }
            Line::Done => (true, false),
        }
    }

    /// After the session: sends the rest, ends the stream, waits a little for the other side.
    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let over = self
            .ending
            .as_mut()
            .is_none_or(|sleep| sleep.as_mut().poll(cx).is_ready());
        let mut guard = self.inner.lock();
        let state = &mut *guard;
        state.waker = Some(cx.waker().clone());
        if over {
            state.finish();
            drop(guard);
            self.engine.sessions.remove(&self.inner.sid);
            return Poll::Ready(());
        }
        let sent = match &mut state.line {
            Line::Polling(_) => {
                drop(guard);
                if !self.poll_upgrade(cx) {
                    return Poll::Pending;
                }
                self.ending = Some(Box::pin(tokio::time::sleep(
                    self.engine.config.limits.close_timeout,
                )));
                return self.poll_ending(cx);
            }
            Line::Tcp { write, .. } => state.queue.drain_to(write, cx),
            Line::Task { .. } => Ok(false),
            Line::Done => Ok(true),
        };
        if !matches!(sent, Ok(false)) {
            state.finish();
        }
        let done = matches!(state.line, Line::Done);
        let is_task = matches!(state.line, Line::Task { .. });
        drop(guard);
        let Link::WebSocket(ws) = &mut self.link else {
            self.engine.sessions.remove(&self.inner.sid);
            return Poll::Ready(());
        };
        if is_task {
            match ws.poll_send(cx, |written| self.inner.next_piece(written)) {
                Poll::Ready(Ok(())) if ws.poll_shutdown(cx).is_pending() => return Poll::Pending,
                Poll::Ready(_) => self.inner.lock().finish(),
                Poll::Pending => return Poll::Pending,
            }
        } else if !done {
            return Poll::Pending;
        }
        ws.poll_discard(cx)
    }

    fn log(&self, reason: &'static str) {
        let transport = match self.link {
            Link::Polling => "polling",
            Link::WebSocket(_) => "websocket",
        };
        metrics::gauge!("engine_sessions", "transport" => transport).decrement(1.0);
        metrics::counter!("engine_closed_total", "reason" => reason).increment(1);
        tracing::info!(
            connection = self.inner.id,
            address = %self.address,
            transport,
            reason,
            seconds = self.opened.elapsed().as_secs_f32(),
            "connection closed"
        );
    }
}

impl<S: Session> Drop for Task<S> {
    /// After a panic in the session, or when the runtime ends.
    fn drop(&mut self) {
        self.engine.sessions.remove(&self.inner.sid);
        self.inner.closed.store(true, Ordering::Release);
        let mut state = self.inner.lock();
        state.finish();
        state.waker = None;
        drop(state);
        if self.session.is_some() {
            self.log("dropped");
        }
    }
}
