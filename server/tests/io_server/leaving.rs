//! Clients that go in odd moments, and what is left of them then: nothing.

use std::sync::Arc;
use std::time::Duration;

use pesan_server::io::{DisconnectReason, ErrorKind, Io, IoConfig, Recovery, Socket};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{PATIENCE, Raw, Served, join, offset, until};

/// What must come in time.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("in time")
}

fn cleaning() -> IoConfig {
    IoConfig {
        cleanup_empty_child_namespaces: true,
        ..IoConfig::default()
    }
}

fn names(io: &Io) -> Vec<String> {
    let made = io.namespaces();
    made.iter().map(|namespace| namespace.name().to_owned()).collect()
}

#[tokio::test]
async fn disconnect_is_told_after_a_panic_in_disconnecting() {
    let served = Served::start().await;
    let (sender, mut told) = mpsc::unbounded_channel();
    let (reports, mut reported) = mpsc::unbounded_channel();
    served
        .io
        .on_error(move |error| reports.send(error.kind).expect("the test listens"));
    served.io.on_connection(move |socket: Socket| {
        socket.on("disconnecting", async |_: Socket, ()| -> () {
            tokio::task::yield_now().await;
            panic!("on purpose");
        });
        let sender = sender.clone();
        socket.on("disconnect", move |_: Socket, reason: DisconnectReason| {
            sender.send(reason).map_err(|_| "the test listens")
        });
    });
    let mut raw = served.join().await;
    raw.send("1").await;
    let reason = soon(told.recv()).await.expect("it is told");
    assert_eq!(reason, DisconnectReason::ClientNamespaceDisconnect);
    assert_eq!(soon(reported.recv()).await, Some(ErrorKind::Panic));
}


fn recovering(skip_middlewares: bool) -> IoConfig {
    IoConfig {
        recovery: Some(Recovery {
            skip_middlewares,
            ..Recovery::default()
        }),
        ..IoConfig::default()
    }
}


/// A client that lost its connection; what it needs to return.
async fn lost(served: &Served) -> (String, String) {
    let mut raw = served.open().await;
    let (sid, pid) = join(&mut raw, "").await;
    served.io.emit("first", ()).expect("can be sent");
    let last = offset(&raw.next().await);
    raw.close().await;
    until("it is gone", || served.io.is_empty()).await;
    (sid, format!(r#"{{"pid":"{pid}","offset":"{last}"}}"#))
}


/// Tells when it is dropped.
struct Told(mpsc::UnboundedSender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.send(()).unwrap_or_default();
    }
}
