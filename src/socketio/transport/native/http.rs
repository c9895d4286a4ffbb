//! Requests of the polling transport, through reqwest.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::socketio::client::Settings;
use crate::socketio::proto::CloseInfo;
use crate::socketio::sync::Callback;
use crate::socketio::transport::{Http, Port, Response as Body};

/// Time for a request whose transport nobody needs any more.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// Sends requests with the same headers each time.
pub(crate) struct Requests {
    runtime: Handle,
    client: Result<Client, String>,
    max_bytes: usize,
    hurried: watch::Sender<bool>,
    port: Port,
}

impl Requests {
    /// Requests with the headers, the certificates and the limit of `settings`, for what reports to `port`.
    pub(crate) fn new(runtime: Handle, settings: &Settings, port: Port) -> Self {
        Self {
            runtime,
            client: client(&settings.extra_headers, &settings.ca),
            max_bytes: settings.max_frame_bytes,
            hurried: watch::Sender::new(false),
            port,
        }
    }
}

fn client(headers: &[(String, String)], ca: &[u8]) -> Result<Client, String> {
    let map = super::headers(headers)?;
    // `no_proxy`: the machine's proxy settings do not apply to WebSockets either.
    let builder = Client::builder().default_headers(map).no_proxy();
    let tls = super::tls::config(ca)?.as_ref().clone();
    let builder = builder.tls_backend_preconfigured(tls);
    builder.build().map_err(|error| error.to_string())
}

/// With all its causes: that a certificate is not trusted is said by the last of them.
fn failed(error: &reqwest::Error) -> CloseInfo {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += ": ";
        text += &error.to_string();
        cause = error.source();
    }
    CloseInfo::failed(text)
}

fn accepted(response: Result<Response, reqwest::Error>) -> Result<Response, CloseInfo> {
    let response = response.map_err(|error| failed(&error))?;
    let status = response.status();
    if status.is_success() {
        Ok(response)
    } else {
        Err(CloseInfo::failed("the server refused the request").with_code(status.as_u16()))
    }
}

/// Request under way; given up when it is dropped before its end.
pub(crate) struct Request(AbortHandle);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Http for Requests {
    type Request = Request;

    fn begin(&self, url: &str, body: Option<String>, done: Callback<Body>) -> Result<Request, CloseInfo> {
        let client = self.client.clone().map_err(CloseInfo::failed)?;
        let gets = body.is_none();
        let request = match body {
            Some(body) => client
                .post(url)
                .header(CONTENT_TYPE, "text/plain;charset=UTF-8")
                .body(body),
            None => client.get(url),
        };
        let reads = gets.then(|| self.port.clone());
        let max_bytes = self.max_bytes;
        let hurried = self.hurried.subscribe();
        let task = self.runtime.spawn(async move {
            let response = async {
                if let Some(port) = reads {
                    port.caught_up().await;
                }
                read(accepted(request.send().await)?, max_bytes).await
            };
            let body = tokio::select! {
                body = response => body,
                () = too_late(hurried) => Err(CloseInfo::failed("the server does not answer")),
            };
            done(body);
        });
        Ok(Request(task.abort_handle()))
    }

    fn hurry(&self) {
        self.hurried.send_replace(true);
    }
}

/// Waits until there is a hurry, and then for the time that is left.
async fn too_late(mut hurried: watch::Receiver<bool>) {
    // the sender lives for as long as anybody would hear of the request's end
    drop(hurried.wait_for(|hurried| *hurried).await);
    tokio::time::sleep(LAST_WORDS).await;
}

/// Body of a response.
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
