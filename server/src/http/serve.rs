//! Accept loop: serves one hyper connection for each TCP or TLS connection, with limits.
//!
//! After a WebSocket handshake the engine takes over the raw socket, which other accept loops do not allow. `main` calls
//! [`bind`] and [`serve`].

mod connection_limit;
mod forwarded;
#[cfg_attr(not(feature = "tls"), path = "serve/no_tls.rs")]
mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, RETRY_AFTER,
};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::{Either, Full as FullBody};
use hyper::body::{Body, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tower_service::Service;

pub use connection_limit::{ConnectionLimit, ConnectionPermit, Full};
#[cfg(feature = "chat")]
#[doc(hidden)]
pub use forwarded::fuzzing;
pub use forwarded::{TrustedProxies, parse_network};
pub use tls::Tls;
#[cfg(feature = "tls")]
pub use tls::TlsError;
use tls::TlsStream;

use crate::engineio::Peer;
use crate::log_limit::LogLimit;

/// Settings and limits of the accept loop.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServeConfig {
    /// Certificate and key for HTTPS and WSS. Defaults to none.
    pub tls: Option<Tls>,
    /// Maximum time for receiving the head of a request; also the idle timeout of a connection. Defaults to 15 s.
    pub header_timeout: Duration,
    /// Maximum duration of a TLS handshake. Defaults to 10 s.
    pub tls_timeout: Duration,
    /// Time after which a connection is closed if its peer acknowledges no data. Defaults to 60 s.
    pub stall_timeout: Duration,
    /// Maximum size of a request's head, in bytes. Defaults to 16 KiB; a larger one gets status 431.
    pub max_head: usize,
    /// Maximum number of requests on one connection. Defaults to 1000; the last response has `Connection: close`.
    pub max_requests_per_connection: usize,
    /// Maximum number of HTTP connections, without those upgraded to WebSocket. Defaults to 20,000; a further one gets
    /// status 503 and a page with the reason.
    pub max_connections: usize,
    /// The same for each address or IPv6 /64 network, except for trusted proxies. Defaults to 10,000; a further one gets
    /// status 429.
    pub max_connections_per_address: usize,
    /// Limit that is shared with other accept loops; replaces the two above. Defaults to none.
    pub limit: Option<Arc<ConnectionLimit>>,
    /// Proxies whose `X-Forwarded-For` is trusted. Defaults to none.
    pub proxies: TrustedProxies,
    /// Maximum time for pending requests after `stop`. Defaults to 5 s.
    pub drain: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            tls: None,
            header_timeout: Duration::from_secs(15),
            tls_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(60),
            max_head: 16 << 10,
            max_requests_per_connection: 1000,
            max_connections: 20_000,
            max_connections_per_address: 10_000,
            limit: None,
            proxies: TrustedProxies::default(),
            drain: Duration::from_secs(5),
        }
    }
}

/// Length of the kernel's queue of connections that are not accepted yet.
const BACKLOG: i32 = 4096;

