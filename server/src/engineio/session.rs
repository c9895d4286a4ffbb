//! Session task, one for each connection: reads its transport, drives its protocol session, and sends what the hub could
//! not.
//!
//! A hand-written future keeps an idle connection at some hundred bytes.

mod inbound;
mod upgrade;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::time::Sleep;

use super::close_reason::CloseReason;
use super::connection::Connection;
use super::connection_state::{ConnectionState, Sink};
use super::handshake::HandshakeRequest;
use super::hub::{Hub, HubCommand};
use super::polling::PostBody;
use super::protocol::{EngineContext, Protocol, Session};
use super::session_registry::SessionPermit;
use super::turn::{Turn, yield_to_others};
use super::websocket::frame::{self, InboundFrame};
use super::websocket::{ReadControl, ReadEnd, ResetWatch, WebSocket};
use inbound::{SessionEnd, on_frame, on_packet, touch_unless_pong};
use upgrade::{ProbeOutcome, UpgradeProbe};

/// Most consecutive reads before other tasks run.
const MAX_READS: usize = 4;

/// Task of one connection.
pub(crate) struct SessionTask<S: Session> {
    connection: Arc<ConnectionState>,
    hub: Arc<Hub>,
    context: Arc<EngineContext>,
    session: Option<S>,
    transport: ActiveTransport,
    /// Buffered bytes may contain complete messages: the session was full, or the socket is new.
    has_unhandled: bool,
    /// Whether the session last reported to be full.
    full: bool,
    /// Whether the connection state knows that the session is full, and the socket is watched for a reset.
    is_suspended: bool,
    reset: Option<ResetWatch>,
    upgrade: Option<Box<UpgradeProbe>>,
    /// Close code of a client that closed the WebSocket; the close command is in the hub.
    client_close: Option<u16>,
    /// Packets of a POST received before the upgrade.
    post_body: PostBody,
    /// Timeout of the closing handshake, once the session has ended.
    ending: Option<Pin<Box<Sleep>>>,
    address: SocketAddr,
    /// Memory of the handshake request.
    request_bytes: usize,
    opened: Instant,
    _permit: SessionPermit,
}

/// Where messages are received.
pub(crate) enum ActiveTransport {
    Polling,
    WebSocket(WebSocket),
}

/// Starts the sessions of a protocol, whose type only the implementation knows.
pub(crate) trait SessionFactory: Send + Sync {
    fn open(
        &self,
        context: &Arc<EngineContext>,
        connection: Connection,
        transport: ActiveTransport,
        handshake: Arc<HandshakeRequest>,
        permit: SessionPermit,
    );
}

impl<P: Protocol> SessionFactory for P {
    fn open(
        &self,
        context: &Arc<EngineContext>,
        connection: Connection,
        transport: ActiveTransport,
        handshake: Arc<HandshakeRequest>,
        permit: SessionPermit,
    ) {
        let session = Protocol::open(self, connection.clone(), Arc::clone(&handshake));
        tokio::spawn(SessionTask::new(
            Arc::clone(context),
            &connection,
            session,
            transport,
            &handshake,
            permit,
        ));
    }
}

// No field is pinned: a session is only called through `&mut`.
impl<S: Session> Unpin for SessionTask<S> {}

impl<S: Session> Future for SessionTask<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = self.get_mut();
        while task.ending.is_none() {
            match task.step(cx) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => {
                    if !task.defer_end(&end) && task.end(&end) {
                        return Poll::Ready(());
                    }
                }
            }
        }
        task.poll_ending(cx)
    }
}

/// Whether one more message may be received: the session has room (noted in `full`), and no hub is over its limit.
fn may_receive(
    session: &mut impl Session,
    full: &mut bool,
    context: &EngineContext,
    cx: &mut Context<'_>,
) -> bool {
    *full = session.poll(cx).is_pending();
    !*full && context.hubs.iter().all(|hub| hub.poll_capacity(cx).is_ready())
}

