//! HTTP long-polling over any [`HttpClient`]: one pending GET to receive, and one POST at a time to send.
//!
//! Each step starts when a request has ended or when the connection flushes. The connection is locked while it sends and
//! flushes, so events are reported, and URLs requested, only where a request has ended.

use std::future::{Future, poll_fn};
use std::task::{Poll, Waker};

use super::events::{TransportEvent, TransportEventSink};
use crate::socketio::codec::Frame;
use crate::socketio::proto::{CloseInfo, Connection, PostQueue, TransportId};
use crate::socketio::sync::{Callback, Lock, MaybeSend, Shared};

/// Body of a response, or why the request failed.
pub(crate) type HttpResponse = Result<String, CloseInfo>;

/// Sends requests.
pub(crate) trait HttpClient: MaybeSend + 'static {
    /// Request in progress; aborted when dropped.
    type Request: MaybeSend;

    /// Starts a GET, or a POST if there is a body. `done` is called when it has ended, never synchronously.
    fn send(
        &self,
        url: &str,
        body: Option<String>,
        done: Callback<HttpResponse>,
    ) -> Result<Self::Request, CloseInfo>;

    /// The transport was closed: limits the time for the remaining requests.
    fn finish_soon(&self);
}

/// Transport by long-polling. When it is dropped, waiting frames are still sent, then the GET is aborted.
pub(crate) struct PollingTransport<H: HttpClient>(Shared<Lock<State<H>>>);

struct State<H: HttpClient> {
    http: H,
    events: TransportEventSink,
    waiting: PostQueue,
    /// Maximum of waiting bytes.
    max_unsent_bytes: usize,
    get: Option<H::Request>,
    post: Option<H::Request>,
    pausing: bool,
    closed: bool,
    /// URL of the last request of the session.
    last_url: Option<String>,
    /// Largest body that the server accepts; kept for frames that are sent after the connection has closed.
    max_payload: Option<u64>,
    /// Woken whenever a request has ended.
    waiters: Vec<Waker>,
}

impl<H: HttpClient> PollingTransport<H> {
    /// Starts polling and reports to `events`. At most `max_unsent_bytes` may wait for a POST.
    pub(crate) fn open(
        http: H,
        url: &str,
        events: TransportEventSink,
        max_unsent_bytes: usize,
    ) -> Result<Self, CloseInfo> {
        let state = Shared::new(Lock::new(State {
            http,
            events,
            waiting: PostQueue::default(),
            max_unsent_bytes,
            get: None,
            post: None,
            pausing: false,
            closed: false,
            last_url: None,
            max_payload: None,
            waiters: Vec::new(),
        }));
        get(&state, url)?;
        Ok(Self(state))
    }

    /// Queues a frame until the next flush.
    ///
    /// # Errors
    /// How the transport ends, when too many bytes wait.
    pub(crate) fn send(&self, frame: Frame) -> Result<(), CloseInfo> {
        let mut state = self.0.lock();
        state.waiting.push(frame);
        if state.waiting.bytes() > state.max_unsent_bytes {
            return Err(CloseInfo::send_backlog(state.max_unsent_bytes));
        }
        Ok(())
    }

    /// Sends the waiting frames together, unless a POST is in progress; they are sent when it has ended.
    pub(crate) fn flush(&self, connection: &mut Connection, id: TransportId) {
        let mut state = self.0.lock();
        state.max_payload = connection.max_payload();
        if state.post.is_none()
            && !state.waiting.is_empty()
            && let Some(url) = connection.request_url(id)
        {
            state.post(&self.0, url);
        }
    }

    /// Completes when every frame is sent, or the transport has ended.
    pub(crate) fn written(&self) -> impl Future<Output = ()> + use<H> {
        self.wait_until(State::is_written)
    }

    /// Completes when the transport is dropped and its last request has ended.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + use<H> {
        self.wait_until(|state| state.closed && state.get.is_none() && state.is_written())
    }

    fn wait_until(&self, is_done: fn(&State<H>) -> bool) -> impl Future<Output = ()> + use<H> {
        let shared = Shared::clone(&self.0);
        poll_fn(move |context| {
            let mut state = shared.lock();
            if is_done(&state) {
                return Poll::Ready(());
            }
            state.waiters.push(context.waker().clone());
            Poll::Pending
        })
    }

    /// Stops when the current requests have ended, and reports it. The server ends the GET.
    pub(crate) fn pause(&self) {
        self.0.lock().pausing = true;
    }
}

