//! Every layer around the routes, in order, each with its reason.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderValue, Uri};

use super::assets::InlineHashes;

/// What the policy of the page allows beyond itself.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Other servers that the page may connect to.
    pub connect_to: Vec<String>,
    /// Whether a page may also connect to the server that its own address names, as `?server=…`.
    pub named_server: bool,
    /// Whether the server speaks HTTPS itself.
    pub secure: bool,
}

/// Puts the layers around the routes; the last one added sees a request first.
pub fn layers(routes: Router, policy: Policy) -> Router {
    routes
        // browsers hold the page to what it needs, whatever someone may bring into it
        .layer(from_fn_with_state(policy, protect))
        // one line a request, with its outcome and time
        .layer(from_fn(log))
}

/// Headers that every response gets.
const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    // types are what we say, not what a browser guesses
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // room names in the address are nobody else's business
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    // no page may frame this one, old browsers included
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // no window that opened this one, or was opened by it, reaches into it
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // other sites cannot embed our files
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // the chat needs none of these
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

async fn protect(State(policy): State<Policy>, request: Request, next: Next) -> Response {
    // what other origins may read of Socket.IO is decided there; what is below its path is the page's
    if request.uri().path() == "/socket.io/" {
        return next.run(request).await;
    }
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    let inline = response.extensions_mut().remove::<InlineHashes>();
    let text = content_policy(&policy, inline.as_ref(), &uri);
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    if policy.secure {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(CONTENT_SECURITY_POLICY, value);
    }
    response
}

async fn log(request: Request, next: Next) -> Response<Body> {
    let begun = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let took = begun.elapsed();
    // the query may hold what is nobody's business, so it stays out
    tracing::debug!(%method, path, status, ?took, "request");
    metrics::counter!("pesan_http_requests_total", "status" => status.to_string()).increment(1);
    response
}

/// Content-Security-Policy of a response.
fn content_policy(policy: &Policy, inline: Option<&InlineHashes>, uri: &Uri) -> String {
    let Some(inline) = inline else {
        return "default-src 'none'; frame-ancestors 'none'".to_owned();
    };
    let named = policy
        .named_server
        .then(|| uri.query().and_then(named_server))
        .flatten();
    let servers: Vec<String> = policy
        .connect_to
        .iter()
        .filter_map(|text| origins(text.trim()))
        .chain(named)
        .collect();
    let list = |items: &[String]| items.iter().map(|item| format!(" {item}")).collect::<String>();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{scripts}; style-src 'self'{styles}; \
         img-src 'self' data:; font-src 'self'; manifest-src 'self'; connect-src 'self'{servers}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        scripts = list(&inline.scripts),
        styles = list(&inline.styles),
        servers = list(&servers),
    )
}

/// Sources for the server that the page's own address names: the page reads the same first `server` of its query.
fn named_server(query: &str) -> Option<String> {
    let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "server")?;
    origins(&value)
}

/// Sources that allow HTTP and WebSocket to the host of a URL; none when it is not one.
fn origins(url: &str) -> Option<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        // without a scheme it is the page's own
        return is_host(url).then(|| url.to_owned());
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (http, ws) = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => ("http", "ws"),
        "https" | "wss" => ("https", "wss"),
        _ => return None,
    };
    is_host(host).then(|| format!("{http}://{host} {ws}://{host}"))
}

/// Whether it is a host, perhaps with a port, and nothing that could end the source or the directive.
fn is_host(text: &str) -> bool {
    let clean = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    clean && !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy_of(uri: &str) -> String {
        let policy = Policy {
            named_server: true,
            ..Policy::default()
        };
        content_policy(
            &policy,
            Some(&InlineHashes::default()),
            &uri.parse().expect("a good address"),
        )
    }

    #[test]
    fn a_page_may_connect_to_the_server_that_its_address_names() {
        let text = policy_of("/?server=http://127.0.0.1:5999");
        assert!(
            text.contains("connect-src 'self' http://127.0.0.1:5999 ws://127.0.0.1:5999;"),
            "{text}"
        );
        let text = policy_of("/?server=https%3A%2F%2Fchat.example");
        assert!(
            text.contains("connect-src 'self' https://chat.example wss://chat.example;"),
            "{text}"
        );
    }

    #[test]
    fn an_address_cannot_widen_the_policy() {
        for uri in [
            "/",
            "/?server=",
            "/?server=*",
            "/?server=javascript://a",
            "/?server=http://a;script-src",
            "/?server=http://a%20*",
        ] {
            assert!(policy_of(uri).contains("connect-src 'self';"), "{uri}");
        }
    }
}