impl<S: Session> SessionTask<S> {
    pub(crate) fn new(
        context: Arc<EngineContext>,
        connection: &Connection,
        session: S,
        transport: ActiveTransport,
        request: &HandshakeRequest,
        permit: SessionPermit,
    ) -> Self {
        Self {
            connection: Arc::clone(connection.state()),
            hub: Arc::clone(connection.hub()),
            context,
            session: Some(session),
            transport,
            has_unhandled: true,
            full: false,
            is_suspended: false,
            reset: None,
            upgrade: None,
            client_close: None,
            post_body: PostBody::default(),
            ending: None,
            address: request.address,
            request_bytes: request.held_bytes(),
            opened: Instant::now(),
            _permit: permit,
        }
    }

    /// One round. Returns `true` if it must be repeated because something changed, `false` if all wakers are registered.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<bool, SessionEnd> {
        let is_backed_up = self.sync(cx)?;
        if self.client_close.is_some() {
            return Ok(false);
        }
        let Some(session) = &mut self.session else {
            return Ok(false);
        };
        if may_receive(session, &mut self.full, &self.context, cx) && !is_backed_up {
            match self.transport {
                ActiveTransport::Polling => self.receive_post(cx)?,
                ActiveTransport::WebSocket(_) => self.read(cx)?,
            }
        }
        self.report_memory();
        self.watch_full_session(cx)?;
        Ok(self.poll_upgrade(cx))
    }

    /// Reports the memory of the transport, and enforces the limit of the process.
    fn report_memory(&self) {
        if let ActiveTransport::WebSocket(ws) = &self.transport {
            self.connection
                .memory
                .set_incoming(self.request_bytes + ws.held_bytes() + self.post_body.held_bytes());
        }
        self.context.sessions.enforce_memory_limit();
    }

    /// While the session is full, suspends the ping timeout and watches for a reset of the connection.
    fn watch_full_session(&mut self, cx: &mut Context<'_>) -> Result<(), SessionEnd> {
        if self.full != self.is_suspended {
            self.is_suspended = self.full;
            self.connection.set_session_full(self.full);
            self.reset = match &self.transport {
                ActiveTransport::WebSocket(ws) if self.full => ws.watch_reset(),
                ActiveTransport::WebSocket(_) | ActiveTransport::Polling => None,
            };
        }
        if let Some(reset) = &mut self.reset
            && reset.as_mut().poll(cx).is_ready()
        {
            return Err(SessionEnd::from_read(&ReadEnd::Eof, self.connection.id));
        }
        Ok(())
    }

    /// Registers the waker, sends what is queued, and checks whether the connection is closing. Returns `true` if the
    /// client has to read more before it is read again; the task is woken when it does.
    fn sync(&mut self, cx: &mut Context<'_>) -> Result<bool, SessionEnd> {
        let mut guard = self.connection.lock();
        let outbound = &mut *guard;
        if !outbound
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            outbound.waker = Some(cx.waker().clone());
        }
        if let Sink::Tcp { write, .. } = &mut outbound.sink {
            let sent = outbound.queue.drain_to(write, cx);
            if sent.is_err() && outbound.closing.is_none() {
                outbound.closing = Some(CloseReason::TransportClose);
            }
        }
        if let Sink::Polling(polling) = &mut outbound.sink
            && let Some(ws) = polling.candidate.take()
        {
            self.upgrade = Some(Box::new(UpgradeProbe::new(
                *ws,
                self.context.config.upgrade_timeout,
            )));
        }
        let is_stream = matches!(outbound.sink, Sink::Stream { .. });
        let closing = outbound.closing;
        let mut is_backed_up = self.connection.pause(outbound);
        drop(guard);
        if let ActiveTransport::WebSocket(ws) = &mut self.transport
            && is_stream
        {
            if let Poll::Ready(Err(_)) = ws.poll_send(cx, |written| self.connection.next_chunk(written)) {
                return Err(SessionEnd::from_read(&ReadEnd::Eof, self.connection.id));
            }
            is_backed_up = self.connection.pause(&mut self.connection.lock());
        }
        closing.map_or(Ok(is_backed_up), |reason| Err(SessionEnd::of(reason)))
    }

    /// Passes the packets of a POST to the session while it has room.
    fn receive_post(&mut self, cx: &mut Context<'_>) -> Result<(), SessionEnd> {
        let mut turn = Turn::begin();
        loop {
            let packet = match &mut self.connection.lock().sink {
                Sink::Polling(polling) => match polling.post_body.next() {
                    Some(packet) => packet,
                    None => {
                        polling.confirm();
                        return Ok(());
                    }
                },
                Sink::Tcp { .. } | Sink::Stream { .. } | Sink::Closed => return Ok(()),
            };
            let packet = packet.map_err(|error| SessionEnd::from_packet(&error, self.connection.id))?;
            let Some(session) = &mut self.session else {
                return Ok(());
            };
            touch_unless_pong(&self.connection, &packet);
            if on_packet(session, &self.connection, &self.hub, packet)?
                && !may_receive(session, &mut self.full, &self.context, cx)
            {
                return Ok(());
            }
            if turn.count() {
                yield_to_others(cx);
                return Ok(());
            }
        }
    }

    /// Reads the WebSocket and passes its messages to the session while it has room.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), SessionEnd> {
        let (ActiveTransport::WebSocket(ws), Some(session)) = (&mut self.transport, &mut self.session) else {
            return Ok(());
        };
        let (connection, hub, context, full) = (&self.connection, &self.hub, &self.context, &mut self.full);
        let mut turn = Turn::begin();
        for packet in self.post_body.by_ref() {
            let packet = packet.map_err(|error| SessionEnd::from_packet(&error, connection.id))?;
            if on_packet(session, connection, hub, packet)? && !may_receive(session, full, context, cx) {
                return Ok(());
            }
            if turn.count() {
                yield_to_others(cx);
                return Ok(());
            }
        }
        let waker = cx.waker().clone();
        let mut end = None;
        let mut each = |incoming: InboundFrame<'_>| {
            let mut cx = Context::from_waker(&waker);
            match on_frame(session, connection, hub, incoming) {
                Ok(true) if !may_receive(session, full, context, &mut cx) => ReadControl::Stop,
                Ok(_) if turn.count() => ReadControl::Stop,
                Ok(_) => ReadControl::Continue,
                Err(found) => {
                    end = Some(found);
                    ReadControl::Stop
                }
            }
        };
        let mut result = Ok(ReadControl::Continue);
        if std::mem::take(&mut self.has_unhandled) && ws.has_buffered() {
            result = ws.read_buffered(&mut each);
        }
        let mut reads = 0;
        while matches!(result, Ok(ReadControl::Continue)) {
            if reads == MAX_READS {
                yield_to_others(cx);
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
            yield_to_others(cx);
        }
        match result {
            Ok(ReadControl::Continue) => Ok(()),
            Ok(ReadControl::Stop) => {
                self.has_unhandled = true;
                Ok(())
            }
            Err(end) => Err(SessionEnd::from_read(&end, connection.id)),
        }
    }

    /// Drives the probe of an upgrade. Returns `true` if the upgrade is complete.
    fn poll_upgrade(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(upgrade) = &mut self.upgrade else {
            return false;
        };
        match upgrade.poll(cx, &self.connection) {
            ProbeOutcome::Waiting => false,
            ProbeOutcome::Failed => {
                self.upgrade = None;
                if let Sink::Polling(polling) = &mut self.connection.lock().sink {
                    polling.upgrading = false;
                    polling.set_probing(false);
                }
                false
            }
            ProbeOutcome::Complete => {
                if let Some(upgrade) = self.upgrade.take() {
                    self.switch_to_websocket(upgrade.ws);
                }
                true
            }
        }
    }

    /// Changes from polling to WebSocket; messages queued for a poll are sent first.
    fn switch_to_websocket(&mut self, mut ws: WebSocket) {
        let mut outbound = self.connection.lock();
        ws.set_max(self.context.config.max_payload);
        let sink = Sink::of_websocket(&mut ws);
        // The queued messages were sent before the close was requested.
        let closing = outbound.closing.take();
        if let Sink::Polling(mut polling) = std::mem::replace(&mut outbound.sink, sink) {
            for message in polling.take_queued() {
                outbound.push(&message);
            }
            polling.finish(true);
            self.post_body = std::mem::take(&mut polling.post_body);
            polling.confirm();
        }
        if let Some(reason) = closing.filter(|_| self.session.is_none()) {
            let frame = frame::close_frame(reason.close_code());
            outbound.queue.push(Bytes::from(frame));
        }
        outbound.flush();
        outbound.closing = closing.or(outbound.closing);
        drop(outbound);
        self.transport = ActiveTransport::WebSocket(ws);
        self.has_unhandled = true;
        // The new socket has to be watched as well.
        self.is_suspended = false;
        tracing::debug!(connection = self.connection.id, "upgraded to websocket");
        crate::meter::counter!("engine_upgrades_total").increment(1);
        if self.session.is_some() {
            crate::meter::gauge!("engine_sessions", "transport" => "polling").decrement(1.0);
            crate::meter::gauge!("engine_sessions", "transport" => "websocket").increment(1.0);
        }
    }

    /// Closes through the hub when the client closed the WebSocket, so that messages sent before are still written.
    /// Returns `true` if the session ends later.
    fn defer_end(&mut self, end: &SessionEnd) -> bool {
        let is_client_close = matches!(self.transport, ActiveTransport::WebSocket(_))
            && end.reason == CloseReason::TransportClose;
        match end.code {
            Some(code) if is_client_close && self.client_close.is_none() => {
                self.client_close = Some(code);
                let close = HubCommand::Close(Arc::clone(&self.connection), end.reason);
                self.hub.push(close);
                true
            }
            _ => false,
        }
    }

    /// Ends the session. Returns `true` if the transport is finished too.
    fn end(&mut self, end: &SessionEnd) -> bool {
        let Some(session) = self.session.take() else {
            return true;
        };
        let (finished, keep) = self.finish_sink(end);
        self.post_body = PostBody::default();
        if let ActiveTransport::WebSocket(ws) = &mut self.transport {
            ws.clear();
        }
        self.connection.memory.set_incoming(self.request_bytes);
        // A client whose probe was answered has stopped polling; it learns of the end over the WebSocket.
        if finished || !self.upgrade.as_ref().is_some_and(|upgrade| upgrade.is_answered()) {
            self.upgrade = None;
        }
        if !keep {
            self.context.sessions.remove(&self.connection.sid);
        }
        self.connection.closed.store(true, Ordering::Release);
        session.closed(end.reason);
        self.connection.memory.set_protocol_bytes(0);
        self.log(end.reason.as_str());
        if !finished {
            let timeout = if keep {
                self.context.config.ping_timeout
            } else {
                self.context.config.limits.close_timeout
            };
            self.ending = Some(Box::pin(tokio::time::sleep(timeout)));
        }
        finished
    }

    /// Writes the close packet or frame. Returns whether the transport is finished, and whether the session must stay
    /// reachable for a poll or for the WebSocket of an upgrade.
    fn finish_sink(&self, end: &SessionEnd) -> (bool, bool) {
        // The client has stopped polling and its upgrade packet is on the way: it can only learn of the end there.
        let is_upgrading = self.upgrade.as_ref().is_some_and(|upgrade| upgrade.is_answered());
        let mut guard = self.connection.lock();
        let outbound = &mut *guard;
        outbound.closing = Some(end.reason);
        match &mut outbound.sink {
            Sink::Polling(polling) => {
                // Like in the official server, a POST that ends the session by its content is answered with ok.
                if matches!(end.reason, CloseReason::TransportClose | CloseReason::ParseError) {
                    polling.confirm();
                }
                polling.on_received = None;
                if !end.reason.is_orderly() && is_upgrading {
                    polling.take_queued();
                    return (false, true);
                }
                if polling.has_poll() || !end.reason.is_orderly() {
                    polling.finish(end.reason == CloseReason::TransportClose);
                    outbound.finish();
                    return (true, false);
                }
                // The client learns of it with its next poll.
                (false, true)
            }
            Sink::Tcp { .. } | Sink::Stream { .. } => {
                let Some(code) = end.code.map(|code| self.client_close.unwrap_or(code)) else {
                    outbound.finish();
                    return (true, false);
                };
                // A client that reads nothing, or is evicted, does not get the queued messages.
                if matches!(end.reason, CloseReason::SlowReader | CloseReason::Overload)
                    && !outbound.queue.is_empty()
                {
                    outbound.finish();
                    return (true, false);
                }
                if !end.reason.is_orderly() {
                    outbound.queue.keep_first();
                }
                outbound.queue.push(Bytes::from(frame::close_frame(code)));
                outbound.flush_closing();
                (false, false)
            }
            Sink::Closed => (true, false),
        }
    }

    /// After the session: sends the rest, shuts the stream down, and waits for the client to close.
    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let over = self
            .ending
            .as_mut()
            .is_none_or(|sleep| sleep.as_mut().poll(cx).is_ready());
        let mut guard = self.connection.lock();
        let outbound = &mut *guard;
        outbound.waker = Some(cx.waker().clone());
        if over {
            outbound.finish();
            drop(guard);
            self.context.sessions.remove(&self.connection.sid);
            return Poll::Ready(());
        }
        let sent = match &mut outbound.sink {
            Sink::Polling(_) => {
                drop(guard);
                if !self.poll_upgrade(cx) {
                    return Poll::Pending;
                }
                self.ending = Some(Box::pin(tokio::time::sleep(
                    self.context.config.limits.close_timeout,
                )));
                return self.poll_ending(cx);
            }
            Sink::Tcp { write, .. } => outbound.queue.drain_to(write, cx),
            Sink::Stream { .. } => Ok(false),
            Sink::Closed => Ok(true),
        };
        if !matches!(sent, Ok(false)) {
            outbound.finish();
        }
        let done = matches!(outbound.sink, Sink::Closed);
        let is_stream = matches!(outbound.sink, Sink::Stream { .. });
        drop(guard);
        let ActiveTransport::WebSocket(ws) = &mut self.transport else {
            self.context.sessions.remove(&self.connection.sid);
            return Poll::Ready(());
        };
        if is_stream {
            match ws.poll_send(cx, |written| self.connection.next_chunk(written)) {
                Poll::Ready(Ok(())) if ws.poll_shutdown(cx).is_pending() => return Poll::Pending,
                Poll::Ready(_) => self.connection.lock().finish(),
                Poll::Pending => return Poll::Pending,
            }
        } else if !done {
            return Poll::Pending;
        }
        ws.poll_discard(cx)
    }

    fn log(&self, reason: &'static str) {
        let transport = match self.transport {
            ActiveTransport::Polling => "polling",
            ActiveTransport::WebSocket(_) => "websocket",
        };
        crate::meter::gauge!("engine_sessions", "transport" => transport).decrement(1.0);
        crate::meter::counter!("engine_closed_total", "reason" => reason).increment(1);
        tracing::info!(
            connection = self.connection.id,
            address = %self.address,
            transport,
            reason,
            seconds = self.opened.elapsed().as_secs_f32(),
            "connection closed"
        );
    }
}

impl<S: Session> Drop for SessionTask<S> {
    /// Also runs after a panic in the session, and when the runtime shuts down.
    fn drop(&mut self) {
        self.context.sessions.remove(&self.connection.sid);
        self.connection.closed.store(true, Ordering::Release);
        let mut outbound = self.connection.lock();
        outbound.finish();
        outbound.waker = None;
        drop(outbound);
        if self.session.is_some() {
            self.log("dropped");
        }
    }
}
