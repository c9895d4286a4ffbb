//! Requests of a page other than sending messages: joining rooms, history pages, renaming, typing notices.

use std::future::Future;
use std::time::{Duration, Instant};

use pesan::protocol::{
    ChatError, ChatErrorCode, History, HistoryPage, Join, Joined, Leave, Person, PresenceChange, Rename,
    RoomKind, Send, Typing, TypingNotice,
};
use pesan::socketio::Event;
use pesan::socketio::value::from_value;

use super::broadcast::{join_room, leave_room, room_channel};
use super::error::{StoreError, chat_error, store_refusal, too_fast};
use super::history::Range;
use super::rate_limit::Cost;
use super::state::Chat;
use crate::socketio::{AckSender, Args, Socket};

/// Longest pause before checking again whether a throttled client may continue or has disconnected.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

impl Chat {
    /// Registers the listeners for a page's events.
    pub(super) fn listen(&self, socket: &Socket, named: bool) {
        let chat = self.clone();
        socket.on(Send::NAME, move |socket: Socket, args: Args, ack: AckSender| {
            let chat = chat.clone();
            async move {
                chat.throttle(&socket).await;
                match parse(args) {
                    Ok(send) => chat.send(&socket, send, ack).await,
                    Err(error) => respond::<Send>(ack, &Err(error)),
                }
            }
        });
        let chat = self.clone();
        socket.on(Typing::NAME, move |socket: Socket, args: Args| {
            let chat = chat.clone();
            async move {
                chat.throttle(&socket).await;
                if let Ok(typing) = parse(args) {
                    chat.typing(&socket, typing);
                }
            }
        });
        self.on_request(socket, Self::join);
        self.on_request(socket, Self::leave);
        self.on_request(socket, Self::create);
        self.on_request(socket, Self::open_direct);
        self.on_request(socket, Self::history);
        if named {
            self.on_request(socket, Self::refuse_rename);
        } else {
            self.on_request(socket, Self::rename);
        }
        // a page may also send plain messages
        self.listen_plain(socket);
    }

    /// Registers a handler for a request; malformed requests are answered with an error.
    fn on_request<E, T, F>(&self, socket: &Socket, handle: fn(Self, Socket, E) -> F)
    where
        E: Event<Ack = Result<T, ChatError>> + std::marker::Send + 'static,
        T: serde::Serialize + std::marker::Send + 'static,
        F: Future<Output = E::Ack> + std::marker::Send + 'static,
    {
        let chat = self.clone();
        socket.on(E::NAME, move |socket: Socket, args: Args, ack: AckSender| {
            let chat = chat.clone();
            async move {
                chat.throttle(&socket).await;
                let answer = match parse(args) {
                    Ok(event) => handle(chat, socket, event).await,
                    Err(error) => Err(error),
                };
                respond::<E>(ack, &answer);
            }
        });
    }

    /// Person of a socket, after charging their rate limits.
    ///
    /// # Errors
    /// When the socket has no person, or they are muted or have to wait.
    pub(super) fn charge(&self, socket: &Socket, cost: Cost) -> Result<Person, ChatError> {
        let mut state = self.state();
        let person = state
            .roster
            .person_of(socket.id())
            .ok_or_else(|| chat_error(ChatErrorCode::PersonUnknown, ""))?;
        let address = socket.handshake().ip();
        if cost != Cost::Read {
            state.check_mute(&person.id, address)?;
        }
        state
            .rate_limiter
            .charge(&person.id, address, cost, Instant::now())
            .map_err(too_fast)?;
        Ok(person)
    }

    /// Waits while a client sends requests too fast, whether valid or not. Meanwhile its other requests are queued, and
    /// beyond that its connection is not read.
    pub(super) async fn throttle(&self, socket: &Socket) {
        let address = socket.handshake().ip();
        let key = self.rate_key(socket);
        loop {
            let charged = {
                let mut state = self.state();
                state
                    .rate_limiter
                    .charge(&key, address, Cost::Request, Instant::now())
            };
            match charged {
                Err(wait) if socket.connected() => tokio::time::sleep(wait.min(RECHECK_INTERVAL)).await,
                Ok(()) | Err(_) => return,
            }
        }
    }

    async fn join(self, socket: Socket, join: Join) -> Result<Joined, ChatError> {
        let person = self.charge(&socket, Cost::Read)?;
        self.state().rooms.visible(&join.room, &person.id)?;
        // subscribe before reading the history: a message that is stored in between arrives twice rather than never
        join_room(&socket, &join.room);
        let (direct, came) = {
            let mut state = self.state();
            let direct = !state.rooms.members(&join.room).is_empty();
            let came = !direct && state.roster.join(socket.id(), &join.room);
            state.publish_presence(&person);
            (direct, came)
        };
        if came {
            self.announce_join(&socket, &join.room, &person);
        }
        let range = join.after.map_or(Range::Newest, Range::After);
        let page = self.page(&join.room, range).await?;
        let state = self.state();
        let (people, count) = if direct {
            let members = state.rooms.members(&join.room);
            let here = members.iter();
            let here: Vec<Person> = here
                .filter_map(|member| state.roster.get(&member.id).cloned())
                .collect();
            let count = here.len();
            (here, count)
        } else {
            let mut some = state.presence.shown_people(&join.room, &state.roster);
            if !some.iter().any(|one| one.id == person.id) {
                some.extend(state.roster.get(&person.id).cloned());
            }
            (some, state.roster.count_in(&join.room))
        };
        let room = state
            .rooms
            .view_for(&join.room, &person.id, &state.roster)
            .ok_or_else(|| chat_error(ChatErrorCode::RoomUnknown, ""))?;
        Ok(Joined {
            room,
            people,
            people_count: u32::try_from(count).ok(),
            page,
        })
    }

