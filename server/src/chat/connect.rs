//! Connect and disconnect: authentication in the middleware, the greeting, and the end of a connection.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use pesan::protocol::{Auth, ChatError, ChatErrorCode, ChatLimits, Hello, LOBBY, Person, VERSION, WELCOME};
use pesan::socketio::value::{Value, from_value};

use super::broadcast::{PAGES, PLAINS, join_room, person_channel, room_channel};
use super::error::{chat_error, too_fast};
use super::history;
use super::moderation::disconnect;
use super::names::{NameCandidates, english_guest_name, guest_name};
use super::roster::{departures, id_of};
use super::state::{Chat, ClientKind, ScheduledShutdown};
use crate::auth::{Authenticator, Identity};
use crate::engineio::CloseReason;
use crate::log_limit::LogLimit;
use crate::socketio::{ConnectError, DisconnectReason, Socket};

/// Time for which someone who lost the connection counts as present.
const DISCONNECT_GRACE: Duration = Duration::from_secs(3);
/// Allowed length of a person's key, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=256;
/// Delay of the answer to a wrong secret.
const WRONG_SECRET_DELAY: Duration = Duration::from_secs(1);
/// Time for a refusal to arrive before the connection is closed.
const REFUSAL_DELAY: Duration = Duration::from_millis(250);
/// Limits the log lines about connected people.
static PEOPLE_CONNECTED: LogLimit = LogLimit::new(6000, Duration::from_secs(60));
/// Text of `welcome_message`, which every socket receives.
const GREETING: &str = "Selamat datang di pesan!";

impl Chat {
    /// Registers middleware and connection handler on the Socket.IO server.
    pub(super) fn attach(&self) {
        let chat = self.clone();
        self.0
            .io
            .with_middleware(move |socket: Socket| chat.clone().admit(socket));
        let chat = self.clone();
        self.0
            .io
            .on_connection(move |socket: Socket| chat.clone().connected(socket));
    }

    /// Middleware: accepts or refuses a socket. A refused socket's connection is closed.
    async fn admit(self, socket: Socket) -> Result<(), ConnectError> {
        let client = self
            .check_lockout(&socket)
            .and_then(|()| self.identify(&socket.handshake().auth))
            .and_then(|client| {
                let person = client.as_ref().map(ClientKind::id).unwrap_or_default();
                self.check_ban(person, socket.handshake().ip())?;
                Ok(client)
            });
        let error = match client {
            Ok(client) => {
                if let Some(client) = client {
                    socket.data().insert(client);
                }
                // repeated connects are limited like any other request
                self.throttle(&socket).await;
                return Ok(());
            }
            Err(error) => error,
        };
        let given = given_token(&socket).is_some();
        let (message, reason) = match (error.code, given) {
            (ChatErrorCode::Unauthorized, true) => ("unauthorized", "wrong secret"),
            (ChatErrorCode::Unauthorized, false) => ("unauthorized", "no secret"),
            (ChatErrorCode::TooFast, _) => ("too many wrong secrets", "locked out"),
            (ChatErrorCode::Banned, _) => ("banned", "banned"),
            _ => ("bad auth payload", "malformed"),
        };
        metrics::counter!("pesan_refused_total", "reason" => reason).increment(1);
        if reason == "wrong secret" {
            let address = socket.handshake().ip();
            self.state().lockout.note_failure(address, Instant::now());
        }
        if matches!(reason, "wrong secret" | "locked out") {
            tokio::time::sleep(WRONG_SECRET_DELAY).await;
        }
        tokio::spawn(async move {
            tokio::time::sleep(REFUSAL_DELAY).await;
            socket.connection().close(CloseReason::ForcedClose);
        });
        Err(ConnectError::new(message).with_data(&error))
    }

    /// Refuses a secret from an address that is locked out.
    fn check_lockout(&self, socket: &Socket) -> Result<(), ChatError> {
        if matches!(*self.authenticator(), Authenticator::Open) || given_token(socket).is_none() {
            return Ok(());
        }
        let address = socket.handshake().ip();
        let state = self.state();
        state.lockout.check(address, Instant::now()).map_err(too_fast)
    }

