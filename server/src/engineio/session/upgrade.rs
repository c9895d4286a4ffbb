//! Upgrade of a polling session to WebSocket: probe, response, and the upgrade packet.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Sleep;

use crate::engineio::connection_state::{ConnectionState, Sink};
use crate::engineio::websocket::frame::{self, InboundFrame, Opcode};
use crate::engineio::websocket::{ReadControl, WebSocket};

/// WebSocket of an upgrade in progress.
pub(super) struct UpgradeProbe {
    pub(super) ws: WebSocket,
    deadline: Pin<Box<Sleep>>,
    answered: bool,
}

/// Progress of an upgrade.
pub(super) enum ProbeOutcome {
    Waiting,
    Complete,
    Failed,
}

impl UpgradeProbe {
    pub(super) fn new(ws: WebSocket, timeout: Duration) -> Self {
        Self {
            ws,
            deadline: Box::pin(tokio::time::sleep(timeout)),
            answered: false,
        }
    }

    /// Whether the probe was answered; from then on the client does not poll.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, connection: &Arc<ConnectionState>) -> ProbeOutcome {
        static PROBED: Bytes = Bytes::from_static(b"\x81\x063probe");
        if self.deadline.as_mut().poll(cx).is_ready() {
            return ProbeOutcome::Failed;
        }
        // The rest of an earlier response that the socket had no room for.
        if matches!(self.ws.poll_send(cx, |_| None), Poll::Ready(Err(_))) {
            return ProbeOutcome::Failed;
        }
        let (mut probes, mut complete, mut failed) = (0, false, false);
        let mut pongs = Vec::new();
        let mut each = |incoming: InboundFrame<'_>| {
            match incoming {
                InboundFrame::Text(text) if text == "2probe" => probes += 1,
                InboundFrame::Text(text) if text.starts_with('5') => complete = true,
                InboundFrame::Ping(data) => frame::push_frame(&mut pongs, Opcode::Pong, false, data),
                InboundFrame::Nothing => {}
                InboundFrame::Text(_) | InboundFrame::Binary(_) | InboundFrame::Close(_) => failed = true,
            }
            if complete || failed {
                ReadControl::Stop
            } else {
                ReadControl::Continue
            }
        };
        let mut result = if self.ws.has_buffered() {
            self.ws.read_buffered(&mut each)
        } else {
            Ok(ReadControl::Continue)
        };
        let mut waiting = false;
        while matches!(result, Ok(ReadControl::Continue)) && !waiting {
            match self.ws.poll_read(cx, &mut each) {
                Poll::Ready(next) => result = next,
                Poll::Pending => waiting = true,
            }
        }
        if failed || result.is_err() {
            return ProbeOutcome::Failed;
        }
        if !pongs.is_empty() && !self.ws.write_short(cx, &Bytes::from(pongs)) {
            return ProbeOutcome::Failed;
        }
        for _ in 0..probes {
            if !self.ws.write_short(cx, &PROBED) {
                return ProbeOutcome::Failed;
            }
            self.answered = true;
            if let Sink::Polling(polling) = &mut connection.lock().sink {
                polling.set_probing(true);
            }
        }
        if complete {
            ProbeOutcome::Complete
        } else {
            ProbeOutcome::Waiting
        }
    }
}