impl<H: HttpClient> Drop for PollingTransport<H> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        state.http.finish_soon();
        let idle = state.post.is_none();
        drop(state);
        if idle {
            post_next(&self.0);
        }
        abort_get(&self.0);
    }
}

impl<H: HttpClient> State<H> {
    fn is_written(&self) -> bool {
        self.post.is_none() && self.waiting.is_empty()
    }

    /// Starts the next POST, if there is anything to send.
    fn post(&mut self, shared: &Shared<Lock<Self>>, url: String) {
        let Some(body) = self.waiting.next_body(self.max_payload) else {
            return;
        };
        let after = Shared::clone(shared);
        let done = Box::new(move |response| on_post_ended(&after, response));
        // An unusable address is reported by the GET, which uses the same one.
        self.post = self.http.send(&url, Some(body), done).ok();
        self.last_url = Some(url);
    }
}

fn get<H: HttpClient>(shared: &Shared<Lock<State<H>>>, url: &str) -> Result<(), CloseInfo> {
    let after = Shared::clone(shared);
    let done = Box::new(move |response| on_get_ended(&after, response));
    let mut state = shared.lock();
    state.get = Some(state.http.send(url, None, done)?);
    Ok(())
}

/// A GET has ended.
fn on_get_ended<H: HttpClient>(shared: &Shared<Lock<State<H>>>, response: HttpResponse) {
    let state = shared.lock();
    let (events, closed) = (state.events.clone(), state.closed);
    drop(state);
    if !closed {
        match response {
            Ok(body) => events.send(TransportEvent::Payload(body)),
            Err(info) => return events.send(TransportEvent::Closed(info)),
        }
    }
    // Only now: a POST that ends meanwhile would otherwise report the pause before this payload.
    let mut state = shared.lock();
    let ended = state.get.take();
    let (closed, pausing) = (state.closed, state.pausing);
    drop(state);
    drop(ended);
    if closed {
        abort_get(shared);
        return;
    }
    if pausing {
        report_pause(shared);
    } else if let Some(url) = events.request_url() {
        shared.lock().last_url = Some(url.clone());
        if let Err(info) = get(shared, &url) {
            events.send(TransportEvent::Closed(info));
        }
    }
}

/// A POST has ended.
fn on_post_ended<H: HttpClient>(shared: &Shared<Lock<State<H>>>, response: HttpResponse) {
    match response {
        Ok(_) => {
            post_next(shared);
            report_pause(shared);
        }
        Err(info) => {
            let mut state = shared.lock();
            // Nothing may follow a lost body, since frames must arrive in order.
            state.waiting = PostQueue::default();
            let (ended, events) = (state.post.take(), state.events.clone());
            drop(state);
            drop(ended);
            events.send(TransportEvent::Closed(info));
        }
    }
    abort_get(shared);
}

/// Aborts the GET of a closed transport once everything is sent, and wakes who waits for that. Not earlier: a server ends the session of an aborted
/// GET, and refuses later requests.
fn abort_get<H: HttpClient>(shared: &Shared<Lock<State<H>>>) {
    let mut state = shared.lock();
    let get = if state.closed && state.post.is_none() {
        state.get.take()
    } else {
        None
    };
    let waiters = std::mem::take(&mut state.waiters);
    drop(state);
    drop(get);
    for waiter in waiters {
        waiter.wake();
    }
}

/// Sends the waiting frames. After the transport was closed they go to the URL of the last request.
fn post_next<H: HttpClient>(shared: &Shared<Lock<State<H>>>) {
    let events = shared.lock().events.clone();
    let url = events.request_url();
    let mut state = shared.lock();
    let ended = state.post.take();
    if let Some(url) = url.or_else(|| state.last_url.clone()) {
        state.post(shared, url);
    }
    drop(state);
    drop(ended);
}

/// Reports that polling has stopped, if that was requested and all requests have ended.
fn report_pause<H: HttpClient>(shared: &Shared<Lock<State<H>>>) {
    let state = shared.lock();
    let idle = state.get.is_none() && state.post.is_none() && state.waiting.is_empty();
    let has_paused = state.pausing && !state.closed && idle;
    let events = state.events.clone();
    drop(state);
    if has_paused {
        events.send(TransportEvent::Paused);
    }
}
