//! The job of the broadcast benchmark: `socket.on("pesan", msg => io.emit("pesan", msg))` on `PORT`.
//!
//! `docs/performance.md` says how it is measured and what came out.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use pesan::socketio::Frame;
use pesan_server::engine::{
    CloseReason, Connection, Engine, EngineConfig, Group, HandshakeRequest, Outgoing, Protocol, Session,
};
use pesan_server::http::serve::{ServeConfig, bind, serve};

/// Everyone who is in the main namespace, and the group made of them.
#[derive(Default)]
struct Hall {
    members: Vec<Connection>,
    group: Option<Arc<Group>>,
}

struct Chat(Arc<Mutex<Hall>>);

struct Client {
    hall: Arc<Mutex<Hall>>,
    connection: Connection,
}

impl Protocol for Chat {
    type Session = Client;

    fn open(&self, connection: Connection, _: Arc<HandshakeRequest>) -> Client {
        Client {
            hall: Arc::clone(&self.0),
            connection,
        }
    }
}

impl Session for Client {
    fn receive(&mut self, message: Frame) {
        let Frame::Text(text) = message else { return };
        let mut hall = self.hall.lock().unwrap_or_else(PoisonError::into_inner);
        if text == "0" {
            let hello = format!("0{{\"sid\":\"{:020}\"}}", self.connection.id());
            self.connection.send(&Outgoing::from_frame(&hello.into()));
            hall.members.push(self.connection.clone());
            hall.group = None;
            return;
        }
        let Hall { members, group } = &mut *hall;
        let group = group.get_or_insert_with(|| Group::new(members.iter().cloned()));
        group.send(&Outgoing::from_frame(&text.into()));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn closed(self, _: CloseReason) {
        let mut hall = self.hall.lock().unwrap_or_else(PoisonError::into_inner);
        hall.members.retain(|member| *member != self.connection);
        hall.group = None;
    }
}

fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT")
        .ok()
        .and_then(|port| port.parse().ok())
        .unwrap_or(3000);
    let mut runtime = match std::thread::available_parallelism().map_or(1, usize::from) {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    runtime.enable_all().build()?.block_on(async {
        let engine = Engine::new(EngineConfig::default(), Chat(Arc::default()));
        let listener = bind(([127, 0, 0, 1], port).into())?;
        serve(
            listener,
            engine.router(),
            ServeConfig::default(),
            std::future::pending(),
        )
        .await;
        Ok(())
    })
}