    async fn leave(self, socket: Socket, leave: Leave) -> Result<(), ChatError> {
        let person = self.charge(&socket, Cost::Read)?;
        let stays = {
            let state = self.state();
            state.rooms.visible(&leave.room, &person.id)?.kind != RoomKind::Open
        };
        // the lobby and direct rooms cannot be left
        if stays {
            return Ok(());
        }
        leave_room(&socket, &leave.room);
        let went = {
            let mut state = self.state();
            let went = state.roster.leave(socket.id(), &leave.room);
            state.publish_presence(&person);
            went
        };
        if went {
            self.announce_change(&leave.room, &person, PresenceChange::Went);
        }
        Ok(())
    }

    /// Sends a typing notice to a room, on all nodes; drops it if they come too often.
    pub(super) fn typing(&self, socket: &Socket, typing: Typing) {
        let person = {
            let mut state = self.state();
            let Some(person) = state.roster.person_of(socket.id()) else {
                return;
            };
            let visible = state.rooms.visible(&typing.room, &person.id).is_ok();
            let address = socket.handshake().ip();
            let paid = state
                .rate_limiter
                .charge(&person.id, address, Cost::Typing, Instant::now());
            if !visible || paid.is_err() {
                return;
            }
            person
        };
        let to = room_channel(&typing.room);
        let notice = TypingNotice {
            room: typing.room,
            person,
        };
        if let Err(error) = socket.to(to.as_str()).volatile().emit_event(&notice) {
            tracing::debug!(%error, "cannot send a typing notice");
        }
    }

    async fn history(self, socket: Socket, request: History) -> Result<HistoryPage, ChatError> {
        let person = self.charge(&socket, Cost::Read)?;
        self.state().rooms.visible(&request.room, &person.id)?;
        let range = match (request.before, request.after) {
            (None, None) => Range::Newest,
            (Some(seq), None) => Range::Before(seq),
            (None, Some(seq)) => Range::After(seq),
            (Some(_), Some(_)) => return Err(chat_error(ChatErrorCode::Malformed, "before and after")),
        };
        self.page(&request.room, range).await
    }

    async fn page(&self, room: &str, range: Range) -> Result<HistoryPage, ChatError> {
        if self.state().rooms.draft(room).is_some() {
            return Ok(HistoryPage {
                messages: Vec::new(),
                more: false,
            });
        }
        let page = self.0.history.page(room, range, self.0.limits.page_messages);
        page.await.map_err(|error| {
            // an outage of redis is logged elsewhere, once
            if !matches!(error, StoreError::Unreachable(_)) {
                tracing::error!(%error, "cannot read the history");
            }
            store_refusal(&error)
        })
    }

    async fn rename(self, socket: Socket, rename: Rename) -> Result<Person, ChatError> {
        let person = self.charge(&socket, Cost::Write(rename.name.len()))?;
        let claimed = self.claim_new_name(&person.id, &rename.name).await?;
        let (renamed, rooms, direct) = {
            let mut state = self.state();
            let (renamed, rooms) = match claimed {
                Some(name) => state
                    .roster
                    .set_name(&person.id, name)
                    .ok_or_else(|| chat_error(ChatErrorCode::PersonUnknown, ""))?,
                None => {
                    state
                        .roster
                        .rename(&person.id, &rename.name, self.0.limits.name_chars, Instant::now())?
                }
            };
            state.publish_presence(&renamed);
            let direct = state.rooms.rename(&renamed);
            (renamed, rooms, direct)
        };
        for room in rooms {
            self.announce_change(&room, &renamed, PresenceChange::Renamed);
        }
        for room in direct {
            self.send_room_update(&room.id);
            if let Err(error) = self.0.history.save_room(room).await {
                tracing::warn!(%error, "cannot store a direct room with the new name of a member");
            }
        }
        Ok(renamed)
    }

    /// Refuses to rename a person whose name belongs to their token.
    async fn refuse_rename(self, socket: Socket, rename: Rename) -> Result<Person, ChatError> {
        let person = self.charge(&socket, Cost::Write(rename.name.len()))?;
        if person.name == rename.name {
            return Ok(person);
        }
        Err(chat_error(ChatErrorCode::NameInvalid, self.0.limits.name_chars))
    }
}

fn parse<E: Event>(args: Args) -> Result<E, ChatError> {
    let first = args.0.into_iter().next().unwrap_or_default();
    from_value(first).map_err(|error| chat_error(ChatErrorCode::Malformed, error))
}

fn respond<E: Event>(ack: AckSender, answer: &E::Ack) {
    if let Err(error) = ack.send((answer,)) {
        tracing::debug!(%error, event = E::NAME, "client disconnected before the answer");
    }
}
