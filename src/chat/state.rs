//! State of the chat page: rooms, outbox, server and notices.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::avatar::Tints;
use super::outbox::{self, Outbox};
use super::requests::Request;
use super::room::{Membership, RoomState};
use crate::protocol::{Announcement, ChatError, ChatLimits, LOBBY, Person, Quote, RoomKind, Send};

/// A server without a greeting for this long after connecting is a basic one, in milliseconds.
pub(super) const HELLO_TIMEOUT: u64 = 500;
/// The same for a server that has greeted before.
pub(super) const HELLO_TIMEOUT_KNOWN: u64 = 8000;
/// How long a basic server may take to echo a text, in milliseconds.
pub(super) const ECHO_TIMEOUT: u64 = 10_000;
/// Pause before reconnecting to a server that ended the connection, in milliseconds.
pub(super) const RECONNECT_DELAY: u64 = 2000;
/// How long an error is shown, in milliseconds.
pub(super) const NOTICE_TTL: u64 = 8000;
/// Longest text for a server without a known limit, in characters.
const TEXT_CHARS: u32 = 100_000;

/// Protocol of the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Server {
    /// Not known yet.
    Unknown,
    /// Plain strings under `pesan`.
    Basic,
    /// Everything in [`crate::protocol`].
    Extended {
        /// Who this page is.
        me: Person,
        /// What the server accepts.
        limits: ChatLimits,
        /// Whether the name belongs to the token, so that it cannot be changed here.
        name_fixed: bool,
    },
}

/// Progress of creating a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomCreation {
    /// Requested.
    Requested {
        /// Name of the room.
        name: String,
    },
    /// The server refused.
    Refused {
        /// Why. Of a name that is in use, the detail is the id of the room that has it.
        error: ChatError,
    },
}

/// What the browser stores for all windows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// Wished name.
    #[serde(default)]
    pub name: Option<String>,
    /// Rooms that the person is in.
    #[serde(default)]
    pub joined: Vec<String>,
    /// Highest order number that was read, by room.
    #[serde(default)]
    pub read: Vec<(String, u64)>,
    /// Direct rooms that the person has hidden, with the highest order number at that time.
    #[serde(default)]
    pub hidden: Vec<(String, u64)>,
    /// Whether the conversation leaves out who joins and leaves.
    #[serde(default)]
    pub hide_membership: bool,
}

/// What a window keeps across a reload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowState {
    /// Unsent messages.
    #[serde(default)]
    pub unsent: Vec<outbox::StoredMessage>,
    /// Drafts, by room.
    #[serde(default)]
    pub drafts: Vec<(String, String)>,
    /// Messages that drafts reply to, by room.
    #[serde(default)]
    pub replies: Vec<(String, Quote)>,
}

impl WindowState {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unsent.is_empty() && self.drafts.is_empty() && self.replies.is_empty()
    }
}

/// State of a window as the browser stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredWindowState {
    /// When the window last stored this, in milliseconds since 1970; 0 when the window was closed.
    #[serde(rename = "sign")]
    pub seen_at: u64,
    /// Unsent messages and drafts.
    #[serde(rename = "carried")]
    pub state: WindowState,
}

/// Message that a screen reader announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenReaderNotice {
    /// Name of the author; empty on a basic server.
    pub author: String,
    /// Its text.
    pub text: String,
}

/// State of the chat page.
#[derive(Debug, Clone)]
pub struct ChatState {
    pub(super) server: Server,
    /// When the connection was established; `None` while disconnected.
    pub(super) online: Option<u64>,
    pub(super) greeted: bool,
    /// Build of the page that the server served at its first greeting.
    pub(super) build: Option<String>,
    /// Server's clock minus this page's, in milliseconds.
    pub(super) clock_skew: i64,
    /// Local day of a time, counted from 1970.
    pub(super) local_day: fn(u64) -> i64,
    pub(super) rooms: Vec<RoomState>,
    pub(super) current: String,
    pub(super) wished_name: Option<String>,
    /// Whether to open the room of the next answer.
    pub(super) opening: bool,
    pub(super) creation: Option<RoomCreation>,
    /// Direct rooms that are hidden until a message after this order number arrives.
    pub(super) hidden: BTreeMap<String, u64>,
    pub(super) hide_membership: bool,
    pub(super) tints: Tints,
    /// How many messages the person has written; the list shows each.
    pub(super) submissions: u64,
    pub(super) viewing: bool,
    pub(super) outbox: Outbox,
    /// Nothing is sent before this time: rate limit of the server.
    pub(super) retry_after: Option<u64>,
    /// When to reconnect to a server that ended the connection.
    pub(super) reconnect_at: Option<u64>,
    pub(super) requests: VecDeque<Request>,
    pub(super) typed: Option<u64>,
    pub(super) ids: (String, u64),
    pub(super) keys: u64,
    pub(super) announcement: Option<Announcement>,
    pub(super) shutdown: Option<(u64, String)>,
    pub(super) kicked: Option<String>,
    pub(super) notice: Option<(ChatError, u64)>,
    pub(super) renamed: Option<Result<(), ChatError>>,
    pub(super) new_version: bool,
    pub(super) notices: Vec<ScreenReaderNotice>,
    pub(super) notices_skipped: u32,
}

