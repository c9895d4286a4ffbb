//! Polls and POSTs of a session that polls.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;

use super::Refusal;
use crate::engineio::account::{Account, counted};
use crate::engineio::connection::{Inner, Line};
use crate::engineio::polling::{Inbound, Polled};
use crate::engineio::{CloseReason, RefuseCode, Shared, deflate};

/// Bytes of a large response that are given to the socket at a time.
const PART: usize = 64 << 10;

/// Body of a large response, part by part: the heartbeat sees that the client takes it.
struct Parts {
    rest: Bytes,
    account: Arc<Account>,
}

impl Parts {
    fn new(body: Vec<u8>, account: &Arc<Account>) -> Self {
        account.begin_response(body.len());
        Self {
            rest: counted(body),
            account: Arc::clone(account),
        }
    }
}

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.rest.len().min(PART);
        let part = self.rest.split_to(size);
        self.account.end_response(part.len(), true);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.account.end_response(self.rest.len(), false);
    }
}

/// Ends the session when a poll or a POST is aborted.
struct Guard<'a> {
    session: &'a Inner,
    kind: Guarded,
}

/// What a guard guards.
enum Guarded {
    Poll(u64),
    Post { whole: bool },
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut state = self.session.lock();
        let Line::Polling(polling) = &mut state.line else {
            return;
        };
        let aborted = match self.kind {
            Guarded::Poll(number) => polling.is_waiting(number),
            Guarded::Post { whole } => {
                self.session.account.set_body(0);
                polling.posting = None;
                !whole
            }
        };
        if aborted {
            state.fail(CloseReason::TransportError);
        }
    }
}

/// A poll: answers at once, or when there is something to say.
pub(super) async fn poll(
    shared: &Shared,
    session: &Arc<Inner>,
    gzip: bool,
) -> Result<Response<Body>, Refusal> {
    let polled = {
        let mut guard = session.lock();
        let state = &mut *guard;
        let Line::Polling(polling) = &mut state.line else {
            return Err(Refusal::new(
                RefuseCode::UnknownSid,
                "the session has left polling",
            ));
        };
        // The close packet has a body of its own: the official client acts on it before the messages beside it.
        if state.closing.is_some() && !polling.has_poll() && !polling.has_waiting() {
            let body = polling.last_body(false);
            state.finish();
            state.wake();
            return Ok(text_response(shared, &session.account, body, gzip));
        }
        polling.poll()
    };
    let (number, answer) = match polled {
        Polled::Answer(body) => return Ok(text_response(shared, &session.account, body, gzip)),
        Polled::Wait { number, answer } => (number, answer),
        Polled::Overlap => {
            session.lock().fail(CloseReason::TransportError);
            return Err(Refusal::of_transport(
                StatusCode::BAD_REQUEST,
                "two polls at a time",
            ));
        }
    };
    let guard = Guard {
        session,
        kind: Guarded::Poll(number),
    };
    let answer = answer.await;
    drop(guard);
    match answer {
        Ok(body) => Ok(text_response(shared, &session.account, body, gzip)),
        Err(_) => Err(Refusal::new(RefuseCode::UnknownSid, "the session has ended")),
    }
}

/// Why a body is not there.
enum Broken {
    TooLarge,
    CutOff,
}

/// Reads a body; what is there counts for its session.
async fn collect(shared: &Shared, session: &Inner, body: Body) -> Result<Vec<u8>, Broken> {
    let mut body = Limited::new(body, shared.config.max_payload);
    let mut collected = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Broken::TooLarge
            } else {
                Broken::CutOff
            }
        })?;
        if let Ok(part) = frame.into_data() {
            collected.extend_from_slice(&part);
            session.account.set_body(collected.capacity());
            shared.sessions.relieve();
        }
    }
    Ok(collected)
}

/// A POST: its packets go to the session in order, then `ok`.
pub(super) async fn post(
    shared: &Shared,
    session: &Arc<Inner>,
    octets: bool,
    body: Body,
) -> Result<Response<Body>, Refusal> {
    let bad = |context: &str| Refusal::of_transport(StatusCode::BAD_REQUEST, context);
    let (posting, ended) = oneshot::channel();
    {
        let mut guard = session.lock();
        let state = &mut *guard;
        let Line::Polling(polling) = &mut state.line else {
            return Err(bad("the session has left polling"));
        };
        // one whose sender has gone may still wait for the session
        let problem = if polling.posting.is_some() || polling.taken.is_some() {
            Some("two bodies at a time")
        } else if octets {
            Some("binary body")
        } else {
            None
        };
        if let Some(problem) = problem {
            state.fail(CloseReason::TransportError);
            return Err(bad(problem));
        }
        polling.posting = Some(posting);
    }
    let mut guard = Guard {
        session,
        kind: Guarded::Post { whole: false },
    };
    let collected = tokio::select! {
        collected = tokio::time::timeout(shared.config.limits.body_timeout, collect(shared, session, body)) => collected,
        _ = ended => return Err(bad("the session has ended")),
    };
    let collected = match collected {
        Ok(Ok(collected)) => collected,
        Ok(Err(Broken::TooLarge)) => {
            guard.kind = Guarded::Post { whole: true };
            return Err(Refusal::of_transport(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body too large",
            ));
        }
        Ok(Err(Broken::CutOff)) => return Err(bad("body cut off")),
        Err(_) => return Err(bad("body too slow")),
    };
    guard.kind = Guarded::Post { whole: true };
    let Ok(body) = String::from_utf8(collected) else {
        session.lock().fail(CloseReason::ParseError);
        return Err(bad("body is not UTF-8"));
    };
    let (sender, taken) = oneshot::channel();
    {
        let mut guard = session.lock();
        let state = &mut *guard;
        let Line::Polling(polling) = &mut state.line else {
            return Err(bad("the session has left polling"));
        };
        if state.closing.is_some_and(CloseReason::is_orderly) {
            // Nobody hears them any more; the client hears of the end with its next poll.
            return Ok(thanks());
        }
        polling.inbound = Inbound::new(body);
        polling.taken = Some(sender);
        state.wake();
    }
    // Dropped when the session ends first.
    if taken.await.is_err() {
        return Err(bad("the session has ended"));
    }
    Ok(thanks())
}

/// Answer to a POST.
fn thanks() -> Response<Body> {
    let mut response = Response::new(Body::from("ok"));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Answer to a poll.
pub(super) fn text_response(
    shared: &Shared,
    account: &Arc<Account>,
    body: String,
    gzip: bool,
) -> Response<Body> {
    let compress = gzip
        && shared
            .config
            .http_compression
            .is_some_and(|threshold| body.len() >= threshold);
    let body = if compress {
        deflate::gzip(body.as_bytes())
    } else {
        body.into_bytes()
    };
    let body = if body.len() <= PART {
        Body::from(body)
    } else {
        Body::new(Parts::new(body, account))
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    if compress {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=UTF-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
