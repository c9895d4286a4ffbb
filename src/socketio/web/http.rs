//! Requests of the polling transport, through `fetch`.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, Request, RequestCredentials, RequestInit, Response};

use crate::socketio::client::CloseInfo;
use crate::socketio::handle::{BoxFuture, Http};

/// Sends requests with the same headers each time.
pub(crate) struct Requests {
    headers: Vec<(String, String)>,
    credentials: RequestCredentials,
}

/// Gives the request up when it is dropped before its end.
struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Requests {
    /// Requests with these headers; with cookies to other origins, or only to the page's own.
    pub(crate) fn new(headers: Vec<(String, String)>, with_credentials: bool) -> Self {
        let credentials = if with_credentials {
            RequestCredentials::Include
        } else {
            RequestCredentials::SameOrigin
        };
        Self { headers, credentials }
    }

    fn request(&self, url: &str, body: Option<&str>) -> Result<(Request, Abort), JsValue> {
        let abort = Abort(AbortController::new()?);
        let init = RequestInit::new();
        init.set_method(if body.is_some() { "POST" } else { "GET" });
        init.set_credentials(self.credentials);
        init.set_signal(Some(&abort.0.signal()));
        let headers = Headers::new()?;
        for (name, value) in &self.headers {
            headers.append(name, value)?;
        }
        if let Some(body) = body {
            headers.set("content-type", "text/plain;charset=UTF-8")?;
            init.set_body(&JsValue::from_str(body));
        }
        init.set_headers(&headers);
        Ok((Request::new_with_str_and_init(url, &init)?, abort))
    }
}

/// `fetch` of the page or the worker.
async fn fetch(request: Result<(Request, Abort), JsValue>) -> Result<String, CloseInfo> {
    let (request, _abort) = request.map_err(|error| failed(&error))?;
    let global = js_sys::global();
    let fetch: Function = Reflect::get(&global, &JsValue::from_str("fetch"))
        .and_then(JsCast::dyn_into)
        .map_err(|error| failed(&error))?;
    let response = fetch.call1(&global, &request).map_err(|error| failed(&error))?;
    let response = JsFuture::from(Promise::from(response))
        .await
        .map_err(|error| failed(&error))?;
    let response: Response = response.dyn_into().map_err(|error| failed(&error))?;
    if !response.ok() {
        return Err(CloseInfo::failed("the server refused the request").with_code(response.status()));
    }
    let text = response.text().map_err(|error| failed(&error))?;
    let text = JsFuture::from(text).await.map_err(|error| failed(&error))?;
    text.as_string()
        .ok_or_else(|| CloseInfo::failed("response is not text"))
}

fn failed(error: &JsValue) -> CloseInfo {
    let message = Reflect::get(error, &JsValue::from_str("message")).ok();
    let message = message.and_then(|message| message.as_string());
    CloseInfo::failed(message.unwrap_or_else(|| "request failed".to_owned()))
}

impl Http for Requests {
    fn get(&self, url: String) -> BoxFuture<Result<String, CloseInfo>> {
        Box::pin(fetch(self.request(&url, None)))
    }

    fn post(&self, url: String, body: String) -> BoxFuture<Result<(), CloseInfo>> {
        let request = self.request(&url, Some(&body));
        Box::pin(async move { fetch(request).await.map(drop) })
    }
}
