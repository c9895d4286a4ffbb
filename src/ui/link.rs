//! The page's one connection: what the chat asks goes out, what the server says comes in.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use pesan::chat::connection::Connection;
use pesan::chat::wire::{Answer, Request, Told};
use pesan::messages::wire::Wire;
use pesan::messages::{Refusal, RefusalCode};
use pesan::socketio::client::{EmitError, Reason};
use pesan::socketio::leptos::FrameBatcher as Gather;
use pesan::socketio::{
    AckError, Lifecycle, Listening, Message, Options, Rest, SendError, Socket, Status, Value,
};

use super::{clock, dom};

/// An answer that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is heard of the server and of the connection to it.
pub(crate) enum Heard {
    /// Connection is up.
    Connected,
    /// Connection is gone; the server may have ended it on purpose.
    Disconnected {
        /// Whether the server ended it.
        by_server: bool,
    },
    /// Connection stands differently.
    Connection(Connection),
    /// Server told something.
    Told(Told),
    /// Server answered.
    Answer(Answer),
}

/// The connection, for as long as the page is there.
pub(crate) struct Link {
    socket: Socket,
    hear: &'static Gather<Heard>,
    _listening: [Listening; 3],
}

impl Link {
    /// Connects to a server, as the one that `auth` says; what is heard comes once a frame, and less often in a flood.
    pub(crate) fn open(
        server: &str,
        auth: Value,
        hear: impl FnMut(Vec<Heard>) + 'static,
    ) -> Result<&'static Self, String> {
        let socket = Socket::open(server, Options::new().auth(auth).auto_connect(false))
            .map_err(|error| error.to_string())?;
        let hear: &'static Gather<Heard> = Box::leak(Box::new(Gather::new(hear)));
        let events = socket.on_any(move |message: Message| {
            let value = message.args.into_iter().next().unwrap_or_default();
            match Told::of(&message.name, value) {
                Some(event) => hear.push(Heard::Told(event)),
                None => dom::warn(&["not understood: ", &message.name].concat()),
            }
        });
        let life = socket.on_lifecycle(move |step: &Lifecycle| match step {
            Lifecycle::Connect { .. } => hear.push(Heard::Connected),
            Lifecycle::Disconnect { reason, .. } => hear.push(Heard::Disconnected {
                by_server: *reason == Reason::IoServerDisconnect,
            }),
            _ => {}
        });
        let mut reached = false;
        let states = socket.on_status(move |status: &Status| {
            reached |= status.is_connected();
            hear.push(Heard::Connection(connection(status, reached)));
        });
        socket.connect();
        Ok(Box::leak(Box::new(Self {
            socket,
            hear,
            _listening: [events, life, states],
        })))
    }

    /// Is the one that `auth` says whenever it connects from now on.
    pub(crate) fn set_auth(&self, auth: Value) {
        self.socket.set_auth(auth);
    }

    /// Connects now, whether it waits for its turn or has given up.
    pub(crate) fn connect_now(&self) {
        self.socket.connect();
        self.socket.reconnect_now();
    }

    /// Asks the server; the answer is heard.
    pub(crate) fn perform(&self, request: Request) {
        let Some((name, value)) = request.event() else {
            return;
        };
        let args = vec![value];
        // for the one who answers: the server, or the client itself when it cannot ask
        let asked = Rc::new(RefCell::new(None));
        let sent = match request {
            Request::Typing(_) => self.socket.volatile().emit(name, args).map(drop),
            // without a connection nothing is said at all: the chat says it again when there is one
            _ if !self.socket.connected() => return tell(self.hear, Some(request), None),
            Request::Plain(_) => self.socket.emit(name, args).map(drop),
            _ => {
                asked.replace(Some(request));
                let hear = self.hear;
                let asked = Rc::clone(&asked);
                let then = move |outcome: Result<Rest, AckError>| {
                    let value = match outcome {
                        Ok(Rest(values)) => values.into_iter().next(),
                        Err(AckError::Send(error)) => refused(&error),
                        Err(_) => None,
                    };
                    tell(hear, asked.take(), value);
                };
                self.socket
                    .timeout(PATIENCE)
                    .emit_then(name, args, then)
                    .map(drop)
            }
        };
        if let Err(error) = sent {
            tell(self.hear, asked.take(), refused(&error));
        }
    }
}

/// What became of a request, unless that was told already.
fn tell(hear: &Gather<Heard>, request: Option<Request>, value: Option<Value>) {
    if let Some(answer) = request.and_then(|request| request.answered(value)) {
        hear.push(Heard::Answer(answer));
    }
}

/// What the client itself refused, in the server's words.
fn refused(error: &SendError) -> Option<Value> {
    match error {
        SendError::Emit(EmitError::TooLarge { limit, .. }) => {
            let refusal = Refusal {
                code: RefusalCode::TextTooLong,
                detail: limit.to_string(),
            };
            Some(Err::<(), _>(refusal).write())
        }
        _ => None,
    }
}

fn connection(status: &Status, reached: bool) -> Connection {
    match status {
        Status::Connecting => Connection::Connecting,
        Status::Connected => Connection::Connected,
        Status::Reconnecting {
            attempt,
            retry_in: None,
        } => Connection::Retrying { attempt: *attempt },
        Status::Reconnecting {
            attempt,
            retry_in: Some(time),
        } => Connection::Waiting {
            attempt: *attempt,
            until: clock::now().saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            lost: reached,
        },
        Status::Disconnected {
            reason: Some(Reason::IoServerDisconnect),
        } => Connection::Ended,
        Status::Disconnected { .. } => Connection::Stopped,
        Status::Refused { error } => Connection::Refused {
            reason: error.to_string(),
            refusal: error.data().cloned().and_then(Wire::read),
        },
    }
}
