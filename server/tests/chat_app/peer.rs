//! Clients of a few lines, on a bare WebSocket: what they send and get is what is on the wire.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pesan::protocol::{Auth, ChatError, Hello, Person, VERSION};
use pesan::socketio::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client in the namespace `/`.
pub(crate) struct Peer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Events that nobody has asked for yet.
    waiting: VecDeque<(String, Vec<Value>)>,
    next_id: u64,
}

impl Peer {
    /// Connects with this JSON as `auth`; what the CONNECT_ERROR says otherwise.
    pub(crate) async fn open(address: SocketAddr, auth: &str) -> Result<Self, Value> {
        let mut peer = Self::dial(address).await;
        peer.write(format!("40{auth}")).await;
        loop {
            let frame = peer.read().await.expect("an answer to CONNECT");
            if let Some(error) = frame.strip_prefix("44") {
                return Err(serde_json::from_str(error).expect("JSON"));
            }
            if frame.starts_with("40") {
                return Ok(peer);
            }
        }
    }

    /// Opens a connection that is in no namespace yet.
    pub(crate) async fn dial(address: SocketAddr) -> Self {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = connect_async(url).await.expect("the server listens");
        Self {
            socket,
            waiting: VecDeque::new(),
            next_id: 0,
        }
    }

    pub(crate) async fn write(&mut self, frame: String) {
        self.socket
            .send(Message::text(frame))
            .await
            .expect("the connection is open");
    }

    /// Next text frame that is no ping; none when the connection has ended.
    async fn read(&mut self) -> Option<String> {
        loop {
            let message = timeout(PATIENCE, self.socket.next())
                .await
                .expect("something comes in time")?;
            match message {
                Ok(Message::Text(text)) if text.as_str() == "2" => self.write("3".to_owned()).await,
                Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub(crate) async fn emit(&mut self, event: &str, arg: impl Serialize) {
        self.write(format!("42{}", json!([event, arg]))).await;
    }

    /// Sends an event and gives its answer; events that come before it wait.
    pub(crate) async fn ask(&mut self, event: &str, arg: impl Serialize) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        self.write(format!("42{id}{}", json!([event, arg]))).await;
        self.answer(id).await
    }

    async fn answer(&mut self, id: u64) -> Value {
        let begin = format!("43{id}[");
        loop {
            let frame = self.read().await.expect("the connection is open");
            if frame.starts_with(&begin) {
                let answers: Vec<Value> = serde_json::from_str(&frame[begin.len() - 1..]).expect("JSON");
                return answers.into_iter().next().expect("one argument");
            }
            self.keep(&frame);
        }
    }

    fn keep(&mut self, frame: &str) {
        if let Some(payload) = frame.strip_prefix("42") {
            let mut args: Vec<Value> = serde_json::from_str(payload).expect("JSON");
            let name = args.remove(0).as_str().expect("a name").to_owned();
            self.waiting.push_back((name, args));
        }
    }

    /// First argument of the next event of this name; others wait.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        let mut from = 0;
        loop {
            if let Some(place) = self
                .waiting
                .iter()
                .skip(from)
                .position(|(known, _)| known == name)
            {
                let (_, args) = self.waiting.remove(from + place).expect("was found");
                return args.into_iter().next().unwrap_or_default();
            }
            from = self.waiting.len();
            let frame = self
                .read()
                .await
                .unwrap_or_else(|| panic!("the connection ended before {name}"));
            self.keep(&frame);
        }
    }

    /// Events of this name that came before the answer to a last question, which shows that no more are under way.
    pub(crate) async fn events_until_now(&mut self, name: &str) -> Vec<Value> {
        self.ask("history", json!({ "room": "lobby" })).await;
        let (wanted, rest) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<VecDeque<_>, _>(|(known, _)| known == name);
        self.waiting = rest;
        wanted.into_iter().map(|(_, mut args)| args.remove(0)).collect()
    }

    /// Waits for the server to end the connection.
    pub(crate) async fn ended(&mut self) {
        while let Some(frame) = self.read().await {
            self.keep(&frame);
        }
    }
}

/// A page of ours.
pub(crate) struct ChatPage {
    pub(crate) peer: Peer,
    pub(crate) hello: Hello,
}

impl ChatPage {
    /// Opens a page of a person who is known by nothing but the name.
    pub(crate) async fn open(address: SocketAddr, name: &str) -> Self {
        Self::open_as(address, &auth(name)).await.expect("may come in")
    }

    pub(crate) async fn open_as(address: SocketAddr, auth: &Auth) -> Result<Self, Value> {
        let auth = serde_json::to_string(auth).expect("plain data");
        let mut peer = Peer::open(address, &auth).await?;
        let hello = serde_json::from_value(peer.event("hello").await).expect("a greeting");
        Ok(Self { peer, hello })
    }

    pub(crate) fn you(&self) -> &Person {
        &self.hello.you
    }

    pub(crate) async fn ask<E, T>(&mut self, event: &E) -> Result<T, ChatError>
    where
        E: Event<Ack = Result<T, ChatError>>,
        T: Serialize + DeserializeOwned,
    {
        serde_json::from_value(self.peer.ask(E::NAME, event).await).expect("an answer of its type")
    }

    pub(crate) async fn next<E: Event>(&mut self) -> E {
        serde_json::from_value(self.peer.event(E::NAME).await).expect("an event of its type")
    }

    pub(crate) async fn all_until_now<E: Event>(&mut self) -> Vec<E> {
        let events = self.peer.events_until_now(E::NAME).await;
        events
            .into_iter()
            .map(|event| serde_json::from_value(event).expect("an event of its type"))
            .collect()
    }
}

pub(crate) fn auth(name: &str) -> Auth {
    Auth {
        pesan: VERSION,
        key: format!("the secret key of {name}"),
        name: Some(name.to_owned()),
        token: None,
        presence_batches: false,
        language: None,
    }
}
