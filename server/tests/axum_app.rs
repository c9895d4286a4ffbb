//! The engine inside an axum application, under `axum::serve`: that of `examples/axum.rs`, and edge cases of mounting.

#[path = "../examples/axum.rs"]
#[expect(dead_code, reason = "its main is not run")]
mod example;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::routing::get;
use pesan::socketio::proto::TransportKind;
use pesan::socketio::{Options, Socket, Value};
use pesan_server::engineio::{Cookie, EngineConfig, EngineLimits};
use pesan_server::socketio::Io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("in time")
}

/// Serves as an application would; with the addresses of clients, or without.
async fn serve(app: Router, with_address: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("just bound");
    tokio::spawn(async move {
        if with_address {
            axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
        } else {
            axum::serve(listener, app).await
        }
    });
    address
}

fn open(address: SocketAddr, namespace: &str, options: Options) -> Socket {
    let url = format!("http://{address}{namespace}");
    Socket::open(&url, options.force_new()).expect("a good address")
}

/// Sends a request, and returns the whole response.
async fn request(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let length = body.len();
    let request =
        format!("{head} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut response = String::new();
    soon(stream.read_to_string(&mut response))
        .await
        .expect("it answers");
    response
}

#[tokio::test]
async fn example_broadcasts_from_handlers_and_knows_users_and_addresses() {
    let io = Io::default();
    let address = serve(example::app(io.clone()).expect("legal names"), true).await;
    let ana = open(address, "/", Options::new().extra_header("x-user", "ana"));
    let mut events = ana.events();
    let mut next_message = async || loop {
        let message = soon(events.recv()).await.expect("the stream goes on");
        if message.name == "pesan" {
            return message.args;
        }
    };
    let count: u64 = soon(ana.emit_with_ack("pesan", "halo"))
        .await
        .expect("acknowledged");
    assert_eq!(count, 1);
    assert_eq!(next_message().await, [Value::from("ana"), Value::from("halo")]);
    let response = request(address, "POST /announce", "from outside").await;
    assert!(response.starts_with("HTTP/1.1 204"), "{response}");
    assert_eq!(
        next_message().await,
        [Value::from("server"), Value::from("from outside")]
    );
    assert!(request(address, "GET /messages", "").await.ends_with("\r\n\r\n1"));
    let peers: Vec<String> = io
        .sockets()
        .iter()
        .map(|socket| socket.handshake().ip().to_string())
        .collect();
    assert_eq!(peers, ["127.0.0.1"]);

    let admin = open(address, "/admin", Options::new().extra_header("x-user", "admin"));
    let count: u64 = soon(admin.emit_with_ack("messages", ()))
        .await
        .expect("acknowledged");
    assert_eq!(count, 1);
    let (refused, mut reasons) = tokio::sync::mpsc::unbounded_channel();
    let guest = open(address, "/admin", Options::new());
    guest.on("connect_error", move |reason: String| {
        refused.send(reason).map_err(|error| error.to_string())
    });
    assert_eq!(soon(reasons.recv()).await.as_deref(), Some("only for admins"));
}

#[tokio::test]
async fn clients_without_address_are_not_limited_as_one_address() {
    let io = Io::default();
    let limits = EngineLimits {
        max_sessions_per_address: 2,
        ..EngineLimits::default()
    };
    let config = EngineConfig {
        limits,
        ..EngineConfig::default()
    };
    let address = serve(io.engine(config).router(), false).await;
    io.on_connection(|socket: pesan_server::socketio::Socket| {
        socket.on("who", |socket: pesan_server::socketio::Socket| {
            socket.handshake().ip().to_string()
        });
    });
    let clients: Vec<Socket> = (0..5).map(|_| open(address, "/", Options::new())).collect();
    for client in &clients {
        let ip: String = soon(client.emit_with_ack("who", ())).await.expect("acknowledged");
        assert_eq!(ip, "0.0.0.0");
    }
}

#[tokio::test]
async fn engine_in_tower_service_answers_its_path_only() {
    let io = Io::default();
    let engine = io.engine(EngineConfig::default()).clone();
    let app = Router::new()
        .route("/", get(async || "home"))
        .fallback_service(engine);
    let address = serve(app, true).await;
    assert!(request(address, "GET /", "").await.ends_with("home"));
    assert!(
        request(address, "GET /other", "")
            .await
            .starts_with("HTTP/1.1 404")
    );
    let opened = request(address, "GET /socket.io/?EIO=4&transport=polling", "").await;
    assert!(opened.starts_with("HTTP/1.1 200"), "{opened}");
}

#[tokio::test]
async fn engine_path_with_route_characters_is_matched_literally() {
    for path in ["/a/*/", "/:id/", "{b}", "no-slash", "/*rest"] {
        let io = Io::default();
        let config = EngineConfig {
            path: path.to_owned(),
            ..EngineConfig::default()
        };
        let engine = io.engine(config).clone();
        let address = serve(engine.router(), true).await;
        let found = request(
            address,
            &format!("GET {}?EIO=4&transport=polling", engine.config().path),
            "",
        )
        .await;
        assert!(found.starts_with("HTTP/1.1 200"), "{path}: {found}");
        let other = request(address, "GET /a/other/?EIO=4&transport=polling", "").await;
        assert!(other.starts_with("HTTP/1.1 404"), "{path}: {other}");
    }
}

#[tokio::test]
async fn client_with_credentials_sends_the_cookies_of_the_server() {
    let io = Io::default();
    let config = EngineConfig {
        cookie: Some(Cookie::default()),
        ..EngineConfig::default()
    };
    let (sender, mut cookies) = tokio::sync::mpsc::unbounded_channel();
    let record = move |request: Request, next: Next| {
        let header = |name: &str| Some(request.headers().get(name)?.to_str().expect("text").to_owned());
        let seen = (header("upgrade").is_some(), header("cookie"));
        sender.send(seen).expect("the test listens");
        next.run(request)
    };
    let app = io
        .engine(config)
        .router()
        .layer(axum::middleware::from_fn(record));
    let address = serve(app, true).await;

    let transports = [TransportKind::Polling, TransportKind::WebSocket];
    let options = Options::new().transports(transports).with_credentials();
    let client = open(address, "/", options);
    assert_eq!(soon(cookies.recv()).await, Some((false, None)), "the handshake");
    let mut has_upgraded = false;
    while !has_upgraded {
        let (is_upgrade, cookie) = soon(cookies.recv()).await.expect("requests go on");
        let cookie = cookie.expect("a cookie in each later request");
        assert!(cookie.starts_with("io="), "{cookie}");
        has_upgraded = is_upgrade;
    }
    drop(client);
}
