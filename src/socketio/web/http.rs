//! Requests of the polling transport, through `XMLHttpRequest`.

use wasm_bindgen::JsValue;

use super::browser::HttpRequest;
use super::hearing::Hearing;
use crate::socketio::client::CloseInfo;
use crate::socketio::handle::{self, Http, Response, Settings, Shared};

/// Sends requests with the same headers each time.
pub(crate) struct Requests(Shared<Settings>);

/// Request under way; given up when it is dropped before its end.
pub(crate) struct Request {
    request: HttpRequest,
    /// Until the end, or until nobody wants to know of it.
    ended: Option<Hearing>,
}

impl Requests {
    /// Requests with the headers of `settings`; with cookies to other origins, or only to the page's own.
    pub(crate) fn new(settings: Shared<Settings>) -> Self {
        Self(settings)
    }

    fn begin(
        &self,
        url: &str,
        body: Option<&str>,
        done: handle::Callback<Response>,
    ) -> Result<Request, JsValue> {
        let request = HttpRequest::new();
        request.open(if body.is_some() { "POST" } else { "GET" }, url)?;
        request.set_with_credentials(self.0.with_credentials);
        for (name, value) in &self.0.extra_headers {
            request.set_header(name, value)?;
        }
        if body.is_some() {
            request.set_header("content-type", "text/plain;charset=UTF-8")?;
        }
        let ended = request.clone();
        let mut done = Some(done);
        let ended = move |_| {
            if let Some(done) = done.take() {
                done(response(&ended));
            }
        };
        let ended = Some(Hearing::of(&request, &["loadend"], Box::new(ended)));
        request.send(body)?;
        Ok(Request { request, ended })
    }
}

/// What became of a request that has ended.
fn response(request: &HttpRequest) -> Response {
    match request.status() {
        200..=299 => Ok(request.response_text()),
        code @ 1.. => Err(CloseInfo::failed("the server refused the request").with_code(code)),
        0 => Err(CloseInfo::failed("request failed")),
    }
}

impl Http for Requests {
    type Request = Request;

    fn begin(
        &self,
        url: &str,
        body: Option<String>,
        done: handle::Callback<Response>,
    ) -> Result<Request, CloseInfo> {
        self.begin(url, body.as_deref(), done)
            .map_err(|_| CloseInfo::failed("request refused by the browser"))
    }

    /// The browser knows when to give up.
    fn hurry(&self) {}
}

impl Drop for Request {
    fn drop(&mut self) {
        // Or the end would be told at once.
        self.ended = None;
        self.request.abort();
    }
}
