//! Proxy between a client and a server that can cut, stall, delay and refuse connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// What the proxy does with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Passes them on at once.
    Open,
    /// Passes them on this much later.
    Slow(Duration),
    /// Holds them until it is opened again, without closing connections.
    Stalled,
    /// Closes all connections, including new ones.
    Cut,
}

/// State of the proxy, and the number of cuts, so that no cut is missed.
#[derive(Debug, Clone, Copy)]
struct State {
    wire: Wire,
    cuts: u64,
}

/// Bytes of one direction of one connection, as they passed.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    /// Number of the connection, from 0.
    pub(crate) connection: usize,
    /// Whether they went from the client to the server.
    pub(crate) from_client: bool,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
}

/// Proxy on an own port of the loopback; stops with the runtime, or when dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    passed: Arc<std::sync::Mutex<Vec<Passed>>>,
    accept: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Proxy in front of the port `upstream` of the loopback.
    pub(crate) async fn before(upstream: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("the loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (state, seen) = watch::channel(State {
            wire: Wire::Open,
            cuts: 0,
        });
        let passed = Arc::default();
        let accept = tokio::spawn(accept(listener, upstream, seen, Arc::clone(&passed)));
        Self {
            address,
            state,
            passed,
            accept,
        }
    }

    /// URL for clients.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what happens to the bytes from now on.
    pub(crate) fn set(&self, wire: Wire) {
        self.state.send_modify(|state| {
            state.wire = wire;
            state.cuts += u64::from(wire == Wire::Cut);
        });
    }

    /// Closes all current connections; new ones are accepted.
    pub(crate) fn cut_once(&self) {
        self.set(Wire::Cut);
        self.set(Wire::Open);
    }

    /// Everything that passed so far.
    pub(crate) fn passed(&self) -> Vec<Passed> {
        self.passed.lock().expect("no holder of this lock panics").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accept.abort();
        self.set(Wire::Cut);
    }
}

async fn accept(
    listener: TcpListener,
    upstream: u16,
    state: watch::Receiver<State>,
    passed: Arc<std::sync::Mutex<Vec<Passed>>>,
) {
    let mut connections = 0;
    while let Ok((client, _)) = listener.accept().await {
        let State { wire, cuts } = *state.borrow();
        if wire == Wire::Cut {
            continue;
        }
        let connection = connections;
        connections += 1;
        let (mut state, passed) = (state.clone(), Arc::clone(&passed));
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)).await else {
                return;
            };
            if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
                return;
            }
            let ((client_in, client_out), (server_in, server_out)) =
                (client.into_split(), server.into_split());
            let up = Direction {
                connection,
                from_client: true,
                passed: Arc::clone(&passed),
                state: state.clone(),
            };
            let down = Direction {
                connection,
                from_client: false,
                passed,
                state: state.clone(),
            };
            tokio::select! {
                () = up.carry(client_in, server_out) => {}
                () = down.carry(server_in, client_out) => {}
                _ = state.wait_for(|state| state.cuts > cuts) => {}
            }
        });
    }
}

struct Direction {
    connection: usize,
    from_client: bool,
    passed: Arc<std::sync::Mutex<Vec<Passed>>>,
    state: watch::Receiver<State>,
}

impl Direction {
    /// Forwards bytes in order until one end closes.
    async fn carry(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let (queue, mut waiting) = mpsc::unbounded_channel::<(tokio::time::Instant, Vec<u8>)>();
        let reader_state = self.state.clone();
        let reader = async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = from.read(&mut buffer).await {
                let delay = match reader_state.borrow().wire {
                    Wire::Slow(delay) => delay,
                    Wire::Open | Wire::Stalled | Wire::Cut => Duration::ZERO,
                };
                let bytes = buffer.get(..read).unwrap_or_default().to_vec();
                if queue.send((tokio::time::Instant::now() + delay, bytes)).is_err() {
                    return;
                }
            }
        };
        let writer = async move {
            while let Some((due, bytes)) = waiting.recv().await {
                tokio::time::sleep_until(due).await;
                if self
                    .state
                    .wait_for(|state| state.wire != Wire::Stalled)
                    .await
                    .is_err()
                    || to.write_all(&bytes).await.is_err()
                {
                    return;
                }
                let (connection, from_client) = (self.connection, self.from_client);
                let mut passed = self.passed.lock().expect("no holder of this lock panics");
                passed.push(Passed {
                    connection,
                    from_client,
                    bytes,
                });
            }
        };
        tokio::join!(reader, writer);
    }
}
