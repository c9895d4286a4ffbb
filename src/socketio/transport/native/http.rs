//! Requests of the polling transport, through reqwest.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::socketio::proto::CloseInfo;
use crate::socketio::sync::Callback;
use crate::socketio::transport::config::TransportConfig;
use crate::socketio::transport::events::TransportEventSink;
use crate::socketio::transport::polling::{HttpClient, HttpResponse as Body};

/// Time limit for the remaining requests of a closed transport.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends requests with the headers, certificates and limits of the settings.
pub(crate) struct Requests {
    runtime: Handle,
    client: Result<Client, String>,
    max_bytes: usize,
    closing: watch::Sender<bool>,
    events: TransportEventSink,
}

impl Requests {
    /// Client for a transport that reports to `events`.
    pub(crate) fn new(runtime: Handle, config: &TransportConfig, events: TransportEventSink) -> Self {
        Self {
            runtime,
            client: client(config),
            max_bytes: config.max_frame_bytes,
            closing: watch::Sender::new(false),
            events,
        }
    }
}

/// Header map; a name that is given several times is sent several times.
pub(super) fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
        let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn client(config: &TransportConfig) -> Result<Client, String> {
    let headers = headers(&config.extra_headers)?;
    // `no_proxy`: the system's proxy settings do not apply to WebSockets either.
    let builder = Client::builder().default_headers(headers).no_proxy();
    let tls = super::tls::config(&config.ca)?.as_ref().clone();
    let mut builder = builder.tls_backend_preconfigured(tls);
    if let Some(jar) = config.cookies.jar() {
        builder = builder.cookie_provider(Arc::clone(jar));
    }
    builder.build().map_err(|error| error.to_string())
}

/// Describes an error with all its causes; only the last one says that a certificate is not trusted.
pub(super) fn failed(error: &(dyn Error + 'static)) -> CloseInfo {
    let mut text = error.to_string();
    let mut speaks_no_tls = is_answer_without_tls(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some errors repeat their cause.
        if !text.ends_with(&next) {
            text += ": ";
            text += &next;
        }
        speaks_no_tls |= is_answer_without_tls(error);
        cause = error.source();
    }
    if speaks_no_tls {
        text += "; the server answers without TLS, so its address begins with http: or ws:";
    }
    CloseInfo::failed(text)
}

/// Whether the peer sent something else than TLS.
fn is_answer_without_tls(error: &(dyn Error + 'static)) -> bool {
    let inner = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    let is_other = |error: &rustls::Error| matches!(error, rustls::Error::InvalidMessage(_));
    error.downcast_ref().is_some_and(is_other)
        || inner.and_then(|error| error.downcast_ref()).is_some_and(is_other)
}

fn accepted(response: Result<Response, reqwest::Error>) -> Result<Response, CloseInfo> {
    let response = response.map_err(|error| failed(&error))?;
    let status = response.status();
    if status.is_success() {
        Ok(response)
    } else {
        let reason = match status {
            StatusCode::NOT_FOUND => {
                "nothing is served at this path; compare the option 'path' with the server's"
            }
            _ => "the server refused the request",
        };
        Err(CloseInfo::failed(reason).with_code(status.as_u16()))
    }
}

/// Request in progress; aborted when dropped.
pub(crate) struct Request(AbortHandle);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl HttpClient for Requests {
    type Request = Request;

    fn send(&self, url: &str, body: Option<String>, done: Callback<Body>) -> Result<Request, CloseInfo> {
        let client = self.client.clone().map_err(CloseInfo::failed)?;
        let gets = body.is_none();
        let request = match body {
            Some(body) => client
                .post(url)
                .header(CONTENT_TYPE, "text/plain;charset=UTF-8")
                .body(body),
            None => client.get(url),
        };
        let reads = gets.then(|| self.events.clone());
        let max_bytes = self.max_bytes;
        let closing = self.closing.subscribe();
        let task = self.runtime.spawn(async move {
            let response = async {
                if let Some(events) = reads {
                    events.wait_for_capacity().await;
                }
                read(accepted(request.send().await)?, max_bytes).await
            };
            let body = tokio::select! {
                body = response => body,
                () = closing_timeout(closing) => Err(CloseInfo::failed("no response in time after the transport was closed")),
            };
            done(body);
        });
        Ok(Request(task.abort_handle()))
    }

    fn finish_soon(&self) {
        self.closing.send_replace(true);
    }
}

/// Waits until the transport is closed, then for the time limit.
async fn closing_timeout(mut closing: watch::Receiver<bool>) {
    // The sender lives as long as the transport, which outlives its requests.
    drop(closing.wait_for(|closing| *closing).await);
    tokio::time::sleep(CLOSING_TIMEOUT).await;
}

/// Reads the body of a response.
async fn read(mut response: Response, max_bytes: usize) -> Body {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(CloseInfo::failed("response is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| CloseInfo::failed("response is not UTF-8"))
}
