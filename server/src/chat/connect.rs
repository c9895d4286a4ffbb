//! How a socket comes in, what it gets first, and what becomes of its person when it goes.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use pesan::protocol::{Auth, ChatError, ChatErrorCode, ChatLimits, Hello, LOBBY, Person, VERSION, WELCOME};
use pesan::socketio::value::{Value, from_value};

use super::broadcast::{PAGES, PLAINS, channel, channel_of, join_room};
use super::error::{chat_error, too_fast};
use super::history;
use super::moderation::disconnect;
use super::names::{NameCandidates, made_up};
use super::roster::{departures, id_of};
use super::state::{Chat, ClientKind, Notice};
use crate::auth::{Authenticator, Identity};
use crate::engineio::CloseReason;
use crate::log_limit::LogLimit;
use crate::socketio::{ConnectError, DisconnectReason, Socket};

/// How long someone who lost the connection still counts as present.
const GRACE: Duration = Duration::from_secs(3);
/// Shortest and longest key of a person.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=256;
/// How long the answer to a wrong secret takes.
const WRONG_SECRET: Duration = Duration::from_secs(1);
/// Time that a refusal has to arrive before the connection ends.
const FAREWELL: Duration = Duration::from_millis(250);
/// Lines of the log about people who connected.
static PEOPLE_CONNECTED: LogLimit = LogLimit::new(6000, Duration::from_secs(60));
/// What every socket is greeted with.
const GREETING: &str = "Selamat datang di pesan!";

impl Chat {
    /// Puts the chat's rules on the Socket.IO server.
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

    /// Whether a socket may come in; nothing is sent to it before that. The connection of one that may not ends.
    async fn admit(self, socket: Socket) -> Result<(), ConnectError> {
        let visitor = self
            .check_lockout(&socket)
            .and_then(|()| self.visitor(&socket.handshake().auth))
            .and_then(|visitor| {
                let person = visitor.as_ref().map(ClientKind::id).unwrap_or_default();
                self.check_ban(person, socket.handshake().ip())?;
                Ok(visitor)
            });
        let why = match visitor {
            Ok(visitor) => {
                if let Some(visitor) = visitor {
                    socket.data().insert(visitor);
                }
                // who connects and leaves again and again does so no faster than anyone may ask for anything
                self.pace(&socket).await;
                return Ok(());
            }
            Err(why) => why,
        };
        let given = given_token(&socket).is_some();
        let (message, reason) = match (why.code, given) {
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
            tokio::time::sleep(WRONG_SECRET).await;
        }
        tokio::spawn(async move {
            tokio::time::sleep(FAREWELL).await;
            socket.connection().close(CloseReason::ForcedClose);
        });
        Err(ConnectError::new(message).with_data(&why))
    }

    /// Whether a secret from this address is looked at.
    fn check_lockout(&self, socket: &Socket) -> Result<(), ChatError> {
        if matches!(*self.access(), Authenticator::Open) || given_token(socket).is_none() {
            return Ok(());
        }
        let address = socket.handshake().ip();
        let state = self.state();
        state.lockout.check(address, Instant::now()).map_err(too_fast)
    }

    /// Takes other secrets from now on, and ends the connections of those who may no longer come in, or only as someone
    /// else; how many there were.
    pub fn replace_authenticator(&self, access: Authenticator) -> usize {
        *self.0.access.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(access);
        let sockets = self.0.io.sockets();
        let revoked = sockets.iter().filter(|socket| !self.is_still_admitted(socket));
        revoked.map(|socket| disconnect(socket, "")).count()
    }

    fn is_still_admitted(&self, socket: &Socket) -> bool {
        let visitor = self.visitor(&socket.handshake().auth);
        let known = socket.data().get::<ClientKind>();
        visitor
            .is_ok_and(|visitor| visitor.as_ref().map(ClientKind::id) == known.as_deref().map(ClientKind::id))
    }

