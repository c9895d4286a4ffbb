//! The accept loop: one hyper connection for each TCP or TLS connection, with caps on what a stranger may hold open.
//!
//! The engine takes the raw socket over after a WebSocket handshake; that is why this loop and not another accepts.
//! `main` calls [`bind`] and [`serve`].

mod forwarded;
mod places;
mod tls;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tower::ServiceExt;

pub use forwarded::{Network, NetworkError, Proxies};
pub use tls::{Tls, TlsError};

use crate::engine::Peer;
use places::Places;

/// Settings and caps of the accept loop.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServeConfig {
    /// Certificate and key; with them the server speaks HTTPS and WSS. Defaults to none.
    pub tls: Option<Tls>,
    /// Time in which the head of a request must be there, from its first moment on; an idle connection ends after it
    /// too. Defaults to 15 s.
    pub header_timeout: Duration,
    /// Time that a TLS handshake may take. Defaults to 10 s.
    pub tls_timeout: Duration,
    /// Time after which a connection ends whose other end takes nothing and acknowledges nothing. Defaults to 60 s.
    pub stall_timeout: Duration,
    /// Largest head of a request, in bytes. Defaults to 16 KiB; a larger one gets status 431.
    pub max_head: usize,
    /// HTTP connections in all, those that became WebSockets not counted. Defaults to 20,000; a further one is closed
    /// at once.
    pub max_connections: usize,
    /// The same for each address, those of trusted proxies excepted. Defaults to 10,000.
    pub max_connections_per_address: usize,
    /// Proxies that are believed when they say for whom they speak. Defaults to none.
    pub proxies: Proxies,
    /// Time that requests under way have once `stop` came. Defaults to 5 s.
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
            max_connections: 20_000,
            max_connections_per_address: 10_000,
            proxies: Proxies::default(),
            drain: Duration::from_secs(5),
        }
    }
}

/// Connections that the kernel may hold for us before we accept them.
const BACKLOG: i32 = 4096;

/// Pause after a failed accept, for example when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Listens on an address.
///
/// # Errors
/// What the system says, [`io::ErrorKind::AddrInUse`] for a busy port above all.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Serves `app` until `stop` is done and requests under way have ended, or their time is over.
///
/// WebSockets are not waited for: close the [`Engine`](crate::engine::Engine) and look at its sessions for that.
///
/// ```no_run
/// # async fn example(app: axum::Router) -> std::io::Result<()> {
/// use pesan_server::http::serve::{ServeConfig, bind, serve};
/// let listener = bind(([127, 0, 0, 1], 3000).into())?;
/// serve(listener, app, ServeConfig::default(), std::future::pending()).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve(listener: TcpListener, app: Router, config: ServeConfig, stop: impl Future<Output = ()>) {
    let drain = config.drain;
    let (stopping, stopped) = watch::channel(false);
    let (alive, mut all_ended) = mpsc::channel::<()>(1);
    let door = Arc::new(Door {
        places: Places::new(config.max_connections, config.max_connections_per_address),
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
            Ok((stream, address)) => door.let_in(stream, address, stopped.clone(), alive.clone()),
            Err(error) => {
                metrics::counter!("http_accept_errors_total").increment(1);
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop((listener, alive, stopped));
    stopping.send_replace(true);
    if tokio::time::timeout(drain, all_ended.recv()).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
}

/// What every connection needs.
struct Door {
    places: Arc<Places>,
    config: ServeConfig,
    app: Router,
}

impl Door {
    /// Starts the task of a connection, if there is a place for it.
    fn let_in(
        self: &Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        stopped: watch::Receiver<bool>,
        alive: mpsc::Sender<()>,
    ) {
        let proxy = self.config.proxies.contains(address.ip());
        let Some(place) = self.places.take(address.ip(), proxy) else {
            metrics::counter!("http_connections_refused_total").increment(1);
            return tracing::debug!(%address, "no place for another connection");
        };
        if let Err(error) = prepare(&stream, self.config.stall_timeout) {
            return tracing::debug!(%address, %error, "the connection was gone at once");
        }
        let door = Arc::clone(self);
        match &self.config.tls {
            None => {
                let peer = Peer {
                    address,
                    secure: false,
                };
                tokio::spawn(async move {
                    door.converse(TokioIo::new(stream), peer, stopped).await;
                    drop((place, alive));
                });
            }
            Some(tls) => {
                let handshake = tls.acceptor().accept(stream);
                let peer = Peer {
                    address,
                    secure: true,
                };
                tokio::spawn(async move {
                    match tokio::time::timeout(door.config.tls_timeout, handshake).await {
                        Ok(Ok(stream)) => door.converse(TokioIo::new(stream), peer, stopped).await,
                        Ok(Err(error)) => tracing::debug!(%address, %error, "no TLS handshake"),
                        Err(_) => tracing::debug!(%address, "the TLS handshake took too long"),
                    }
                    drop((place, alive));
                });
            }
        }
    }

    /// Answers the requests of one connection.
    async fn converse<I>(&self, io: I, peer: Peer, mut stopped: watch::Receiver<bool>)
    where
        I: Read + Write + Unpin + Send + 'static,
    {
        let service = service_fn(|mut request: Request<Incoming>| {
            let sender = self.config.proxies.sender(peer, request.headers());
            request.extensions_mut().insert(sender);
            self.app.clone().oneshot(request.map(Body::new))
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

/// Done when the server stops.
async fn stop_of(stopped: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is a stop as well.
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// Bytes that the system keeps for a peer before it sends them: what waits longer is to wait here, where it is counted.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 256 << 10;

/// Small messages go out at once; a peer that is gone is noticed, and one that is slow.
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