impl ChatState {
    /// State of a page that was just opened.
    ///
    /// `ids` is random text: ids of messages begin with it. `local_day` gives the local
    /// day of a time in milliseconds since 1970, counted from any fixed day.
    #[must_use]
    pub fn new(ids: String, local_day: fn(u64) -> i64, saved: Preferences, window: WindowState) -> Self {
        let mut chat = Self {
            server: Server::Unknown,
            online: None,
            greeted: false,
            build: None,
            clock_skew: 0,
            local_day,
            rooms: vec![RoomState::unknown(LOBBY, RoomKind::Lobby)],
            current: LOBBY.to_owned(),
            wished_name: saved.name,
            opening: false,
            creation: None,
            hidden: saved.hidden.into_iter().collect(),
            hide_membership: saved.hide_membership,
            tints: Tints::default(),
            submissions: 0,
            viewing: true,
            outbox: Outbox::default(),
            retry_after: None,
            reconnect_at: None,
            requests: VecDeque::new(),
            typed: None,
            ids: (ids, 0),
            keys: 0,
            announcement: None,
            shutdown: None,
            kicked: None,
            notice: None,
            renamed: None,
            new_version: false,
            notices: Vec::new(),
            notices_skipped: 0,
        };
        for id in saved.joined {
            chat.room_or_new(&id).membership = Membership::Pending;
        }
        for (id, seq) in saved.read {
            if let Some(room) = chat.room_mut(&id) {
                room.read = seq;
            }
        }
        for (id, text) in window.drafts {
            chat.room_or_new(&id).draft = text;
        }
        for (id, quote) in window.replies {
            chat.room_or_new(&id).reply_to = Some(quote);
        }
        for stored in window.unsent {
            // a hidden window may still store what another one took over from it
            if chat.outbox.get_mut(&stored.id).is_none() {
                chat.room_or_new(&stored.room);
                let key = chat.next_key();
                chat.outbox.push(0, key, stored, None);
            }
        }
        chat
    }

    /// Preferences to store.
    #[must_use]
    pub fn preferences(&self) -> Preferences {
        let mut saved = Preferences {
            name: self.wished_name.clone(),
            hidden: self.hidden.clone().into_iter().collect(),
            hide_membership: self.hide_membership,
            ..Preferences::default()
        };
        for room in &self.rooms {
            if room.membership != Membership::NotJoined {
                saved.joined.push(room.room.id.clone());
            }
            if room.read > 0 {
                saved.read.push((room.room.id.clone(), room.read));
            }
        }
        saved
    }

    /// Unsent messages and drafts to store.
    #[must_use]
    pub fn window_state(&self) -> WindowState {
        let mut window = WindowState {
            unsent: self.outbox.stored_messages(),
            ..WindowState::default()
        };
        for room in &self.rooms {
            let id = &room.room.id;
            if !room.draft.trim().is_empty() {
                window.drafts.push((id.clone(), room.draft.clone()));
            }
            if let Some(quote) = &room.reply_to {
                window.replies.push((id.clone(), quote.clone()));
            }
        }
        window
    }

    /// Revision counter; incremented whenever the outbox changes.
    #[must_use]
    pub fn outbox_changes(&self) -> u32 {
        self.outbox.changes()
    }

