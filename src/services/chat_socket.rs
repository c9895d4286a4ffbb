//! The connection of the page: emits the chat's requests, and turns what arrives into updates, once a frame.
//!
//! The only place of the page that knows a socket. Events, answers and the status come in one stream, in order.

use std::time::Duration;

use leptos::prelude::*;
use serde::de::DeserializeOwned;

use super::clock;
use crate::chat::connection_state::ConnectionState;
use crate::chat::requests::Request;
use crate::chat::responses::{RequestResult, Response};
use crate::chat::server_events::ServerEvent;
use crate::protocol::{Auth, ChatError, ChatErrorCode, PLAIN};
use crate::socketio::leptos::{FrameBatcher, UseSocket, use_any, use_lifecycle, use_socket, use_status};
use crate::socketio::proto::{EmitError, Reason};
use crate::socketio::{AckError, Event, Lifecycle, Options, SendError, Status, from_value, to_value};

/// Longest wait for an answer.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);

/// What happened at the connection.
#[derive(Debug, Clone, PartialEq)]
pub enum SocketUpdate {
    /// The namespace is connected.
    Connected,
    /// The connection was lost, or ended by the server.
    Disconnected {
        /// Whether the server ended it on purpose.
        by_server: bool,
    },
    /// The state of the connection changed.
    Connection(ConnectionState),
    /// Event of the server.
    Event(ServerEvent),
    /// Answer to a request.
    Response(Response),
}

/// Connection of the page.
#[derive(Clone, Copy)]
pub struct ChatSocket {
    socket: UseSocket,
    updates: StoredValue<FrameBatcher<SocketUpdate>, LocalStorage>,
}

/// Connects to a server for as long as the component lives; `apply` gets all updates of a frame at once.
///
/// Without `auto_connect` it waits for [`ChatSocket::connect_now`].
pub fn use_chat_socket(
    server: String,
    auth: &Auth,
    auto_connect: bool,
    apply: impl FnMut(Vec<SocketUpdate>) + Send + 'static,
) -> ChatSocket {
    let updates = FrameBatcher::new(apply);
    let options = Options::new().auto_connect(auto_connect);
    let options = match to_value(auth) {
        Ok(auth) => options.auth(auth),
        Err(error) => {
            leptos::logging::error!("credentials cannot be sent: {error}");
            options
        }
    };
    let address = server.clone();
    let socket = use_socket(server, options);
    let events = updates.clone();
    use_any(socket, move |message| {
        let payload = message.args.into_iter().next().unwrap_or_default();
        match ServerEvent::decode(&message.name, payload) {
            Ok(Some(event)) => events.push(SocketUpdate::Event(event)),
            Ok(None) => leptos::logging::warn!("unknown event '{}'", message.name),
            Err(error) => leptos::logging::warn!("event '{}' cannot be read: {error}", message.name),
        }
    });
    let lifecycle = updates.clone();
    use_lifecycle(socket, move |step| match step {
        Lifecycle::Connect { .. } => lifecycle.push(SocketUpdate::Connected),
        Lifecycle::Disconnect { reason, .. } => lifecycle.push(SocketUpdate::Disconnected {
            by_server: *reason == Reason::IoServerDisconnect,
        }),
        _ => {}
    });
    let states = updates.clone();
    let mut was_connected = false;
    use_status(socket, move |status| {
        was_connected |= status.is_connected();
        states.push(SocketUpdate::Connection(connection_state(status, was_connected)));
    });
    let failures = updates.clone();
    Effect::new(move || {
        // an address that the page does not connect to is reported as that
        if let Some(error) = socket.error.get().filter(|_| auto_connect) {
            leptos::logging::warn!("{address} cannot be used: {error}");
            failures.push(SocketUpdate::Connection(ConnectionState::InvalidAddress {
                address: address.clone(),
            }));
        }
    });
    ChatSocket {
        socket,
        updates: StoredValue::new_local(updates),
    }
}

impl ChatSocket {
    /// Sets the credentials of the next CONNECT.
    pub fn set_auth(self, auth: &Auth) {
        match to_value(auth) {
            Ok(auth) => self.socket.set_auth(auth),
            Err(error) => leptos::logging::error!("credentials cannot be sent: {error}"),
        }
    }