/// Pause after a failed accept, for example when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens on an address.
///
/// # Errors
/// Error of the system, such as [`io::ErrorKind::AddrInUse`].
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves an application, such as an [`Engine`](crate::engineio::Engine) or an axum router, until `stop` completes; then
/// waits for pending requests, at most for [`ServeConfig::drain`].
///
/// WebSockets are not waited for: close the [`Engine`](crate::engineio::Engine) and look at its sessions for that.
///
/// ```no_run
/// # async fn example(app: pesan_server::engineio::Engine) -> std::io::Result<()> {
/// use pesan_server::http::serve::{ServeConfig, bind, serve};
/// let listener = bind(([127, 0, 0, 1], 3000).into())?;
/// serve(listener, app, ServeConfig::default(), std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    listener: TcpListener,
    app: impl Application,
    config: ServeConfig,
    stop: impl Future<Output = ()>,
) {
    let drain = config.drain;
    let (stopping, stopped) = watch::channel(false);
    let (alive, mut all_ended) = mpsc::channel::<()>(1);
    let limit = config.limit.clone().unwrap_or_else(|| {
        let (max, max_per_address) = (config.max_connections, config.max_connections_per_address);
        Arc::new(ConnectionLimit::new(max, max_per_address))
    });
    let failures = LogLimit::once_a_minute();
    let acceptor = Arc::new(Acceptor {
        limit,
        refusals: Arc::new(Semaphore::new(REFUSALS_AT_A_TIME)),
        config,
        app,
    });
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, address)) => acceptor.accept(stream, address, stopped.clone(), alive.clone()),
            Err(error) => {
                crate::meter::counter!("http_accept_errors_total").increment(1);
                // without free file descriptors it fails many times a second
                if let Some(left_out) = failures.ready() {
                    tracing::warn!(%error, left_out, "cannot accept a connection");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((listener, alive, stopped));
    stopping.send_replace(true);
    if tokio::time::timeout(drain, all_ended.recv()).await.is_err() {
        tracing::warn!("pending requests did not end in time and were closed");
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What [`serve`] can serve: any tower service for requests of hyper that cannot fail.
pub trait Application: Clone + Send + Sync + 'static {
    /// Body of its responses.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;

    /// Answers a request.
    fn answer(self, request: Request<Incoming>) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl<S, B> Application for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;

    async fn answer(mut self, request: Request<Incoming>) -> Response<B> {
        let ready = std::future::poll_fn(|cx| self.poll_ready(cx)).await;
        match ready {
            Ok(()) => match self.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Err(never) => match never {},
        }
    }
}

/// State shared by all connections.
struct Acceptor<S> {
    limit: Arc<ConnectionLimit>,
    refusals: Arc<Semaphore>,
    config: ServeConfig,
    app: S,
}

impl<S: Application> Acceptor<S> {
    async fn handshake(&self, tls: &Tls, stream: TcpStream, address: SocketAddr) -> Option<TlsStream> {
        match tokio::time::timeout(self.config.tls_timeout, tls.handshake(stream)).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%address, "TLS handshake timed out"),
        }
        None
    }

    /// Starts the task of a connection; above the limit, the task sends a refusal.
    fn accept(
        self: &Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        stopped: watch::Receiver<bool>,
        alive: mpsc::Sender<()>,
    ) {
        let proxy = self.config.proxies.contains(address.ip());
        let permit = self.limit.acquire(address.ip(), proxy);
        if let Err(full) = permit {
            crate::meter::counter!("http_connections_refused_total").increment(1);
            tracing::debug!(%address, ?full, "connection refused: limit reached");
        }
        if let Err(error) = prepare(&stream, self.config.stall_timeout) {
            return tracing::debug!(%address, %error, "connection closed before it was served");
        }
        let acceptor = Arc::clone(self);
        let secure = self.config.tls.is_some();
        match permit {
            Ok(permit) => tokio::spawn(async move {
                let peer = Peer { address, secure };
                match &acceptor.config.tls {
                    None => {
                        acceptor
                            .serve_connection(TokioIo::new(stream), peer, stopped)
                            .await;
                    }
                    Some(tls) => {
                        if let Some(stream) = acceptor.handshake(tls, stream, address).await {
                            acceptor
                                .serve_connection(TokioIo::new(stream), peer, stopped)
                                .await;
                        }
                    }
                }
                drop((permit, alive));
            }),
            Err(full) => {
                let Ok(turn) = Arc::clone(&self.refusals).try_acquire_owned() else {
                    return;
                };
                tokio::spawn(async move {
                    let refused = async {
                        match &acceptor.config.tls {
                            None => answer_refusal(TokioIo::new(stream), full).await,
                            Some(tls) => match acceptor.handshake(tls, stream, address).await {
                                Some(stream) => answer_refusal(TokioIo::new(stream), full).await,
                                None => Ok(()),
                            },
                        }
                    };
                    if let Ok(Err(error)) = tokio::time::timeout(REFUSAL_TIMEOUT, refused).await {
                        tracing::debug!(%address, %error, "connection closed before the refusal was sent");
                    }
                    drop((turn, alive));
                })
            }
        };
    }

    /// Serves the requests of one connection.
    async fn serve_connection<I>(&self, io: I, peer: Peer, mut stopped: watch::Receiver<bool>)
    where
        I: Read + Write + Unpin + Send + 'static,
    {
        let requests = AtomicUsize::new(0);
        let service = service_fn(|mut request: Request<Incoming>| {
            let count = requests.fetch_add(1, Ordering::Relaxed) + 1;
            let is_last = count >= self.config.max_requests_per_connection;
            let bad = !has_one_host(&request);
            let sender = self.config.proxies.client_addr(peer, request.headers());
            request.extensions_mut().insert(sender);
            let app = self.app.clone();
            async move {
                if bad {
                    let body = FullBody::new(Bytes::from_static(b"exactly one Host header is required\n"));
                    let mut response = Response::new(Either::Right(body));
                    *response.status_mut() = StatusCode::BAD_REQUEST;
                    response
                        .headers_mut()
                        .insert(CONNECTION, HeaderValue::from_static("close"));
                    return Ok::<_, Infallible>(response);
                }
                let mut response = app.answer(request).await.map(Either::Left);
                if is_last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    response
                        .headers_mut()
                        .insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.config.header_timeout)
            .max_buf_size(self.config.max_head.max(8 << 10))
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = stop_of(&mut stopped) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(address = %peer.address, %error, "connection ended");
        }
    }
}

/// Whether a request has exactly one Host header, as required by RFC 9112 section 3.2; optional in HTTP/1.0.
fn has_one_host<B>(request: &Request<B>) -> bool {
    match request.headers().get_all(HOST).iter().count() {
        0 => request.version() < Version::HTTP_11,
        hosts => hosts == 1,
    }
}

/// Completes when the server stops.
async fn stop_of(stopped: &mut watch::Receiver<bool>) {
    // an error means that the server was dropped, which is a stop as well
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// Limit of unsent bytes in the kernel's send buffer; further data waits in the engine, where it is counted.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 256 << 10;

/// Sets socket options: no delay for small messages, and a timeout for peers that acknowledge nothing.
fn prepare(stream: &TcpStream, stall: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(stream);
        socket.set_tcp_user_timeout(Some(stall))?;
        socket.set_tcp_notsent_lowat(UNSENT)?;
    }
    #[cfg(not(target_os = "linux"))]
    drop((SockRef::from(stream), stall));
    Ok(())
}

/// Maximum number of concurrent refusals; further connections are closed without an answer.
const REFUSALS_AT_A_TIME: usize = 256;
/// Maximum duration of a refusal.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Answers the first request of a refused connection.
async fn answer_refusal<I>(io: I, full: Full) -> Result<(), hyper::Error>
where
    I: Read + Write + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let html = request
            .headers()
            .get(ACCEPT)
            .is_some_and(|accept| accept.as_bytes().windows(9).any(|part| part == b"text/html"));
        std::future::ready(Ok::<_, Infallible>(refusal_response(full, html)))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REFUSAL_TIMEOUT)
        .keep_alive(false)
        .serve_connection(io, service)
        .await
}

fn refusal_response(full: Full, html: bool) -> Response<FullBody<Bytes>> {
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
    let mut response = Response::new(FullBody::from(body));
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