    /// Replaces the secrets, and disconnects clients whose secret is no longer valid or now belongs to another person;
    /// returns their number.
    pub fn replace_authenticator(&self, authenticator: Authenticator) -> usize {
        *self
            .0
            .authenticator
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(authenticator);
        let sockets = self.0.io.sockets();
        let revoked = sockets.iter().filter(|socket| !self.is_still_admitted(socket));
        revoked.map(|socket| disconnect(socket, "")).count()
    }

    fn is_still_admitted(&self, socket: &Socket) -> bool {
        let client = self.identify(&socket.handshake().auth);
        let known = socket.data().get::<ClientKind>();
        client.is_ok_and(|client| client.as_ref().map(ClientKind::id) == known.as_deref().map(ClientKind::id))
    }

    /// Identifies a client by its auth payload; `None` is an anonymous plain client.
    fn identify(&self, auth: &Value) -> Result<Option<ClientKind>, ChatError> {
        let token = auth.get("token").and_then(Value::as_str);
        let identity = self
            .authenticator()
            .check(token)
            .ok_or_else(|| chat_error(ChatErrorCode::Unauthorized, ""))?;
        let version = auth
            .get("pesan")
            .and_then(Value::as_number)
            .and_then(pesan_version);
        if version != Some(VERSION) {
            return Ok(match identity {
                Identity::Anyone => None,
                Identity::Named(name) => Some(ClientKind::Plain(Person {
                    id: id_of("token", &name),
                    name,
                })),
            });
        }
        let auth: Auth =
            from_value(auth.clone()).map_err(|error| chat_error(ChatErrorCode::Malformed, error))?;
        if !KEY_BYTES.contains(&auth.key.len()) {
            return Err(chat_error(ChatErrorCode::Malformed, "key"));
        }
        Ok(Some(match identity {
            Identity::Anyone => {
                let id = id_of("key", &auth.key);
                let is_english = auth.language.is_some_and(|tag| tag.starts_with("en"));
                let name = auth.name.or_else(|| is_english.then(|| english_guest_name(&id)));
                ClientKind::Page {
                    id,
                    name,
                    named: false,
                    batches: auth.presence_batches,
                }
            }
            Identity::Named(name) => ClientKind::Page {
                id: id_of("token", &name),
                name: Some(name),
                named: true,
                batches: auth.presence_batches,
            },
        }))
    }

    async fn connected(self, socket: Socket) {
        let client = socket.data().get::<ClientKind>();
        if let Some(client) = client.as_deref()
            && let Some(left_out) = PEOPLE_CONNECTED.ready()
        {
            tracing::info!(
                socket = socket.id(),
                connection = socket.connection().id(),
                address = %socket.handshake().ip(),
                person = client.id(),
                left_out,
                "person connected"
            );
        }
        if let Some(ClientKind::Page { id, name, named, .. }) = client.as_deref() {
            self.page_connected(&socket, id, name.as_deref(), *named).await;
        } else {
            self.plain_connected(&socket);
        }
    }

    fn plain_connected(&self, socket: &Socket) {
        socket.join(PLAINS);
        self.listen_plain(socket);
        greet(socket);
    }

