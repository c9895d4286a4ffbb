//! Requests of the polling transport, through reqwest.

use std::error::Error as _;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response};

use crate::socketio::client::CloseInfo;
use crate::socketio::handle::{BoxFuture, Http};

/// Sends requests with the same headers each time.
pub(crate) struct Requests {
    client: Result<Client, String>,
    max_bytes: usize,
}

impl Requests {
    /// Requests with these headers, whose responses may have this many bytes.
    pub(crate) fn new(headers: &[(String, String)], max_bytes: usize) -> Self {
        Self {
            client: client(headers),
            max_bytes,
        }
    }
}

fn client(headers: &[(String, String)]) -> Result<Client, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
        let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
        map.append(name, value);
    }
    // `no_proxy`: the machine's proxy settings do not apply to WebSockets either.
    let builder = Client::builder().default_headers(map).no_proxy();
    let tls = super::tls::config()?.as_ref().clone();
    let builder = builder.tls_backend_preconfigured(tls);
    builder.build().map_err(|error| error.to_string())
}

fn failed(error: &reqwest::Error) -> CloseInfo {
    let cause = error.source().map(|source| [": ", &source.to_string()].concat());
    CloseInfo::failed(error.to_string() + &cause.unwrap_or_default())
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

impl Http for Requests {
    fn get(&self, url: String) -> BoxFuture<Result<String, CloseInfo>> {
        let (client, max_bytes) = (self.client.clone(), self.max_bytes);
        Box::pin(async move {
            let client = client.map_err(CloseInfo::failed)?;
            let mut response = accepted(client.get(url).send().await)?;
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
                if body.len() + chunk.len() > max_bytes {
                    return Err(CloseInfo::failed("response is too large"));
                }
                body.extend_from_slice(&chunk);
            }
            String::from_utf8(body).map_err(|_| CloseInfo::failed("response is not UTF-8"))
        })
    }

    fn post(&self, url: String, body: String) -> BoxFuture<Result<(), CloseInfo>> {
        let client = self.client.clone();
        Box::pin(async move {
            let client = client.map_err(CloseInfo::failed)?;
            let request = client
                .post(url)
                .header(CONTENT_TYPE, "text/plain;charset=UTF-8")
                .body(body);
            accepted(request.send().await).map(drop)
        })
    }
}
