//! Cross-origin headers, as the `cors` option of the official server sends them.

use axum::body::Body;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use super::config::{Cors, Origins};

/// Answer to a preflight request; `None` if this is none.
pub(crate) fn preflight(cors: &Cors, parts: &Parts) -> Option<Response<Body>> {
    if parts.method != Method::OPTIONS {
        return None;
    }
    let mut response = Response::new(Body::empty());
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
            if let Some(asked) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
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

/// Headers of every answer.
pub(crate) fn apply(cors: &Cors, origin: Option<&str>, headers: &mut HeaderMap) {
    // A browser takes no `*` together with credentials, so the origin itself is named then.
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

/// Sets a header whose value may come from outside; one that is no header is left out.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cors: &Cors, origin: Option<&str>) -> Vec<String> {
        let mut headers = HeaderMap::new();
        apply(cors, origin, &mut headers);
        let line =
            |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap_or("?"));
        headers.iter().map(line).collect()
    }

    #[test]
    fn any_origin_is_a_star_unless_cookies_are_allowed() {
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
    fn an_origin_that_is_not_listed_gets_no_permission() {
        let cors = Cors {
            origins: Origins::Listed(vec!["http://a".to_owned()]),
            ..Cors::default()
        };
        assert_eq!(headers(&cors, Some("http://b")), ["vary: Origin"]);
        assert_eq!(headers(&cors, Some("http://a")).len(), 2);
    }
}