    async fn page_connected(&self, socket: &Socket, id: &str, requested: Option<&str>, named: bool) {
        let chat = self.clone();
        socket.on("disconnect", move |socket: Socket, reason: DisconnectReason| {
            chat.on_disconnect(socket.id(), reason);
        });
        let candidates = || {
            let max_chars = self.0.limits.name_chars;
            // the name of a token was chosen by the operator
            if named {
                NameCandidates::trusted(id, requested, max_chars)
            } else {
                NameCandidates::new(id, requested, max_chars)
            }
        };
        let claimed = self.claim(id, candidates()).await;
        self.listen(socket, named);
        let (hello, came, direct_rooms, notice, freed) = {
            let mut state = self.state();
            let (you, name_refused) = match claimed {
                Some((name, refused)) => (state.roster.connect_as(socket.id(), id, name), refused),
                None => state
                    .roster
                    .connect(socket.id(), id, candidates(), Instant::now()),
            };
            state.roster.set_address(socket.id(), socket.handshake().ip());
            let came = state.roster.join(socket.id(), LOBBY);
            state.publish_presence(&you);
            let hello = Hello {
                version: VERSION,
                build: (self.0.page_build)(),
                rooms: state.rooms.views_for(id, &state.roster),
                limits: ChatLimits {
                    text_chars: self.0.limits.text_chars,
                    name_chars: self.0.limits.name_chars,
                    page: self.0.limits.page_messages,
                },
                now: history::now(),
                name_fixed: named,
                you,
                name_refused,
            };
            let direct_rooms: Vec<String> =
                state.rooms.direct_of(id).map(|room| room_channel(room)).collect();
            // names that have become free are released on all nodes
            let freed = state.roster.take_freed();
            let notice = state.shutdown_notice.as_ref().and_then(ScheduledShutdown::notice);
            (hello, came, direct_rooms, notice, freed)
        };
        self.release_names(None, freed);
        socket.join(PAGES);
        socket.join(person_channel(id).as_str());
        join_room(socket, LOBBY);
        for room in direct_rooms {
            socket.join(room.as_str());
        }
        let you = hello.you.clone();
        let sent = socket.emit_event(&hello).and_then(|()| match notice {
            Some(notice) => socket.emit_event(&notice),
            None => Ok(()),
        });
        if let Err(error) = sent {
            tracing::debug!(id = socket.id(), %error, "client disconnected before the greeting");
        }
        greet(socket);
        if came {
            self.announce_join(socket, LOBBY, &you);
        }
    }

    /// A page has disconnected. After a lost connection, its person stays present for a moment in case they return.
    fn on_disconnect(&self, socket: &str, reason: DisconnectReason) {
        let (chat, socket) = (self.clone(), socket.to_owned());
        if reason.is_recoverable() {
            tokio::spawn(async move {
                tokio::time::sleep(DISCONNECT_GRACE).await;
                chat.remove_connection(&socket);
            });
        } else {
            chat.remove_connection(&socket);
        }
    }

    /// Author of a plain message, as pages show it.
    pub(super) fn plain_author(&self, socket: &Socket) -> Person {
        if let Some(person) = self.state().roster.person_of(socket.id()) {
            return person;
        }
        if let Some(ClientKind::Plain(person)) = socket.data().get::<ClientKind>().as_deref() {
            return person.clone();
        }
        let id = id_of("plain", socket.id());
        Person {
            name: guest_name(&id),
            id,
        }
    }

    fn remove_connection(&self, socket: &str) {
        let (removed, gone, freed) = {
            let mut state = self.state();
            let removed = state.roster.disconnect(socket);
            if let Some((person, _)) = &removed {
                state.publish_presence(person);
            }
            let gone = removed
                .as_ref()
                .is_some_and(|(person, _)| state.roster.get(&person.id).is_none());
            (removed, gone, state.roster.take_freed())
        };
        if let Some((person, rooms)) = removed {
            self.announce_changes(departures(&person, rooms));
            self.release_names(gone.then_some(person.id), freed);
        }
    }
}

/// Secret or token of a socket.
fn given_token(socket: &Socket) -> Option<&str> {
    let token = socket.handshake().auth.get("token").and_then(Value::as_str);
    token.filter(|token| !token.is_empty())
}

fn greet(socket: &Socket) {
    if let Err(error) = socket.emit(WELCOME, GREETING) {
        tracing::debug!(id = socket.id(), %error, "client disconnected before the greeting");
    }
}

fn pesan_version(number: pesan::socketio::value::Number) -> Option<u32> {
    number.as_u64().and_then(|version| u32::try_from(version).ok())
}
