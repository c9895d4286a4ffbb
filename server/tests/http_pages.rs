//! What the public address serves besides Socket.IO, asked as a browser asks.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use pesan_server::app::admin_router;
use pesan_server::app::{AppState, app};
use pesan_server::config::Config;
use pesan_server::engineio::Peer;
use tempfile::TempDir;
use tower::ServiceExt;

const WASM: &str = "/pesan-0123456789abcdef_bg.wasm";
const INDEX: &str = "<!doctype html><script type=\"module\">init()</script><title>pesan</title>";

/// A page as Trunk builds it.
fn dist() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("writable");
    write("index.html", INDEX.as_bytes());
    write(&WASM[1..], &[0; 1000]);
    write(&format!("{}.br", &WASM[1..]), b"brotli");
    write(&format!("{}.gz", &WASM[1..]), b"gzip, longer");
    write("main-0123456789abcdef.css", b"a { }");
    write("robots.txt", b"User-agent: *");
    write(".hidden", b"secret");
    std::fs::create_dir(folder.path().join("snippets")).expect("writable");
    write("snippets/inline0.js", b"1");
    folder
}

async fn state(folder: &Path, more: &[&str]) -> AppState {
    let assets = folder.to_str().expect("plain letters");
    let own = ["--ephemeral", "--assets", assets];
    let config = Config::from_args(own.iter().chain(more).copied()).expect("good arguments");
    AppState::new(&config).await.expect("starts")
}

async fn pages() -> (Router, TempDir) {
    let folder = dist();
    (app(&state(folder.path(), &[]).await), folder)
}

async fn get(app: &Router, path: &str, headers: &[(HeaderName, &str)]) -> Response<Body> {
    request(app, Method::GET, path, headers).await
}

async fn request(app: &Router, method: Method, path: &str, headers: &[(HeaderName, &str)]) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Body::empty()).expect("a good request");
    app.clone().oneshot(request).await.expect("infallible")
}

fn header(response: &Response<Body>, name: HeaderName) -> &str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().expect("plain letters"))
}

async fn body(response: Response<Body>) -> Vec<u8> {
    response
        .into_body()
        .collect()
        .await
        .expect("readable")
        .to_bytes()
        .to_vec()
}