    /// Connects now: ends a pause, or starts again after an end or a refusal.
    pub fn connect_now(self) {
        self.socket.connect();
        self.socket.reconnect_now();
    }

    /// Connects again under the current credentials.
    pub fn reconnect(self) {
        self.socket.disconnect();
        self.socket.connect();
    }

    /// Emits a request. Its answer arrives as an [`SocketUpdate::Response`].
    pub fn perform(self, request: Request) {
        match request {
            Request::Plain(text) => self.emit_unanswered(PLAIN, text),
            Request::Typing(typing) => {
                if let (Some(socket), Ok(payload)) = (self.socket.socket(), to_value(&typing))
                    && let Err(error) = socket.volatile().emit(crate::protocol::Typing::NAME, payload)
                {
                    leptos::logging::warn!("typing was not sent: {error}");
                }
            }
            Request::Reconnect => self.connect_now(),
            Request::Send(send) => self.request(send, |send, outcome| Response::Sent(send.id, outcome)),
            Request::Join(join) => self.request(join, |join, outcome| {
                Response::Joined(join, outcome.map(|result| result.map(Box::new)))
            }),
            Request::Leave(leave) => {
                self.request(leave, |leave, outcome| Response::Left(leave.room, outcome));
            }
            Request::Create(create) => self.request(create, |_, outcome| Response::Created(outcome)),
            Request::Direct(direct) => self.request(direct, |_, outcome| Response::Opened(outcome)),
            Request::History(history) => self.request(history, Response::HistoryPage),
            Request::Rename(rename) => self.request(rename, |_, outcome| Response::Renamed(outcome)),
        }
    }

    fn emit_unanswered(self, name: &'static str, text: String) {
        if let Err(error) = self.socket.emit(name, text) {
            leptos::logging::warn!("'{name}' was not sent: {error}");
        }
    }

    /// Emits a typed event; `respond` builds the update from the event and its answer.
    ///
    /// Without a connection there is no answer at once: the chat repeats the request when there is one, whereas the
    /// client would queue it.
    fn request<E, T>(self, event: E, respond: impl FnOnce(E, RequestResult<T>) -> Response + 'static)
    where
        E: Event<Ack = Result<T, ChatError>> + 'static,
        T: DeserializeOwned + 'static,
    {
        let Some(updates) = self.updates.try_get_value() else {
            return;
        };
        let Some(socket) = self.socket.socket().filter(crate::socketio::Socket::connected) else {
            return updates.push(SocketUpdate::Response(respond(event, None)));
        };
        let answer = socket.timeout(ACK_TIMEOUT).request(&event);
        leptos::task::spawn_local(async move {
            let outcome = match answer.await {
                Ok(outcome) => Some(outcome),
                Err(AckError::Send(error)) => refused_by_client(&error),
                Err(_) => None,
            };
            updates.push(SocketUpdate::Response(respond(event, outcome)));
        });
    }
}

/// Result of a request that the client itself refused.
fn refused_by_client<T>(error: &SendError) -> RequestResult<T> {
    match error {
        SendError::Emit(EmitError::TooLarge { limit, .. }) => Some(Err(ChatError {
            code: ChatErrorCode::TextTooLong,
            detail: limit.to_string(),
        })),
        _ => None,
    }
}

fn connection_state(status: &Status, was_connected: bool) -> ConnectionState {
    match status {
        Status::Connecting => ConnectionState::Connecting,
        Status::Connected => ConnectionState::Connected,
        Status::Reconnecting {
            attempt,
            retry_in: None,
        } => ConnectionState::Retrying { attempt: *attempt },
        Status::Reconnecting {
            attempt,
            retry_in: Some(pause),
        } => ConnectionState::Backoff {
            attempt: *attempt,
            until: clock::now().saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
            lost: was_connected,
        },
        Status::Disconnected {
            reason: Some(Reason::IoServerDisconnect),
        } => ConnectionState::EndedByServer,
        Status::Disconnected { .. } => ConnectionState::Stopped,
        Status::Refused { error } => ConnectionState::Refused {
            reason: error.to_string(),
            error: error.data().cloned().and_then(|data| from_value(data).ok()),
        },
    }
}
