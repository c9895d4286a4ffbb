//! HTTP long-polling over whatever sends requests: one GET that waits, and one POST at a time for what is sent.
//!
//! A step begins when a request is done, or when the connection has nothing more to queue; nothing waits in between.
//! The connection is locked while it sends and flushes, so its port is only asked from where a request ended.

use super::events::{Port, Report};
use crate::socketio::Frame;
use crate::socketio::proto::{Batch, CloseInfo, Machine, TransportId};
use crate::socketio::sync::{Callback, Lock, MaybeSend, Shared};

/// What became of a request: the body of the response.
pub(crate) type Response = Result<String, CloseInfo>;

/// Sends requests.
pub(crate) trait Http: MaybeSend + 'static {
    /// Request under way, which is given up when this is dropped.
    type Request: MaybeSend;

    /// Begins a GET, or the POST of a body. `done` is called when it has ended, never at once.
    fn begin(
        &self,
        url: &str,
        body: Option<String>,
        done: Callback<Response>,
    ) -> Result<Self::Request, CloseInfo>;

    /// Nobody needs the transport any more: what is still to be sent has only so much time.
    fn hurry(&self);
}

/// Polling transport; when it is dropped, what waits is still sent, and then the GET is given up.
pub(crate) struct Polling<H: Http>(Shared<Lock<State<H>>>);

struct State<H: Http> {
    http: H,
    port: Port,
    waiting: Batch,
    /// Bytes that may wait.
    most: usize,
    get: Option<H::Request>,
    post: Option<H::Request>,
    pausing: bool,
    closed: bool,
    /// Where the last request of the session went.
    last_url: Option<String>,
    /// Largest body that its server takes, also for what leaves after it.
    max_payload: Option<u64>,
}

impl<H: Http> Polling<H> {
    /// Begins to poll; `port` hears what becomes of it. At most so many bytes may wait for a POST.
    pub(crate) fn open(http: H, url: &str, port: Port, most: usize) -> Result<Self, CloseInfo> {
        let state = Shared::new(Lock::new(State {
            http,
            port,
            waiting: Batch::default(),
            most,
            get: None,
            post: None,
            pausing: false,
            closed: false,
            last_url: None,
            max_payload: None,
        }));
        get(&state, url)?;
        Ok(Self(state))
    }

    /// Queues a frame until the next flush.
    ///
    /// # Errors
    /// The end of the transport, when more waits than may.
    pub(crate) fn send(&self, frame: Frame) -> Result<(), CloseInfo> {
        let mut state = self.0.lock();
        state.waiting.push(frame);
        if state.waiting.bytes() > state.most {
            return Err(CloseInfo::unread(state.most));
        }
        Ok(())
    }

    /// Sends what waits, together, unless a POST is under way; its end sends the rest.
    pub(crate) fn flush(&self, machine: &mut Machine, id: TransportId) {
        let mut state = self.0.lock();
        state.max_payload = machine.max_payload();
        if state.post.is_none()
            && !state.waiting.is_empty()
            && let Some(url) = machine.request_url(id)
        {
            state.post(&self.0, url);
        }
    }

    /// Stops when all that is under way is done, then reports it. Until then the server has to end the GET.
    pub(crate) fn pause(&self) {
        self.0.lock().pausing = true;
    }
}

impl<H: Http> Drop for Polling<H> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        state.http.hurry();
        let idle = state.post.is_none();
        drop(state);
        if idle {
            post_next(&self.0);
        }
        release(&self.0);
    }
}

impl<H: Http> State<H> {
    /// Begins the next POST, if there is anything to send.
    fn post(&mut self, shared: &Shared<Lock<Self>>, url: String) {
        let Some(body) = self.waiting.next_body(self.max_payload) else {
            return;
        };
        let after = Shared::clone(shared);
        let done = Box::new(move |response| posted(&after, response));
        // An address that cannot be asked is reported by the GET, which goes there too.
        self.post = self.http.begin(&url, Some(body), done).ok();
        self.last_url = Some(url);
    }
}

fn get<H: Http>(shared: &Shared<Lock<State<H>>>, url: &str) -> Result<(), CloseInfo> {
    let after = Shared::clone(shared);
    let done = Box::new(move |response| got(&after, response));
    let mut state = shared.lock();
    state.get = Some(state.http.begin(url, None, done)?);
    Ok(())
}

/// A GET has ended.
fn got<H: Http>(shared: &Shared<Lock<State<H>>>, response: Response) {
    let state = shared.lock();
    let (port, closed) = (state.port.clone(), state.closed);
    drop(state);
    if !closed {
        match response {
            Ok(body) => port.report(Report::Payload(body)),
            Err(info) => return port.report(Report::Closed(info)),
        }
    }
    // Not before: a POST that ends meanwhile would report that all is at rest, and what came would be too late.
    let mut state = shared.lock();
    let ended = state.get.take();
    let (closed, pausing) = (state.closed, state.pausing);
    drop(state);
    drop(ended);
    if closed {
        return;
    }
    if pausing {
        rest(shared);
    } else if let Some(url) = port.request_url() {
        shared.lock().last_url = Some(url.clone());
        if let Err(info) = get(shared, &url) {
            port.report(Report::Closed(info));
        }
    }
}

/// A POST has ended.
fn posted<H: Http>(shared: &Shared<Lock<State<H>>>, response: Response) {
    match response {
        Ok(_) => {
            post_next(shared);
            rest(shared);
        }
        Err(info) => {
            let mut state = shared.lock();
            // Nothing follows a body that was lost.
            state.waiting = Batch::default();
            let (ended, port) = (state.post.take(), state.port.clone());
            drop(state);
            drop(ended);
            port.report(Report::Closed(info));
        }
    }
    release(shared);
}

/// Gives the GET of a closed transport up once everything is sent. Not before: a server ends the session of a GET that
/// is aborted, and refuses what comes after it.
fn release<H: Http>(shared: &Shared<Lock<State<H>>>) {
    let mut state = shared.lock();
    let get = if state.closed && state.post.is_none() {
        state.get.take()
    } else {
        None
    };
    drop(state);
    drop(get);
}

/// Sends what waits. What was sent before the transport was closed still leaves, to where the last request went.
fn post_next<H: Http>(shared: &Shared<Lock<State<H>>>) {
    let port = shared.lock().port.clone();
    let url = port.request_url();
    let mut state = shared.lock();
    let ended = state.post.take();
    if let Some(url) = url.or_else(|| state.last_url.clone()) {
        state.post(shared, url);
    }
    drop(state);
    drop(ended);
}

/// Reports that polling has come to rest, if it has and was asked to.
fn rest<H: Http>(shared: &Shared<Lock<State<H>>>) {
    let state = shared.lock();
    let idle = state.get.is_none() && state.post.is_none() && state.waiting.is_empty();
    let resting = state.pausing && !state.closed && idle;
    let port = state.port.clone();
    drop(state);
    if resting {
        port.report(Report::Paused);
    }
}
