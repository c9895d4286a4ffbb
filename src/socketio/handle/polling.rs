//! HTTP long-polling over whatever sends requests: one GET that waits, and one POST at a time for what is sent.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Poll, Waker};

use super::platform::Platform;
use super::port::Port;
use super::shared::{BoxFuture, Lock, MaybeSend, Shared};
use crate::socketio::Frame;
use crate::socketio::client::{Batch, CloseInfo};

/// Sends requests. A future that is dropped gives its request up.
pub(crate) trait Http: MaybeSend + 'static {
    /// Body of the response.
    fn get(&self, url: String) -> BoxFuture<Result<String, CloseInfo>>;
    /// Nothing but whether it worked.
    fn post(&self, url: String, body: String) -> BoxFuture<Result<(), CloseInfo>>;
}

/// Polling transport; when it is dropped, what waits is still sent and the GET is given up.
pub(crate) struct Polling {
    state: Shared<Lock<State>>,
}

#[derive(Default)]
struct State {
    waiting: Batch,
    posting: bool,
    pausing: bool,
    closed: bool,
    /// Tasks that sleep until something of the above changes.
    wakers: Vec<Waker>,
}

impl Polling {
    /// Begins to poll; `port` hears what becomes of it.
    pub(crate) fn open<H: Http>(http: H, platform: &Platform, port: Port) -> Self {
        let state = Shared::new(Lock::new(State::default()));
        // Both tasks send requests; sharing behind a lock that is never held across a wait keeps that portable.
        let http = Shared::new(Lock::new(http));
        let poster = post_all(Shared::clone(&http), Shared::clone(&state), port.clone());
        let poller = poll_all(http, Shared::clone(&state), port);
        platform.spawn(Box::pin(poller));
        platform.spawn(Box::pin(poster));
        Self { state }
    }

    /// Queues a frame; frames queued together go out together.
    pub(crate) fn send(&self, frame: Frame) {
        change(&self.state, |state| state.waiting.push(frame));
    }

    /// Stops when all that is under way is done, then reports it. Until then the server has to end the GET.
    pub(crate) fn pause(&self) {
        change(&self.state, |state| state.pausing = true);
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        change(&self.state, |state| state.closed = true);
    }
}

/// Changes the state and wakes whoever sleeps on it.
fn change<R>(state: &Lock<State>, change: impl FnOnce(&mut State) -> R) -> R {
    let mut state = state.lock();
    let result = change(&mut state);
    let wakers = std::mem::take(&mut state.wakers);
    drop(state);
    for waker in wakers {
        waker.wake();
    }
    result
}

/// Waits until `ready` finds something.
async fn until<R>(state: &Lock<State>, mut ready: impl FnMut(&mut State) -> Option<R>) -> R {
    poll_fn(|context| {
        let mut state = state.lock();
        match ready(&mut state) {
            Some(found) => Poll::Ready(found),
            None => {
                state.wakers.push(context.waker().clone());
                Poll::Pending
            }
        }
    })
    .await
}

/// Result of a request, or `None` when the transport was closed meanwhile.
async fn unless_closed<R>(state: &Lock<State>, request: impl Future<Output = R>) -> Option<R> {
    let mut request = pin!(request);
    poll_fn(|context| {
        if let Poll::Ready(result) = request.as_mut().poll(context) {
            return Poll::Ready(Some(result));
        }
        let mut state = state.lock();
        if state.closed {
            return Poll::Ready(None);
        }
        state.wakers.push(context.waker().clone());
        Poll::Pending
    })
    .await
}

async fn poll_all<H: Http>(http: Shared<Lock<H>>, state: Shared<Lock<State>>, port: Port) {
    port.opened();
    while let Some(url) = port.request_url() {
        let request = http.lock().get(url);
        let Some(response) = unless_closed(&state, request).await else {
            return;
        };
        match response {
            Ok(body) => port.payload(&body),
            Err(info) => return port.closed(info),
        }
        if state.lock().pausing {
            break;
        }
    }
    // The wait for the end of the POSTs is the pause's last part.
    let paused = until(&state, |state| {
        let resting = state.pausing && !state.posting && state.waiting.is_empty();
        (state.closed || resting).then_some(resting && !state.closed)
    });
    if paused.await {
        port.paused();
    }
}

async fn post_all<H: Http>(http: Shared<Lock<H>>, state: Shared<Lock<State>>, port: Port) {
    let mut last_url = None;
    loop {
        let max_payload = port.max_payload();
        let body = until(&state, |state| {
            let body = state.waiting.next_body(max_payload);
            state.posting = body.is_some();
            (state.posting || state.closed).then_some(body)
        });
        let Some(body) = body.await else { return };
        // What was sent before the transport was closed still leaves, to where the last request went.
        let Some(url) = port.request_url().or_else(|| last_url.clone()) else {
            return;
        };
        last_url = Some(url.clone());
        let request = http.lock().post(url, body);
        if let Err(info) = request.await {
            return port.closed(info);
        }
        change(&state, |state| state.posting = false);
    }
}
