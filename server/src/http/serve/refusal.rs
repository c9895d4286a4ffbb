//! Answer to a connection for which there is no room: a page that says so, in place of a reset.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use http::header::{ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;

use super::Full;

/// Refusals under way at a time; a further connection is closed.
pub(super) const AT_A_TIME: usize = 256;
/// Time for one.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// Answers the first request of a connection.
pub(super) async fn answer<I>(io: I, full: Full) -> Result<(), hyper::Error>
where
    I: Read + Write + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let html = request
            .headers()
            .get(ACCEPT)
            .is_some_and(|accept| accept.as_bytes().windows(9).any(|part| part == b"text/html"));
        std::future::ready(Ok::<_, Infallible>(response(full, html)))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(io, service)
        .await
}

fn response(full: Full, html: bool) -> Response<Body> {
    let (status, indonesian, english) = match full {
        Full::Server => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Server penuh. Halaman ini mencoba lagi sendiri.",
            "The server is full. This page tries again by itself.",
        ),
        Full::Address => (
            StatusCode::TOO_MANY_REQUESTS,
            "Terlalu banyak koneksi dari alamat Anda. Tutup beberapa tab; halaman ini mencoba lagi sendiri.",
            "Too many connections from your address. Close some tabs; this page tries again by itself.",
        ),
    };
    let (kind, body) = if html {
        let page = format!(
            "<!doctype html><html lang=\"id\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"><meta \
             http-equiv=\"refresh\" content=\"15\"><title>pesan</title><h1>pesan</h1><p>{indonesian}</p><p \
             lang=\"en\">{english}</p></html>\n"
        );
        ("text/html; charset=utf-8", page)
    } else {
        ("text/plain; charset=utf-8", format!("{english}\n"))
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (CACHE_CONTROL, "no-store"),
        (RETRY_AFTER, "15"),
        (CONNECTION, "close"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
