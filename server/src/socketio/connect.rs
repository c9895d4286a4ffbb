//! The way of a socket into its namespace: an earlier session is looked up, middleware decides, then it is announced.

use std::sync::Arc;
use std::time::Duration;

use pesan::socketio::Packet;
use pesan::socketio::packet::Body;
use pesan::socketio::value::Value;

use super::client::Client;
use super::error::ConnectError;
use super::handler::Called;
use super::hooks::Reconnected;
use super::namespace::{MiddlewareCall, Namespace};
use super::recovery::Restored;
use super::socket::Socket;
use crate::log::LogLimit;

/// A client may connect to a namespace and leave it again without end.
static CONNECTED: LogLimit = LogLimit::new(6000, Duration::from_secs(60));

/// A socket that may come in. Where its connection ends first, nothing of it stays, and its client may take an earlier
/// session up another time.
pub(super) struct Admitted {
    socket: Socket,
    restored: Option<Restored>,
    entered: bool,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if self.entered {
            return;
        }
        self.socket.abandon();
        if let Some(restored) = self.restored.take() {
            let namespace = self.socket.namespace();
            namespace.give_back(restored, self.socket.runtime());
        }
    }
}

/// One that may not.
pub(super) struct Refused(pub(super) ConnectError);

impl Admitted {
    /// Without an earlier session, and without middleware.
    pub(super) fn fresh(namespace: &Namespace, client: &Arc<Client>, auth: Value) -> Self {
        Self {
            socket: Socket::new(namespace, client, auth, None),
            restored: None,
            entered: false,
        }
    }

    /// Tells the client, and makes it a member. `returns` says whether it brought an earlier session.
    pub(super) fn enter(mut self, returns: bool) -> Socket {
        self.entered = true;
        let (socket, restored) = (self.socket.clone(), self.restored.take());
        let namespace = socket.namespace();
        let sid = ("sid", Value::from(socket.id()));
        let pid = socket.pid().map(|pid| ("pid", Value::from(pid)));
        let reply = Value::object(std::iter::once(sid).chain(pid));
        let reply = Packet::new(namespace.name(), Body::Connect(Some(reply)));
        let missed = namespace.welcome(&socket, &namespace.config().frame(&reply), restored.as_ref());
        if let Some(left_out) = CONNECTED.ready() {
            tracing::info!(
                socket = socket.id(),
                connection = socket.connection().id(),
                address = %socket.handshake().ip(),
                namespace = namespace.name(),
                recovered = socket.recovered(),
                left_out,
                "A user connected"
            );
        }
        namespace.meters().sockets.increment(1);
        if returns {
            namespace.hooks().reconnect(&Reconnected {
                namespace: namespace.name().to_owned(),
                socket: socket.id().to_owned(),
                recovered: socket.recovered(),
                after: restored.and_then(|restored| restored.after),
                missed,
            });
        }
        socket
    }
}

/// Looks for an earlier session, then asks the middleware, one after the other.
pub(super) async fn admit(
    namespace: Namespace,
    client: Arc<Client>,
    auth: Value,
    middlewares: Arc<Vec<Arc<MiddlewareCall>>>,
) -> Result<Admitted, Refused> {
    let text = |key| auth.get(key).and_then(Value::as_str);
    let restored = match (text("pid"), text("offset")) {
        (Some(pid), Some(offset)) => namespace.restore(pid, offset, &client.runtime).await,
        _ => None,
    };
    let skips = namespace
        .recovery()
        .is_some_and(|recovery| recovery.skip_middlewares);
    let socket = Socket::new(&namespace, &client, auth, restored.as_ref());
    let mut admitted = Admitted {
        socket,
        restored,
        entered: false,
    };
    if !(skips && admitted.restored.is_some()) {
        for middleware in middlewares.iter() {
            let verdict = match middleware(admitted.socket.clone()) {
                Called::Done(verdict) => verdict,
                Called::Later(future) => future.await,
            };
            if let Err(error) = verdict {
                admitted.restored = None;
                return Err(Refused(error));
            }
        }
    }
    Ok(admitted)
}
