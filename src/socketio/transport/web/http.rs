//! Requests of the polling transport, through `XMLHttpRequest`.

use gloo_events::EventListener;
use wasm_bindgen::JsValue;
use web_sys::XmlHttpRequest;

use crate::socketio::proto::CloseInfo;
use crate::socketio::sync::{Callback, Shared};
use crate::socketio::transport::config::TransportConfig;
use crate::socketio::transport::polling::{HttpClient, HttpResponse};

/// Sends requests with the headers of the settings.
pub(crate) struct Requests(Shared<TransportConfig>);

/// Request in progress; aborted when dropped.
pub(crate) struct Request {
    request: XmlHttpRequest,
    /// Removed before the request is aborted, so that the abort is not reported.
    loadend: Option<EventListener>,
}

impl Requests {
    pub(crate) fn new(config: Shared<TransportConfig>) -> Self {
        Self(config)
    }

    fn begin(&self, url: &str, body: Option<&str>, done: Callback<HttpResponse>) -> Result<Request, JsValue> {
        let request = XmlHttpRequest::new()?;
        request.open(if body.is_some() { "POST" } else { "GET" }, url)?;
        request.set_with_credentials(self.0.with_credentials);
        for (name, value) in &self.0.extra_headers {
            request.set_request_header(name, value)?;
        }
        if body.is_some() {
            request.set_request_header("content-type", "text/plain;charset=UTF-8")?;
        }
        let ended = request.clone();
        let loadend = EventListener::once(&request, "loadend", move |_| done(response(&ended)));
        request.send_with_opt_str(body)?;
        Ok(Request {
            request,
            loadend: Some(loadend),
        })
    }
}

/// Result of a request that has ended. Status 0 means that there was no response.
fn response(request: &XmlHttpRequest) -> HttpResponse {
    match request.status().unwrap_or(0) {
        0 => Err(CloseInfo::failed("request failed")),
        200..=299 => Ok(request.response_text().ok().flatten().unwrap_or_default()),
        code => Err(CloseInfo::failed("the server refused the request").with_code(code)),
    }
}

impl HttpClient for Requests {
    type Request = Request;

    fn send(
        &self,
        url: &str,
        body: Option<String>,
        done: Callback<HttpResponse>,
    ) -> Result<Request, CloseInfo> {
        self.begin(url, body.as_deref(), done)
            .map_err(|_| CloseInfo::failed("request refused by the browser"))
    }

    /// The browser has its own time limits.
    fn finish_soon(&self) {}
}

impl Drop for Request {
    fn drop(&mut self) {
        self.loadend = None;
        if self.request.abort().is_err() {
            // Nothing to abort.
        }
    }
}
