//! Cookies of a client, shared by its transports and kept over reconnections: sticky load balancers need them.

use std::sync::Arc;

use reqwest::Url;
use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{COOKIE, HeaderMap, SET_COOKIE};

/// Cookies that the server has set; none are kept unless [`Options::with_credentials`] is on.
///
/// [`Options::with_credentials`]: crate::socketio::Options::with_credentials
#[derive(Clone, Default)]
pub(crate) struct Cookies(Option<Arc<Jar>>);

impl Cookies {
    pub(crate) fn new(with_credentials: bool) -> Self {
        Self(with_credentials.then(Arc::default))
    }

    pub(super) fn jar(&self) -> Option<&Arc<Jar>> {
        self.0.as_ref()
    }

    /// Adds the cookies for a WebSocket's URL to its request, unless the program sets a header of its own.
    pub(super) fn add(&self, url: &str, headers: &mut HeaderMap) {
        if let (Some(jar), Some(url)) = (&self.0, http_url(url))
            && let Some(cookies) = jar.cookies(&url)
            && !headers.contains_key(COOKIE)
        {
            headers.insert(COOKIE, cookies);
        }
    }

    /// Stores the cookies of the response to a WebSocket's request.
    pub(super) fn store(&self, url: &str, headers: &HeaderMap) {
        if let (Some(jar), Some(url)) = (&self.0, http_url(url)) {
            jar.set_cookies(&mut headers.get_all(SET_COOKIE).iter(), &url);
        }
    }
}

/// URL of the same server with the scheme that cookies know.
fn http_url(url: &str) -> Option<Url> {
    let http = match url.split_once("://")? {
        ("ws", rest) => format!("http://{rest}"),
        ("wss", rest) => format!("https://{rest}"),
        _ => url.to_owned(),
    };
    Url::parse(&http).ok()
}
