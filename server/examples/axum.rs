//! Socket.IO inside an axum application: routes, state, layers, two namespaces, broadcasts from an HTTP handler and from a
//! task, and a graceful shutdown. `PORT` sets another port; `REDIS_URL` connects several of these servers.
//!
//! ```sh
//! cargo run --package pesan-server --example axum
//! curl -X POST -H 'content-type: text/plain' -d 'halo' http://localhost:3000/announce
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use pesan_server::engineio::EngineConfig;
use pesan_server::socketio::{
    Extension, Io, IoConfig, NamespaceError, Redis, RedisConfig, Socket, State as IoState,
};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;
use tower_http::trace::TraceLayer;

/// State of the application, for handlers of axum and of Socket.IO.
#[derive(Clone)]
pub(crate) struct App {
    io: Io,
    messages: Arc<AtomicU64>,
}

/// Who sent a request.
#[derive(Clone)]
struct User {
    name: String,
}

/// The whole application.
///
/// # Errors
/// When a namespace has a name that no client can connect to.
pub(crate) fn app(io: Io) -> Result<Router, NamespaceError> {
    let messages = Arc::<AtomicU64>::default();
    let io = io.with_state(Arc::clone(&messages));

    io.on_connection(|socket: Socket, Extension(user): Extension<User>| {
        tracing::info!(id = socket.id(), user = user.name, address = %socket.handshake().ip(), "connected");
        socket.on("pesan", on_message);
    });

    let admin = io.of("/admin")?;
    admin.with_middleware(|Extension(user): Extension<User>| match user.name.as_str() {
        "admin" => Ok(()),
        _ => Err("only for admins"),
    });
    admin.on_connection(|socket: Socket| {
        socket.on("messages", |IoState(messages): IoState<Arc<AtomicU64>>| {
            messages.load(Ordering::Relaxed)
        });
    });

    // A task broadcasts too; it ends with the runtime.
    let ticker = io.clone();
    tokio::spawn(async move {
        let mut interval = tokio::time::interval(Duration::from_secs(1));
        loop {
            interval.tick().await;
            if let Err(error) = ticker.volatile().emit("clients", ticker.len()) {
                tracing::warn!(%error, "cannot send the number of clients");
            }
        }
    });

    let socketio = io.engine(EngineConfig::default()).router();
    Ok(Router::new()
        .route("/messages", get(count))
        .route("/announce", post(announce))
        .merge(socketio)
        .with_state(App { io, messages })
        .layer(middleware::from_fn(authenticate))
        .layer(CorsLayer::permissive())
        .layer(TraceLayer::new_for_http()))
}

/// Handles the event `pesan`; the returned number is the ack.
#[expect(clippy::needless_pass_by_value, reason = "handlers own what they take")]
fn on_message(
    socket: Socket,
    IoState(messages): IoState<Arc<AtomicU64>>,
    Extension(user): Extension<User>,
    text: String,
) -> Result<u64, pesan_server::socketio::EmitError> {
    socket.io().emit("pesan", (user.name, text))?;
    Ok(messages.fetch_add(1, Ordering::Relaxed) + 1)
}

/// Adds the user to each request, also to those of Socket.IO. A real application would check a cookie or a token.
async fn authenticate(mut request: Request, next: Next) -> Response {
    let name = request
        .headers()
        .get("x-user")
        .and_then(|name| name.to_str().ok());
    let name = name.unwrap_or("guest").to_owned();
    request.extensions_mut().insert(User { name });
    next.run(request).await
}

async fn count(State(app): State<App>) -> String {
    app.messages.load(Ordering::Relaxed).to_string()
}

/// Broadcasts the body of a request.
async fn announce(State(app): State<App>, text: String) -> Result<StatusCode, (StatusCode, String)> {
    match app.io.emit("pesan", ("server", text)) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let io = match std::env::var("REDIS_URL") {
        Ok(url) => Io::with_adapter(
            IoConfig::default(),
            Redis::new(RedisConfig {
                url,
                ..RedisConfig::default()
            })?,
        ),
        Err(_) => Io::default(),
    };
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    // axum::serve leaves Nagle's algorithm on, which delays small messages.
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .await?
        .tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::warn!(%error, "small messages will be delayed");
            }
        });
    println!("listening on http://localhost:{port}");
    let closing = io.clone();
    let app = app(io)?.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                closing.close();
            }
        })
        .await?;
    Ok(())
}
