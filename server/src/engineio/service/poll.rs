//! GET and POST requests of a polling session.

use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::oneshot;

use crate::engineio::body::{RequestBody, ResponseBody};
use crate::engineio::close_reason::CloseReason;
use crate::engineio::compression;
use crate::engineio::connection_state::{ConnectionState, Sink};
use crate::engineio::memory::MemoryUsage;
use crate::engineio::polling::{PollOutcome, PostBody};
use crate::engineio::protocol::EngineContext;
use crate::engineio::refusal::{Refusal, RefuseCode};

/// Closes the session when a poll or a POST is aborted.
struct RequestGuard<'a> {
    session: &'a ConnectionState,
    kind: GuardedRequest,
}

/// Request of a guard.
enum GuardedRequest {
    Poll(u64),
    Post { whole: bool },
}

impl Drop for RequestGuard<'_> {
    fn drop(&mut self) {
        let mut outbound = self.session.lock();
        let Sink::Polling(polling) = &mut outbound.sink else {
            return;
        };
        let aborted = match self.kind {
            GuardedRequest::Poll(number) => polling.is_pending(number),
            GuardedRequest::Post { whole } => {
                self.session.memory.set_body(0);
                polling.posting = None;
                !whole
            }
        };
        if aborted {
            outbound.fail(CloseReason::TransportError);
        }
    }
}

/// Answers a poll: at once if messages are queued, otherwise when one is sent.
pub(super) async fn poll(
    context: &EngineContext,
    session: &Arc<ConnectionState>,
    gzip: bool,
) -> Result<Response<ResponseBody>, Refusal> {
    let polled = {
        let mut guard = session.lock();
        let outbound = &mut *guard;
        let Sink::Polling(polling) = &mut outbound.sink else {
            return Err(Refusal::new(
                RefuseCode::UnknownSid,
                "the session has left polling",
            ));
        };
        // The close packet gets a body of its own: the official client handles it before the messages beside it.
        if outbound.closing.is_some() && !polling.has_poll() && !polling.has_queued() {
            let body = polling.last_body(false);
            outbound.finish();
            outbound.wake();
            return Ok(text_response(context, &session.memory, body, gzip));
        }
        polling.handle_poll()
    };
    let (number, response) = match polled {
        PollOutcome::Respond(body) => return Ok(text_response(context, &session.memory, body, gzip)),
        PollOutcome::Wait { number, response } => (number, response),
        PollOutcome::Overlap => {
            session.lock().fail(CloseReason::TransportError);
            return Err(Refusal::of_transport(
                StatusCode::BAD_REQUEST,
                "two polls at a time",
            ));
        }
    };
    let guard = RequestGuard {
        session,
        kind: GuardedRequest::Poll(number),
    };
    let response = response.await;
    drop(guard);
    match response {
        Ok(body) => Ok(text_response(context, &session.memory, body, gzip)),
        Err(_) => Err(Refusal::new(RefuseCode::UnknownSid, "the session has ended")),
    }
}

/// Why a body could not be read.
enum BodyError {
    TooLarge,
    Incomplete,
}

/// Reads a body; its bytes count for the session.
async fn collect(
    context: &EngineContext,
    session: &ConnectionState,
    body: RequestBody,
) -> Result<Vec<u8>, BodyError> {
    let mut body = Limited::new(body, context.config.max_payload);
    let mut collected = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() {
                BodyError::TooLarge
            } else {
                BodyError::Incomplete
            }
        })?;
        if let Ok(part) = frame.into_data() {
            collected.extend_from_slice(&part);
            session.memory.set_body(collected.capacity());
            context.sessions.enforce_memory_limit();
        }
    }
    Ok(collected)
}

/// Handles a POST: its packets go to the session in order, then the response is `ok`.
pub(super) async fn post(
    context: &EngineContext,
    session: &Arc<ConnectionState>,
    octets: bool,
    body: RequestBody,
) -> Result<Response<ResponseBody>, Refusal> {
    let bad = |context: &str| Refusal::of_transport(StatusCode::BAD_REQUEST, context);
    let (posting, ended) = oneshot::channel();
    {
        let mut guard = session.lock();
        let outbound = &mut *guard;
        let Sink::Polling(polling) = &mut outbound.sink else {
            return Err(bad("the session has left polling"));
        };
        // A POST whose client is gone may still wait for the session.
        let problem = if polling.posting.is_some() || polling.on_received.is_some() {
            Some("two bodies at a time")
        } else if octets {
            Some("binary body")
        } else {
            None
        };
        if let Some(problem) = problem {
            outbound.fail(CloseReason::TransportError);
            return Err(bad(problem));
        }
        polling.posting = Some(posting);
    }
    let mut guard = RequestGuard {
        session,
        kind: GuardedRequest::Post { whole: false },
    };
    let collected = tokio::select! {
        collected = tokio::time::timeout(context.config.limits.body_timeout, collect(context, session, body)) => collected,
        _ = ended => return Err(bad("the session has ended")),
    };
    let collected = match collected {
        Ok(Ok(collected)) => collected,
        Ok(Err(BodyError::TooLarge)) => {
            guard.kind = GuardedRequest::Post { whole: true };
            return Err(Refusal::of_transport(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body too large",
            ));
        }
        Ok(Err(BodyError::Incomplete)) => return Err(bad("body cut off")),
        Err(_) => return Err(bad("body too slow")),
    };
    guard.kind = GuardedRequest::Post { whole: true };
    let Ok(body) = String::from_utf8(collected) else {
        session.lock().fail(CloseReason::ParseError);
        return Err(bad("body is not UTF-8"));
    };
    let (sender, taken) = oneshot::channel();
    {
        let mut guard = session.lock();
        let outbound = &mut *guard;
        let Sink::Polling(polling) = &mut outbound.sink else {
            return Err(bad("the session has left polling"));
        };
        if outbound.closing.is_some_and(CloseReason::is_orderly) {
            // The session has ended; the client learns of it with its next poll.
            return Ok(ok_response());
        }
        polling.post_body = PostBody::new(body);
        polling.on_received = Some(sender);
        outbound.wake();
    }
    // Dropped when the session ends first.
    if taken.await.is_err() {
        return Err(bad("the session has ended"));
    }
    Ok(ok_response())
}

/// Response to a POST.
fn ok_response() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from("ok"));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Response to a poll.
pub(super) fn text_response(
    context: &EngineContext,
    memory: &Arc<MemoryUsage>,
    body: String,
    gzip: bool,
) -> Response<ResponseBody> {
    let compress = gzip
        && context
            .config
            .gzip_threshold()
            .is_some_and(|threshold| body.len() >= threshold);
    let body = if compress {
        compression::gzip(body.as_bytes())
    } else {
        body.into_bytes()
    };
    let mut response = Response::new(ResponseBody::counted(body, memory));
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
