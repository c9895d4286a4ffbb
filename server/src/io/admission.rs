//! The way of a socket into its namespace: an earlier session is looked up, middleware decides, then it is announced.

use std::sync::Arc;

use pesan::socketio::Packet;
use pesan::socketio::packet::Body;
use pesan::socketio::value::Value;

use super::client::Client;
use super::error::ConnectError;
use super::handler::Called;
use super::namespace::{MiddlewareCall, Namespace};
use super::socket::Socket;

/// A socket that may come in.
pub(super) struct Admitted {
    socket: Socket,
}

/// One that may not.
pub(super) struct Refused(pub(super) ConnectError);

impl Admitted {
    /// Without an earlier session, and without middleware.
    pub(super) fn fresh(namespace: &Namespace, client: &Arc<Client>, auth: Value) -> Self {
        Self {
            socket: Socket::new(namespace, client, auth),
        }
    }

    /// The connection ended first.
    pub(super) fn abandon(self) {
        self.socket.abandon();
    }

    /// Tells the client, and makes it a member.
    pub(super) fn enter(self, _returns: bool) -> Socket {
        let socket = self.socket;
        let namespace = socket.namespace();
        let sid = ("sid", Value::from(socket.id()));
        let reply = Packet::new(namespace.name(), Body::Connect(Some(Value::object([sid]))));
        match namespace.encode(&reply) {
            Ok(outgoing) => socket.connection().send(&outgoing),
            Err(error) => tracing::error!(%error, "CONNECT not sent"),
        }
        socket.open();
        tracing::info!(
            socket = socket.id(),
            namespace = namespace.name(),
            "A user connected"
        );
        namespace.meters().sockets.increment(1);
        socket
    }
}

/// Asks the middleware, one after the other.
pub(super) async fn admit(
    namespace: Namespace,
    client: Arc<Client>,
    auth: Value,
    middlewares: Arc<Vec<Arc<MiddlewareCall>>>,
) -> Result<Admitted, Refused> {
    let socket = Socket::new(&namespace, &client, auth);
    for middleware in middlewares.iter() {
        let verdict = match middleware(socket.clone()) {
            Called::Done(verdict) => verdict,
            Called::Later(future) => future.await,
        };
        if let Err(error) = verdict {
            socket.abandon();
            return Err(Refused(error));
        }
    }
    Ok(Admitted { socket })
}
