//! A WebSocket that wants to take a polling session over: probe, answer, and the word to change.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Sleep;

use crate::engineio::connection::{Inner, Line};
use crate::engineio::websocket::{Flow, Ws};
use crate::engineio::wire::{self, Incoming, Opcode};

/// A WebSocket that wants to take over from polling.
pub(super) struct Upgrade {
    pub(super) ws: Ws,
    deadline: Pin<Box<Sleep>>,
    answered: bool,
}

/// What the probe of an upgrade led to.
pub(super) enum Probed {
    Waiting,
    Complete,
    Failed,
}

impl Upgrade {
    pub(super) fn new(ws: Ws, patience: Duration) -> Self {
        Self {
            ws,
            deadline: Box::pin(tokio::time::sleep(patience)),
            answered: false,
        }
    }

    /// Whether the probe has its answer: from then on the client does not poll.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, inner: &Arc<Inner>) -> Probed {
        static PROBED: Bytes = Bytes::from_static(b"\x81\x063probe");
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Probed::Failed;
        }
        // the rest of an earlier answer, where the socket had no room
        if matches!(self.ws.poll_send(cx, |_| None), Poll::Ready(Err(_))) {
            return Probed::Failed;
        }
        let (mut probes, mut complete, mut failed) = (0, false, false);
        let mut pongs = Vec::new();
        let mut each = |incoming: Incoming<'_>| {
            match incoming {
                Incoming::Text(text) if text == "2probe" => probes += 1,
                Incoming::Text(text) if text.starts_with('5') => complete = true,
                Incoming::Ping(data) => wire::push_frame(&mut pongs, Opcode::Pong, false, data),
                Incoming::Nothing => {}
                Incoming::Text(_) | Incoming::Binary(_) | Incoming::Close(_) => failed = true,
            }
            if complete || failed {
                Flow::Stop
            } else {
                Flow::More
            }
        };
        let mut result = if self.ws.has_held() {
            self.ws.read_held(&mut each)
        } else {
            Ok(Flow::More)
        };
        let mut waiting = false;
        while matches!(result, Ok(Flow::More)) && !waiting {
            match self.ws.poll_read(cx, &mut each) {
                Poll::Ready(next) => result = next,
                Poll::Pending => waiting = true,
            }
        }
        if failed || result.is_err() {
            return Probed::Failed;
        }
        if !pongs.is_empty() && !self.ws.write_short(cx, &Bytes::from(pongs)) {
            return Probed::Failed;
        }
        for _ in 0..probes {
            if !self.ws.write_short(cx, &PROBED) {
                return Probed::Failed;
            }
            self.answered = true;
            if let Line::Polling(polling) = &mut inner.lock().line {
                polling.set_probing(true);
            }
        }
        if complete {
            Probed::Complete
        } else {
            Probed::Waiting
        }
    }
}
