//! Cross-origin resource sharing: settings, preflight responses and headers.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use super::body::ResponseBody;

/// Set of origins, as sent in the `Origin` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Every origin.
    Any,
    /// The server's own host and the listed origins, such as `https://example.org` or `http://localhost:3000`.
    Listed(Vec<String>),
}

impl Origins {
    /// Whether the set contains `origin`; `host` is the request's `Host` header.
    #[must_use]
    pub fn contains(&self, origin: &str, host: Option<&str>) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(list) => {
                let own = origin.split_once("://").map(|(_, authority)| authority);
                own.is_some() && own == host
                    || list.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
            }
        }
    }
}

/// Cross-origin resource sharing; the `cors` option of the official server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Origins whose scripts may read responses. Defaults to any.
    pub origins: Origins,
    /// Whether requests may carry credentials such as cookies. Defaults to false.
    pub credentials: bool,
    /// Methods that a preflight allows. Defaults to `GET,HEAD,PUT,PATCH,POST,DELETE`.
    pub methods: String,
    /// Headers that a preflight allows. Defaults to `None`: the requested ones.
    pub headers: Option<String>,
    /// Headers that scripts may read. Defaults to `None`.
    pub exposed_headers: Option<String>,
    /// Time that a preflight may be cached. Defaults to `None`: the browser's default.
    pub max_age: Option<Duration>,
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            origins: Origins::Any,
            credentials: false,
            methods: "GET,HEAD,PUT,PATCH,POST,DELETE".to_owned(),
            headers: None,
            exposed_headers: None,
            max_age: None,
        }
    }
}

/// Response to a preflight request; `None` for any other request.
pub(crate) fn preflight(cors: &Cors, parts: &Parts) -> Option<Response<ResponseBody>> {
    if parts.method != Method::OPTIONS {
        return None;
    }
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let origin = parts
        .headers
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok());
    apply(cors, origin, headers);
    set(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &cors.methods);
    match &cors.headers {
        Some(allowed) => set(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, allowed),
        None => {
            headers.append(
                header::VARY,
                HeaderValue::from_static("Access-Control-Request-Headers"),
            );
            if let Some(requested) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
            }
        }
    }
    if let Some(age) = cors.max_age {
        set(
            headers,
            header::ACCESS_CONTROL_MAX_AGE,
            &age.as_secs().to_string(),
        );
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    Some(response)
}

/// Adds the headers of every response.
pub(crate) fn apply(cors: &Cors, origin: Option<&str>, headers: &mut HeaderMap) {
    // Browsers reject `*` together with credentials: the origin itself is sent then.
    let allowed = match (&cors.origins, origin) {
        (Origins::Any, Some(origin)) if cors.credentials => Some(origin),
        (Origins::Any, _) => Some("*"),
        (Origins::Listed(_), Some(origin)) if cors.origins.contains(origin, None) => Some(origin),
        (Origins::Listed(_), _) => None,
    };
    if allowed != Some("*") {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(allowed) = allowed {
        set(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if cors.credentials && allowed != "*" {
            set(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
    }
    if let Some(exposed) = &cors.exposed_headers {
        set(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Sets a header whose value may come from a request; an invalid value is omitted.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_listed_or_of_the_server_itself_is_allowed() {
        let origins = Origins::Listed(vec!["https://a.example".to_owned()]);
        assert!(origins.contains("https://a.example", Some("b.example")));
        assert!(origins.contains("https://b.example", Some("b.example")));
        assert!(!origins.contains("https://c.example", Some("b.example")));
        assert!(!origins.contains("null", None));
        assert!(Origins::Any.contains("null", None));
    }

    fn headers(cors: &Cors, origin: Option<&str>) -> Vec<String> {
        let mut headers = HeaderMap::new();
        apply(cors, origin, &mut headers);
        let sink =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap_or("?"));
        headers.iter().map(sink).collect()
    }

    #[test]
    fn any_origin_with_credentials_is_sent_instead_of_a_star() {
        let mut cors = Cors::default();
        assert_eq!(
            headers(&cors, Some("http://a")),
            ["access-control-allow-origin: *"]
        );
        cors.credentials = true;
        assert_eq!(
            headers(&cors, Some("http://a")),
            [
                "vary: Origin",
                "access-control-allow-origin: http://a",
                "access-control-allow-credentials: true"
            ]
        );
    }

    #[test]
    fn origin_not_listed_gets_no_allow_origin_header() {
        let cors = Cors {
            origins: Origins::Listed(vec!["http://a".to_owned()]),
            ..Cors::default()
        };
        assert_eq!(headers(&cors, Some("http://b")), ["vary: Origin"]);
        assert_eq!(headers(&cors, Some("http://a")).len(), 2);
    }
}