    /// Whether a message waits to be sent.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.outbox.has_pending()
    }

    /// Protocol of the server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Person at the page, once the server has greeted.
    #[must_use]
    pub fn me(&self) -> Option<&Person> {
        match &self.server {
            Server::Extended { me, .. } => Some(me),
            Server::Unknown | Server::Basic => None,
        }
    }

    /// Server's clock minus this page's, in milliseconds.
    #[must_use]
    pub fn clock_skew(&self) -> i64 {
        self.clock_skew
    }

    /// Whether the name belongs to the token of this person, so that it cannot be changed.
    #[must_use]
    pub fn is_name_fixed(&self) -> bool {
        matches!(self.server, Server::Extended { name_fixed: true, .. })
    }

    /// Progress of the room that the person creates.
    #[must_use]
    pub fn creation(&self) -> Option<&RoomCreation> {
        self.creation.as_ref()
    }

    /// Whether a room is hidden from the list.
    #[must_use]
    pub fn is_hidden(&self, room: &RoomState) -> bool {
        let last_seq = room.room.last_seq;
        self.hidden.get(&room.room.id).is_some_and(|seq| last_seq <= *seq)
    }

    /// Whether the conversation leaves out who joins and leaves.
    #[must_use]
    pub fn hides_membership(&self) -> bool {
        self.hide_membership
    }

    /// How many messages the person has written.
    #[must_use]
    pub fn submissions(&self) -> u64 {
        self.submissions
    }

    /// Number of the colour of a person.
    #[must_use]
    pub fn tint(&self, person: &str) -> u32 {
        self.tints.of(person)
    }

    /// Whether a person is connected; `None` when that is not known.
    #[must_use]
    pub fn is_present(&self, person: &str) -> Option<bool> {
        let lobby = self.rooms.first()?;
        if self.online.is_none() || self.me().is_none() || lobby.membership != Membership::Joined {
            return None;
        }
        let is_listed = lobby.people.iter().any(|known| known.id == person);
        // of a crowd the server lists only some
        let is_complete = lobby.people_count as usize <= lobby.people.len();
        (is_listed || is_complete).then_some(is_listed)
    }

    /// Name that the person chose.
    #[must_use]
    pub fn wished_name(&self) -> Option<&str> {
        self.wished_name.as_deref()
    }

    /// Longest text that the server accepts, in characters.
    #[must_use]
    pub fn text_chars(&self) -> u32 {
        match &self.server {
            Server::Extended { limits, .. } => limits.text_chars,
            Server::Unknown | Server::Basic => TEXT_CHARS,
        }
    }

    /// All rooms, the lobby first.
    #[must_use]
    pub fn rooms(&self) -> &[RoomState] {
        &self.rooms
    }

    /// Open room.
    #[must_use]
    pub fn room(&self) -> &RoomState {
        self.rooms
            .iter()
            .find(|room| room.room.id == self.current)
            .or_else(|| self.rooms.first())
            .expect("the lobby is always there")
    }

    /// Number of unread messages in all rooms.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.rooms.iter().map(RoomState::unread).sum()
    }

    /// Announcement of the operator.
    #[must_use]
    pub fn announcement(&self) -> Option<&Announcement> {
        self.announcement.as_ref()
    }

    /// When the server stops, by this page's clock, and why.
    #[must_use]
    pub fn shutdown(&self) -> Option<(u64, &str)> {
        self.shutdown.as_ref().map(|(at, reason)| (*at, reason.as_str()))
    }

    /// Reason of the operator who ended the connection.
    #[must_use]
    pub fn kicked(&self) -> Option<&str> {
        self.kicked.as_deref()
    }

    /// Last error, for a few seconds.
    #[must_use]
    pub fn notice(&self) -> Option<&ChatError> {
        self.notice.as_ref().map(|(refusal, _)| refusal)
    }

    /// Result of the last rename.
    #[must_use]
    pub fn renamed(&self) -> Option<&Result<(), ChatError>> {
        self.renamed.as_ref()
    }

    /// Whether the server serves a newer page than this one.
    #[must_use]
    pub fn has_new_version(&self) -> bool {
        self.new_version
    }

    /// When the page reconnects to a server that ended the connection.
    #[must_use]
    pub fn reconnect_at(&self) -> Option<u64> {
        self.reconnect_at
    }

    /// Messages to announce since the last call, and how many more there were.
    pub fn take_notices(&mut self) -> (Vec<ScreenReaderNotice>, u32) {
        (
            std::mem::take(&mut self.notices),
            std::mem::take(&mut self.notices_skipped),
        )
    }

    /// Next request to the server; drain after every change.
    pub fn poll_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// When to call [`Self::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let hello_due = self
            .online
            .filter(|_| matches!(self.server, Server::Unknown))
            .map(|since| since + self.hello_timeout());
        let typing_due = self.rooms.iter().filter_map(|room| room.typing_users.due()).min();
        let notice_due = self.notice.as_ref().map(|(_, until)| *until);
        [
            hello_due,
            self.retry_after,
            self.reconnect_at,
            self.outbox.due(),
            self.outbox.slow_due(),
            notice_due,
            typing_due,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Applies that time has passed.
    pub fn handle_timeout(&mut self, now: u64) {
        if matches!(self.server, Server::Unknown)
            && self
                .online
                .is_some_and(|since| since + self.hello_timeout() <= now)
        {
            self.server = Server::Basic;
        }
        if self.retry_after.is_some_and(|until| until <= now) {
            self.retry_after = None;
        }
        if self.reconnect_at.is_some_and(|at| at <= now) {
            self.reconnect_at = None;
            self.requests.push_back(Request::Reconnect);
        }
        if self.notice.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.notice = None;
        }
        for room in &mut self.rooms {
            room.typing_users.expire(now);
        }
        self.outbox.mark_slow(now);
        while let Some(text) = self.outbox.overdue_echo(now) {
            self.plain(now, text, false);
        }
        self.flush(now);
    }

    /// Applies that the connection was established.
    pub fn handle_connected(&mut self, now: u64) {
        self.online = Some(now);
        self.outbox.restart_waiting(now);
        self.server = Server::Unknown;
        self.reconnect_at = None;
        self.kicked = None;
        // both belong to the last connection; a server that stops repeats its notice
        self.retry_after = None;
        self.shutdown = None;
    }

    /// Applies that the connection was lost; `by_server` when the server ended it on purpose.
    pub fn handle_disconnected(&mut self, now: u64, by_server: bool) {
        self.online = None;
        self.outbox.rewind();
        for room in &mut self.rooms {
            room.loading = false;
            room.jump = None;
            room.typing_users.clear();
            if room.membership != Membership::NotJoined {
                room.membership = Membership::Pending;
            }
        }
        if by_server && self.kicked.is_none() {
            self.reconnect_at = Some(now + RECONNECT_DELAY);
        }
    }

    /// How long the server may take to greet.
    fn hello_timeout(&self) -> u64 {
        if self.greeted {
            HELLO_TIMEOUT_KNOWN
        } else {
            HELLO_TIMEOUT
        }
    }

    /// Joins pending rooms and sends waiting messages, as far as the connection and the server allow.
    pub(super) fn flush(&mut self, now: u64) {
        if self.online.is_none() {
            return;
        }
        match &self.server {
            Server::Unknown => {}
            Server::Basic => {
                while let Some(unsent) = self.outbox.next(|stored| stored.room == LOBBY) {
                    unsent.start_sending(now, Some(now + ECHO_TIMEOUT));
                    self.requests
                        .push_back(Request::Plain(unsent.stored.text.clone()));
                }
            }
            Server::Extended { .. } => {
                if self.retry_after.is_some() {
                    return;
                }
                self.join_wanted();
                if self.outbox.busy() {
                    return;
                }
                let rooms = &self.rooms;
                let inside = |stored: &outbox::StoredMessage| {
                    rooms
                        .iter()
                        .any(|room| room.room.id == stored.room && room.membership == Membership::Joined)
                };
                if let Some(unsent) = self.outbox.next(inside) {
                    unsent.start_sending(now, None);
                    self.requests.push_back(Request::Send(Send {
                        room: unsent.stored.room.clone(),
                        id: unsent.stored.id.clone(),
                        text: unsent.stored.text.clone(),
                        reply_to: unsent.stored.reply.as_ref().map(|quote| quote.seq),
                    }));
                }
            }
        }
    }

    pub(super) fn next_key(&mut self) -> u64 {
        self.keys += 1;
        self.keys
    }

    pub(super) fn room_mut(&mut self, id: &str) -> Option<&mut RoomState> {
        self.rooms.iter_mut().find(|room| room.room.id == id)
    }

    pub(super) fn room_or_new(&mut self, id: &str) -> &mut RoomState {
        let place = self
            .rooms
            .iter()
            .position(|room| room.room.id == id)
            .unwrap_or_else(|| {
                self.rooms.push(RoomState::unknown(id, RoomKind::Open));
                self.rooms.len() - 1
            });
        self.rooms.get_mut(place).expect("found or added above")
    }

    /// Removes a room.
    pub(super) fn remove_room(&mut self, id: &str) {
        if let Some(place) = self.rooms.iter().position(|room| room.room.id == id) {
            self.rooms.remove(place);
        }
    }

    pub(super) fn refuse(&mut self, now: u64, refusal: ChatError) {
        self.notice = Some((refusal, now + NOTICE_TTL));
    }
}