    /// Who comes with this auth payload; none is a plain client that anyone could be.
    fn visitor(&self, auth: &Value) -> Result<Option<ClientKind>, ChatError> {
        let token = auth.get("token").and_then(Value::as_str);
        let admitted = self
            .access()
            .check(token)
            .ok_or_else(|| chat_error(ChatErrorCode::Unauthorized, ""))?;
        let version = auth
            .get("pesan")
            .and_then(Value::as_number)
            .and_then(pesan_version);
        if version != Some(VERSION) {
            return Ok(match admitted {
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
        Ok(Some(match admitted {
            Identity::Anyone => ClientKind::Page {
                id: id_of("key", &auth.key),
                name: auth.name,
                named: false,
                batches: auth.presence_batches,
            },
            Identity::Named(name) => ClientKind::Page {
                id: id_of("token", &name),
                name: Some(name),
                named: true,
                batches: auth.presence_batches,
            },
        }))
    }

    async fn connected(self, socket: Socket) {
        let visitor = socket.data().get::<ClientKind>();
        if let Some(visitor) = visitor.as_deref()
            && let Some(left_out) = PEOPLE_CONNECTED.ready()
        {
            tracing::info!(
                socket = socket.id(),
                connection = socket.connection().id(),
                address = %socket.handshake().ip(),
                person = visitor.id(),
                left_out,
                "person connected"
            );
        }
        if let Some(ClientKind::Page { id, name, named, .. }) = visitor.as_deref() {
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

    async fn page_connected(&self, socket: &Socket, id: &str, wished: Option<&str>, named: bool) {
        let chat = self.clone();
        socket.on("disconnect", move |socket: Socket, reason: DisconnectReason| {
            chat.gone(socket.id(), reason);
        });
        let wishes = || {
            let most = self.0.limits.name_chars;
            // a name that belongs to a token was the operator's choice
            if named {
                NameCandidates::trusted(id, wished, most)
            } else {
                NameCandidates::new(id, wished, most)
            }
        };
        let claimed = self.claim(id, wishes()).await;
        self.listen(socket, named);
        let (hello, came, mine, closing, freed) = {
            let mut state = self.state();
            let (you, name_refused) = match claimed {
                Some((name, refused)) => (state.people.sit_as(socket.id(), id, name), refused),
                None => state.people.sit(socket.id(), id, wishes(), Instant::now()),
            };
            state.people.locate(socket.id(), socket.handshake().ip());
            let came = state.people.enter(socket.id(), LOBBY);
            state.share(&you);
            let hello = Hello {
                version: VERSION,
                build: (self.0.page_build)(),
                rooms: state.rooms.all_seen_by(id, &state.people),
                limits: ChatLimits {
                    text_chars: self.0.limits.text_chars,
                    name_chars: self.0.limits.name_chars,
                    page: self.0.limits.page_messages,
                },
                now: history::now(),
                you,
                name_refused,
            };
            let mine: Vec<String> = state.rooms.direct_of(id).map(|room| channel(room)).collect();
            // what became free meanwhile is free on all nodes
            let freed = state.people.take_freed();
            let closing = state.closing.as_ref().and_then(Notice::still);
            (hello, came, mine, closing, freed)
        };
        self.free_names(None, freed);
        socket.join(PAGES);
        socket.join(channel_of(id).as_str());
        join_room(socket, LOBBY);
        for room in mine {
            socket.join(room.as_str());
        }
        let you = hello.you.clone();
        let told = socket.emit_event(&hello).and_then(|()| match closing {
            Some(closing) => socket.emit_event(&closing),
            None => Ok(()),
        });
        if let Err(error) = told {
            tracing::debug!(id = socket.id(), %error, "gone before the greeting");
        }
        greet(socket);
        if came {
            self.came(socket, LOBBY, &you);
        }
    }

    /// A page has gone. Its person goes a moment later, unless they come back.
    fn gone(&self, socket: &str, reason: DisconnectReason) {
        let (chat, socket) = (self.clone(), socket.to_owned());
        if reason.is_recoverable() {
            tokio::spawn(async move {
                tokio::time::sleep(GRACE).await;
                chat.rise(&socket);
            });
        } else {
            chat.rise(&socket);
        }
    }

    /// Who speaks plainly, for those who see names.
    pub(super) fn plain_author(&self, socket: &Socket) -> Person {
        if let Some(person) = self.state().people.of(socket.id()) {
            return person;
        }
        if let Some(ClientKind::Plain(person)) = socket.data().get::<ClientKind>().as_deref() {
            return person.clone();
        }
        let id = id_of("plain", socket.id());
        Person {
            name: made_up(&id),
            id,
        }
    }

    fn rise(&self, socket: &str) {
        let (risen, gone, freed) = {
            let mut state = self.state();
            let risen = state.people.rise(socket);
            if let Some((person, _)) = &risen {
                state.share(person);
            }
            let gone = risen
                .as_ref()
                .is_some_and(|(person, _)| state.people.get(&person.id).is_none());
            (risen, gone, state.people.take_freed())
        };
        if let Some((person, rooms)) = risen {
            self.announce_membership(departures(&person, rooms));
            self.free_names(gone.then_some(person.id), freed);
        }
    }
}

/// Secret or token that a socket came with.
fn given_token(socket: &Socket) -> Option<&str> {
    let token = socket.handshake().auth.get("token").and_then(Value::as_str);
    token.filter(|token| !token.is_empty())
}

fn greet(socket: &Socket) {
    if let Err(error) = socket.emit(WELCOME, GREETING) {
        tracing::debug!(id = socket.id(), %error, "gone before the greeting");
    }
}

fn pesan_version(number: pesan::socketio::value::Number) -> Option<u32> {
    number.as_u64().and_then(|version| u32::try_from(version).ok())
}