#[tokio::test]
async fn assets_have_a_content_type_and_hashed_ones_are_immutable() {
    let (app, _folder) = pages().await;
    let cases = [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        (WASM, "application/wasm", "public, max-age=31536000, immutable"),
        (
            "/main-0123456789abcdef.css",
            "text/css; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        (
            "/snippets/inline0.js",
            "text/javascript; charset=utf-8",
            "no-cache",
        ),
        ("/robots.txt", "text/plain; charset=utf-8", "no-cache"),
    ];
    for (path, kind, cache) in cases {
        let response = get(&app, path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&response, CONTENT_TYPE), kind, "{path}");
        assert_eq!(header(&response, CACHE_CONTROL), cache, "{path}");
        assert_eq!(header(&response, X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn assets_are_sent_in_the_smallest_accepted_encoding() {
    let (app, _folder) = pages().await;
    let cases = [
        ("gzip, deflate, br", "br", 6),
        ("gzip", "gzip", 12),
        ("br;q=0", "", 1000),
        ("", "", 1000),
    ];
    for (accepted, encoding, length) in cases {
        let response = get(&app, WASM, &[(ACCEPT_ENCODING, accepted)]).await;
        assert_eq!(header(&response, CONTENT_ENCODING), encoding, "{accepted}");
        assert_eq!(header(&response, CONTENT_TYPE), "application/wasm");
        assert_eq!(header(&response, VARY), "accept-encoding");
        assert_eq!(body(response).await.len(), length, "{accepted}");
    }
    // the forms are no files of their own
    assert_eq!(
        get(&app, &format!("{WASM}.br"), &[]).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn assets_with_matching_etag_are_not_modified() {
    let (app, _folder) = pages().await;
    let tag = header(&get(&app, "/", &[]).await, ETAG).to_owned();
    let response = get(&app, "/", &[(IF_NONE_MATCH, &format!("\"other\", W/{tag}"))]).await;
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&response, ETAG), tag);
    // the browser puts these headers in place of those it has
    let policy = header(&response, CONTENT_SECURITY_POLICY);
    assert!(policy.contains("script-src 'self'"), "{policy}");
    assert_eq!(body(response).await, b"");
    assert_eq!(
        get(&app, "/", &[(IF_NONE_MATCH, "\"other\"")]).await.status(),
        StatusCode::OK
    );
    // each form has its own
    let compressed = get(&app, WASM, &[(ACCEPT_ENCODING, "br")]).await;
    let raw = get(&app, WASM, &[]).await;
    assert_ne!(header(&compressed, ETAG), header(&raw, ETAG));
}

#[tokio::test]
async fn navigation_gets_the_page_and_a_missing_file_404() {
    let (app, _folder) = pages().await;
    let navigation = [(ACCEPT, "text/html,application/xhtml+xml")];
    let response = get(&app, "/some/place", &navigation).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(body(response).await, INDEX.as_bytes());
    for (path, headers) in [
        ("/missing.js", &navigation[..]),
        ("/some/place", &[]),
        ("/.hidden", &navigation),
    ] {
        assert_eq!(
            get(&app, path, headers).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn path_traversal_is_not_found() {
    let (app, folder) = pages().await;
    let outside = folder.path().parent().expect("not the root").join("outside.txt");
    let paths = [
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/snippets/../robots.txt",
        "//etc/passwd",
        "/etc%2fpasswd",
        "/%00",
        "/%",
        "/%ff",
        "/C:%5cx",
        outside.to_str().expect("plain letters"),
    ];
    for path in paths {
        assert_eq!(
            get(&app, path, &[]).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn methods_other_than_get_and_head_are_not_allowed() {
    let (app, _folder) = pages().await;
    let response = request(&app, Method::HEAD, WASM, &[]).await;
    assert_eq!(
        (response.status(), header(&response, CONTENT_LENGTH)),
        (StatusCode::OK, "1000")
    );
    assert_eq!(body(response).await, b"");
    let odd = Method::from_bytes(b"BREW").expect("a token");
    for method in [Method::POST, Method::DELETE, Method::TRACE, Method::CONNECT, odd] {
        let response = request(&app, method.clone(), "/", &[]).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(header(&response, ALLOW), "GET, HEAD");
    }
}

#[tokio::test]
async fn csp_allows_scripts_of_the_page_only() {
    let (app, _folder) = pages().await;
    let policy = header(&get(&app, "/", &[]).await, CONTENT_SECURITY_POLICY).to_owned();
    // echo -n 'init()' | openssl dgst -sha256 -binary | base64
    let script =
        "script-src 'self' 'wasm-unsafe-eval' 'sha256-w4ujnOpjBoH2vcasx+reJRUwYivG8Q3afx/XevGJod8=';";
    assert!(policy.contains(script), "{policy}");
    for part in [
        "default-src 'none'",
        "connect-src 'self';",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(
        !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"),
        "{policy}"
    );
    // files that are no pages may do nothing
    let policy = header(&get(&app, "/robots.txt", &[]).await, CONTENT_SECURITY_POLICY).to_owned();
    assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'");
}

#[tokio::test]
async fn csp_by_default_allows_connecting_to_the_own_server_only() {
    let (app, _folder) = pages().await;
    for (host, query) in [
        ("chat.example", "server=https://evil.example"),
        ("chat.example", "server=http://127.0.0.1:5999"),
        ("127.0.0.1:5000", "server=https://evil.example"),
        ("localhost.evil.example", "server=http://localhost:5999"),
        ("127.0.0.1", "server=http://localhost.evil.example"),
        ("127.0.0.1", "server=http://localhost;script-src"),
        ("127.0.0.1", "server=http://localhost%3Bscript-src"),
        ("127.0.0.1", "server=http://localhost+*"),
        ("127.0.0.1", "server=http://ana@evil.example%23@localhost"),
        ("127.0.0.1", "server=javascript://localhost"),
        ("127.0.0.1", "server=*"),
        ("127.0.0.1", "server="),
        ("127.0.0.1", "Server=http://localhost"),
    ] {
        let response = get(&app, &format!("/?{query}"), &[(HOST, host)]).await;
        let policy = header(&response, CONTENT_SECURITY_POLICY);
        assert!(policy.contains("connect-src 'self';"), "{host} {query}: {policy}");
    }
    let index = body(get(&app, "/", &[]).await).await;
    assert_eq!(index, INDEX.as_bytes(), "nothing is put into the page");
}

#[tokio::test]
async fn csp_on_loopback_allows_the_loopback_server_of_the_query() {
    let (app, _folder) = pages().await;
    let allowed = "connect-src 'self' http://127.0.0.1:5999 ws://127.0.0.1:5999;";
    for host in ["localhost:8080", "127.0.0.1", "[::1]:5000"] {
        for query in [
            "server=http://127.0.0.1:5999",
            "server=127.0.0.1:5999",
            "server=ws%3A%2F%2F127%2E0.0.1%3A5999",
            "%73erver=HTTP://127.0.0.1:5999/a+b",
            "room=a&server=http://127.0.0.1:5999&server=http://other.example",
        ] {
            let response = get(&app, &format!("/?{query}"), &[(HOST, host)]).await;
            let policy = header(&response, CONTENT_SECURITY_POLICY);
            assert!(policy.contains(allowed), "{host} {query}: {policy}");
        }
    }
}

#[tokio::test]
async fn csp_and_page_contain_the_allowed_servers() {
    let folder = dist();
    std::fs::write(folder.path().join("index.html.br"), b"old").expect("writable");
    let allow = [
        "--allow-server",
        "Chat.Example,http://10.0.0.1:8080",
        "--connect-to",
        "https://chat.example",
    ];
    let state = state(folder.path(), &allow).await;
    let app = app(&state);
    for path in ["/", "/?server=https://evil.example"] {
        let response = get(&app, path, &[]).await;
        let policy = header(&response, CONTENT_SECURITY_POLICY);
        let expected = "connect-src 'self' https://chat.example wss://chat.example http://10.0.0.1:8080 ws://10.0.0.1:8080;";
        assert!(policy.contains(expected), "{policy}");
    }
    let meta = "<meta name=\"pesan-servers\" content=\"https://chat.example http://10.0.0.1:8080\">";
    let expected = INDEX.replacen("<script", &format!("{meta}<script"), 1);
    let page = body(get(&app, "/", &[]).await).await;
    assert_eq!(String::from_utf8_lossy(&page), expected);
    // the compressed forms of the build are those of another page
    let compressed = get(&app, "/", &[(ACCEPT_ENCODING, "br, gzip")]).await;
    assert!(["", "gzip"].contains(&header(&compressed, CONTENT_ENCODING)));
    state.assets.reload().expect("a page");
    assert_eq!(
        String::from_utf8_lossy(&body(get(&app, "/", &[]).await).await),
        expected
    );
}

#[tokio::test]
async fn path_escapes_are_decoded_and_malformed_ones_not_found() {
    let (app, _folder) = pages().await;
    let status = async |path| get(&app, path, &[]).await.status();
    assert_eq!(status("/%72obots.tx%74").await, StatusCode::OK);
    for path in [
        "/robots.txt%",
        "/robots.txt%zz",
        "/robots.txt%ff",
        "/%2e%2e/robots.txt",
    ] {
        assert_eq!(status(path).await, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn security_headers_apply_below_the_path_of_socketio() {
    let (app, _folder) = pages().await;
    let response = get(&app, "/socket.io/room", &[(ACCEPT, "text/html")]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(header(&response, CONTENT_SECURITY_POLICY).contains("frame-ancestors 'none'"));
    assert_eq!(header(&response, X_CONTENT_TYPE_OPTIONS), "nosniff");
    let response = get(&app, "/socket.io/?EIO=4&transport=polling", &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, CONTENT_SECURITY_POLICY), "");
}

#[tokio::test]
async fn health_endpoints_follow_the_state() {
    let folder = dist();
    let state = state(folder.path(), &[]).await;
    let app = app(&state);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(&app, path, &[]).await.status(), StatusCode::OK);
    }
    state.readiness.drain();
    assert_eq!(get(&app, "/healthz", &[]).await.status(), StatusCode::OK);
    let response = get(&app, "/readyz", &[]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body(response).await, b"shutting down\n");
}

/// Answer to `/metrics` that comes from this address.
async fn metrics(app: &Router, from: &str, headers: &[(HeaderName, &str)]) -> Response<Body> {
    let mut request = Request::builder().uri("/metrics").extension(Peer {
        address: (from.parse::<std::net::IpAddr>().expect("an address"), 1).into(),
        secure: false,
    });
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Body::empty()).expect("a good request");
    app.clone().oneshot(request).await.expect("infallible")
}

#[tokio::test]
async fn metrics_on_the_public_address_are_for_loopback_only() {
    let (app, _folder) = pages().await;
    let forwarded = HeaderName::from_static("x-forwarded-for");
    for (from, headers, status) in [
        ("127.0.0.1", &[(HOST, "localhost:5000")][..], StatusCode::OK),
        ("::1", &[(HOST, "[::1]:5000")], StatusCode::OK),
        ("::ffff:127.0.0.1", &[], StatusCode::OK),
        ("192.0.2.1", &[(HOST, "localhost")], StatusCode::NOT_FOUND),
        ("127.0.0.1", &[(HOST, "chat.example")], StatusCode::NOT_FOUND),
        ("127.0.0.1", &[(forwarded, "192.0.2.1")], StatusCode::NOT_FOUND),
    ] {
        let answer = metrics(&app, from, headers).await;
        assert_eq!(answer.status(), status, "{from} {headers:?}");
    }
}

#[tokio::test]
async fn metrics_have_help_and_include_process_and_build() {
    pesan_server::http::health::start_recording();
    let (app, _folder) = pages().await;
    let page = body(metrics(&app, "127.0.0.1", &[]).await).await;
    let page = String::from_utf8(page).expect("text");
    for line in [
        "# HELP pesan_people People with",
        "# HELP process_resident_memory_bytes",
        "# HELP process_open_fds",
        "pesan_build_info{version=\"",
        "pesan_store_failed 0",
        "pesan_ready 1",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    for line in page.lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).unwrap_or_default();
        assert!(page.contains(&format!("# HELP {name} ")), "{name} has no help");
    }
}

#[tokio::test]
async fn metrics_move_to_the_admin_address() {
    let folder = dist();
    pesan_server::http::health::start_recording();
    let open = state(folder.path(), &[]).await;
    get(&app(&open), "/", &[]).await;
    let page = body(metrics(&app(&open), "127.0.0.1", &[]).await).await;
    let page = String::from_utf8(page).expect("text");
    assert!(
        page.contains("pesan_http_requests_total{status=\"200\"}"),
        "{page}"
    );
    let apart = state(folder.path(), &["--admin-listen", "127.0.0.1:0"]).await;
    assert_eq!(
        get(&app(&apart), "/metrics", &[]).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        get(&admin_router(&apart), "/metrics", &[]).await.status(),
        StatusCode::OK
    );
    assert_eq!(
        get(&admin_router(&apart), "/", &[]).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn reload_serves_a_new_build_but_not_a_broken_one() {
    let folder = dist();
    let state = state(folder.path(), &[]).await;
    let before = state.assets.build();
    std::fs::write(folder.path().join("index.html"), "<title>new</title>").expect("writable");
    assert_eq!(state.assets.build(), before);
    state.assets.reload().expect("a page");
    assert_ne!(state.assets.build(), before);
    let after = state.assets.build();
    std::fs::remove_file(folder.path().join("index.html")).expect("was there");
    assert!(state.assets.reload().is_err());
    assert_eq!(state.assets.build(), after);
}
