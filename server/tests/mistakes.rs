//! What a user sees after a plausible mistake: the message of the compiler, or that of the library.

use std::time::Duration;

use pesan::socketio::{Lifecycle, ListenerError, OpenError, Options, Socket};
use pesan_server::engineio::{Engine, EngineConfig};
use pesan_server::http::serve::{ServeConfig, serve};
use pesan_server::socketio::{Io, State};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Messages of the compiler differ between its versions; these are those of 1.95.
#[test]
#[rustversion::attr(not(stable(1.95)), ignore = "compares messages of Rust 1.95")]
fn mistakes_in_code_are_explained_by_the_compiler() {
    trybuild::TestCases::new().compile_fail("tests/mistakes/*.rs");
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("in time")
}

/// Serves handlers for the mistakes below; returns the address.
async fn server() -> String {
    serve_io(&Io::default()).await
}

async fn serve_io(io: &Io) -> String {
    io.on_connection(|socket: pesan_server::socketio::Socket| {
        socket.on("number", |number: u32| number);
        socket.on("text", |socket: pesan_server::socketio::Socket| {
            socket.emit("text", "seven")
        });
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("just bound").to_string();
    let engine: Engine = io.engine(EngineConfig::default()).clone();
    tokio::spawn(serve(
        listener,
        engine,
        ServeConfig::default(),
        std::future::pending(),
    ));
    address
}

/// First `connect_error` of a client.
async fn connect_error(url: &str, options: Options) -> String {
    let socket = Socket::open(url, options.force_new()).expect("a legal address");
    let (sender, mut errors) = mpsc::unbounded_channel();
    socket.on_lifecycle(move |event| {
        if let Lifecycle::ConnectError(error) = event {
            sender.send(error.to_string()).expect("the test listens");
        }
    });
    soon(errors.recv()).await.expect("an error")
}

#[tokio::test]
async fn https_for_http_is_explained() {
    let error = connect_error(&format!("https://{}", server().await), Options::new()).await;
    let hint = "the server answers without TLS, so its address begins with http: or ws:";
    assert!(error.ends_with(hint), "{error}");
}

#[tokio::test]
async fn wrong_path_is_explained() {
    let options = Options::new().path("/other");
    let error = connect_error(&format!("http://{}", server().await), options).await;
    let hint = "nothing is served at this path; compare the option 'path' with the server's (404)";
    assert!(error.contains(hint), "{error}");
}

#[tokio::test]
async fn nothing_listening_is_explained() {
    let unused = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = unused.local_addr().expect("just bound");
    drop(unused);
    let error = connect_error(&format!("http://{address}"), Options::new()).await;
    assert!(error.starts_with("xhr poll error: "), "{error}");
    assert!(error.contains("; websocket error: "), "{error}");
    assert_eq!(error.matches("Connection refused").count(), 2, "{error}");
}

#[tokio::test]
async fn wrong_namespace_is_explained() {
    let error = connect_error(&format!("http://{}/admin", server().await), Options::new()).await;
    assert_eq!(error, "Invalid namespace");
}

#[tokio::test]
async fn address_without_scheme_is_explained() {
    let error = Socket::open("127.0.0.1:5000", Options::new()).expect_err("no scheme");
    assert!(matches!(error, OpenError::Address(_)));
    let text = "address without scheme; write 'http://127.0.0.1:5000' or 'https://127.0.0.1:5000'";
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn payload_of_another_type_is_explained_to_the_client() {
    let socket =
        Socket::open(&format!("http://{}", server().await), Options::new().force_new()).expect("an address");
    let (sender, mut errors) = mpsc::unbounded_channel();
    socket.on_error(move |error: &ListenerError| sender.send(error.to_string()).expect("the test listens"));
    socket.on("text", |_: u32| ());
    socket.emit("text", ()).expect("queued");
    let text = "event 'text': argument 0: expected u32, found string \"seven\"";
    assert_eq!(soon(errors.recv()).await.as_deref(), Some(text));
}

/// What the server reports when a client emits an event.
async fn report_after(io: &Io, event: &'static str, argument: &str) -> String {
    let (reports, mut reported) = mpsc::unbounded_channel();
    io.on_error(move |report| reports.send(report.message.clone()).expect("the test listens"));
    let address = serve_io(io).await;
    let socket = Socket::open(&format!("http://{address}"), Options::new().force_new()).expect("an address");
    socket.emit(event, argument).expect("queued");
    soon(reported.recv()).await.expect("a report")
}

#[tokio::test]
async fn payload_of_another_type_is_explained_to_the_server() {
    let io = Io::default();
    let report = report_after(&io, "number", "seven").await;
    assert_eq!(report, "argument 0: expected u32, found string \"seven\"");
}

#[tokio::test]
async fn state_that_is_not_set_is_explained_to_the_server() {
    let io = Io::default();
    io.on_connection(|socket: pesan_server::socketio::Socket| {
        socket.on("state", |State(number): State<u16>| number);
    });
    let report = report_after(&io, "state", "").await;
    assert_eq!(
        report,
        "there is no state of type u16; set it by `Io::with_state`"
    );
}
