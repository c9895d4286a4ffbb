//! What the page knows and decides, without a browser: every rule of the chat's page, tested on the host.
//!
//! [`Chat`] takes what happened (`handle_*`), what the person wants (verbs) and the time as `now`, in milliseconds
//! since 1970. What is to be asked of the server comes out of [`Chat::poll_request`], its answers go into
//! [`Chat::handle_answer`]. Showing it, and the connection itself, are the business of the page's components.

mod answered;
pub mod avatar;
pub mod connection;
pub mod entry;
pub mod folding;
pub mod heights;
pub mod letters;
pub mod links;
pub mod outbox;
pub mod room;
pub mod route;
mod rows;
pub mod scroll;
pub mod timeline;
mod told;
pub mod typing;
mod verbs;
pub mod wire;
pub mod words;

use outbox::{Outbox, Progress};
use room::{Membership, RoomState};
use wire::Request;

use crate::messages::wire::messages;
use crate::messages::{Announcement, ChatLimits, LOBBY, Person, Refusal, RoomKind, Send};

/// After connecting, a server that did not greet for this long is a plain one, in milliseconds.
const GREETING: u64 = 500;
/// The same for a server that greeted before.
const GREETING_AGAIN: u64 = 8000;
/// A plain server that has not echoed a text for this long does not echo, in milliseconds.
const ECHO: u64 = 10_000;
/// A server that ended the connection is tried again after this long, in milliseconds.
const RETURN: u64 = 2000;
/// A refusal is shown for this long, in milliseconds.
const NOTICE: u64 = 8000;
/// Longest text that is kept for a server that said no limit, in characters.
const TEXT_CHARS: u32 = 100_000;

/// What the server at the other end speaks.
#[derive(Debug, Clone, PartialEq)]
pub enum Server {
    /// Not known yet.
    Unknown,
    /// Plain strings under `pesan`.
    Plain,
    /// Everything in [`crate::messages`].
    Full {
        /// Who this page is.
        me: Person,
        /// What the server accepts.
        limits: ChatLimits,
    },
}

messages! {
    /// What the browser keeps between two visits, shared by all its windows.
    #[derive(Default)]
    pub struct Saved {
        /// Wished name.
        #[serde(default)]
        pub name: Option<String>,
        /// Rooms that the person is in.
        #[serde(default)]
        pub joined: Vec<String>,
        /// Highest order number that was read, by room.
        #[serde(default)]
        pub read: Vec<(String, u64)>,
    }

    /// What a window keeps over a reload.
    #[derive(Default)]
    pub struct Carried {
        /// Texts that wait.
        #[serde(default)]
        pub unsent: Vec<outbox::Kept>,
        /// Texts that were begun, by room.
        #[serde(default)]
        pub drafts: Vec<(String, String)>,
    }

    /// The same as the browser keeps it.
    pub struct Luggage {
        /// When the window last gave a sign, in milliseconds since 1970; 0 when it went.
        pub sign: u64,
        /// What it carries.
        pub carried: Carried,
    }
}

/// Message that was heard while the room was open, to be read out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its author's name; empty on a plain server.
    pub author: String,
    /// Its text.
    pub text: String,
}

/// The page's state.
#[derive(Debug, Clone)]
pub struct Chat {
    server: Server,
    /// When the connection came up; nothing while there is none.
    online: Option<u64>,
    greeted: bool,
    /// Which page the server served when it first greeted: this one.
    build: Option<String>,
    /// Server's clock less this page's.
    skew: i64,
    /// Minutes that local time is ahead of UTC.
    zone: i32,
    rooms: Vec<RoomState>,
    current: String,
    wished_name: Option<String>,
    /// Opens when the answer names the room.
    opening: bool,
    viewing: bool,
    outbox: Outbox,
    /// Nothing is sent before this time: the server asked for patience.
    hold: Option<u64>,
    /// When to come back to a server that ended the connection.
    comeback: Option<u64>,
    requests: Vec<Request>,
    typed: Option<u64>,
    ids: (String, u64),
    keys: u64,
    announcement: Option<Announcement>,
    closing: Option<(u64, String)>,
    kicked: Option<String>,
    notice: Option<(Refusal, u64)>,
    renamed: Option<Result<(), Refusal>>,
    newer: bool,
    heard: Vec<Heard>,
    heard_more: u32,
}

impl Chat {
    /// State of a page that was just opened.
    ///
    /// `ids` is random text: ids of messages begin with it. `zone` is how many minutes local time is ahead of UTC.
    #[must_use]
    pub fn new(ids: String, zone: i32, saved: Saved, carried: Carried) -> Self {
        let mut chat = Self {
            server: Server::Unknown,
            online: None,
            greeted: false,
            build: None,
            skew: 0,
            zone,
            rooms: vec![RoomState::unknown(LOBBY, RoomKind::Lobby)],
            current: LOBBY.to_owned(),
            wished_name: saved.name,
            opening: false,
            viewing: true,
            outbox: Outbox::default(),
            hold: None,
            comeback: None,
            requests: Vec::new(),
            typed: None,
            ids: (ids, 0),
            keys: 0,
            announcement: None,
            closing: None,
            kicked: None,
            notice: None,
            renamed: None,
            newer: false,
            heard: Vec::new(),
            heard_more: 0,
        };
        for id in saved.joined {
            chat.room_or_new(&id).membership = Membership::Wanted;
        }
        for (id, seq) in saved.read {
            if let Some(room) = chat.room_mut(&id) {
                room.read = seq;
            }
        }
        for (id, text) in carried.drafts {
            chat.room_or_new(&id).draft = text;
        }
        for kept in carried.unsent {
            // a window that was only hidden carries what another one took over from it
            if chat.outbox.get_mut(&kept.id).is_none() {
                chat.room_or_new(&kept.room);
                let key = chat.next_key();
                chat.outbox.push(key, kept, None);
            }
        }
        chat
    }

    /// What the browser should keep between two visits.
    #[must_use]
    pub fn saved(&self) -> Saved {
        let mut saved = Saved {
            name: self.wished_name.clone(),
            ..Saved::default()
        };
        for room in &self.rooms {
            if room.membership != Membership::Outside {
                saved.joined.push(room.room.id.clone());
            }
            if room.read > 0 {
                saved.read.push((room.room.id.clone(), room.read));
            }
        }
        saved
    }

    /// What the window should keep over a reload.
    #[must_use]
    pub fn carried(&self) -> Carried {
        let mut drafts = Vec::new();
        for room in &self.rooms {
            if !room.draft.trim().is_empty() {
                drafts.push((room.room.id.clone(), room.draft.clone()));
            }
        }
        Carried {
            unsent: self.outbox.kept(),
            drafts,
        }
    }

    /// Number that is another one after each change of the texts that wait.
    #[must_use]
    pub fn outbox_changes(&self) -> u32 {
        self.outbox.changes()
    }

    /// Whether a text waits to be sent.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.outbox.waits()
    }

    /// What the server speaks.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Who this page is, once the server said so.
    #[must_use]
    pub fn me(&self) -> Option<&Person> {
        match &self.server {
            Server::Full { me, .. } => Some(me),
            Server::Unknown | Server::Plain => None,
        }
    }

    /// Name that the person wished for.
    #[must_use]
    pub fn wished_name(&self) -> Option<&str> {
        self.wished_name.as_deref()
    }

    /// Longest text that the server accepts, in characters.
    #[must_use]
    pub fn text_chars(&self) -> u32 {
        match &self.server {
            Server::Full { limits, .. } => limits.text_chars,
            Server::Unknown | Server::Plain => TEXT_CHARS,
        }
    }

    /// All rooms, the lobby first.
    #[must_use]
    pub fn rooms(&self) -> &[RoomState] {
        &self.rooms
    }

    /// Room that is open.
    #[must_use]
    pub fn room(&self) -> &RoomState {
        self.rooms
            .iter()
            .find(|room| room.room.id == self.current)
            .or_else(|| self.rooms.first())
            .expect("the lobby is always there")
    }

    /// Messages that were not read, in all rooms.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.rooms.iter().map(RoomState::unread).sum()
    }

    /// What the operator announced.
    #[must_use]
    pub fn announcement(&self) -> Option<&Announcement> {
        self.announcement.as_ref()
    }

    /// When the server goes down, by this page's clock, and why.
    #[must_use]
    pub fn closing(&self) -> Option<(u64, &str)> {
        self.closing.as_ref().map(|(at, reason)| (*at, reason.as_str()))
    }

    /// What the operator said who ended the connection.
    #[must_use]
    pub fn kicked(&self) -> Option<&str> {
        self.kicked.as_deref()
    }

    /// What was refused a moment ago.
    #[must_use]
    pub fn notice(&self) -> Option<&Refusal> {
        self.notice.as_ref().map(|(refusal, _)| refusal)
    }

    /// What became of the last wish for another name.
    #[must_use]
    pub fn renamed(&self) -> Option<&Result<(), Refusal>> {
        self.renamed.as_ref()
    }

    /// Whether the server serves a newer page than this one.
    #[must_use]
    pub fn newer(&self) -> bool {
        self.newer
    }

    /// When the page comes back to a server that ended the connection.
    #[must_use]
    pub fn comeback(&self) -> Option<u64> {
        self.comeback
    }

    /// Minutes that local time is ahead of UTC.
    #[must_use]
    pub fn zone(&self) -> i32 {
        self.zone
    }

    /// Messages heard since the last call, to be read out, and how many more there were.
    pub fn take_heard(&mut self) -> (Vec<Heard>, u32) {
        (
            std::mem::take(&mut self.heard),
            std::mem::take(&mut self.heard_more),
        )
    }

    /// Next thing to ask of the server; to be drained after every change.
    pub fn poll_request(&mut self) -> Option<Request> {
        (!self.requests.is_empty()).then(|| self.requests.remove(0))
    }

    /// When [`Self::handle_timeout`] wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let mut due = Earliest(u64::MAX);
        if matches!(self.server, Server::Unknown) {
            due.or(self.online.map(|since| since + self.patience()));
        }
        due.or(self.hold);
        due.or(self.comeback);
        due.or(self.outbox.due());
        due.or(self.notice.as_ref().map(|(_, until)| *until));
        for room in &self.rooms {
            due.or(room.typists.due());
        }
        (due.0 < u64::MAX).then_some(due.0)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: u64) {
        if matches!(self.server, Server::Unknown)
            && self.online.is_some_and(|since| since + self.patience() <= now)
        {
            self.server = Server::Plain;
        }
        if self.hold.is_some_and(|until| until <= now) {
            self.hold = None;
        }
        if self.comeback.is_some_and(|at| at <= now) {
            self.comeback = None;
            self.requests.push(Request::Reconnect);
        }
        if self.notice.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.notice = None;
        }
        for room in &mut self.rooms {
            room.typists.expire(now);
        }
        while let Some(text) = self.outbox.told(now) {
            self.plain(now, text);
        }
        self.pump(now);
    }

    /// The connection is up.
    pub fn handle_connected(&mut self, now: u64) {
        self.online = Some(now);
        self.server = Server::Unknown;
        self.comeback = None;
        self.kicked = None;
        // what the connection before left behind, and a server that goes down says so again
        self.hold = None;
        self.closing = None;
    }

    /// The connection is gone; `by_server` when the server ended it on purpose.
    pub fn handle_disconnected(&mut self, now: u64, by_server: bool) {
        self.online = None;
        self.outbox.rewind();
        for room in &mut self.rooms {
            room.loading = false;
            room.typists.clear();
            if room.membership != Membership::Outside {
                room.membership = Membership::Wanted;
            }
        }
        if by_server && self.kicked.is_none() {
            self.comeback = Some(now + RETURN);
        }
    }

    /// How long a server may take to greet.
    fn patience(&self) -> u64 {
        if self.greeted { GREETING_AGAIN } else { GREETING }
    }

    /// Asks for what is wanted and sends what waits, as far as the connection and the server allow.
    fn pump(&mut self, now: u64) {
        if self.online.is_none() {
            return;
        }
        match &self.server {
            Server::Unknown => {}
            Server::Plain => {
                while let Some(unsent) = self.outbox.next(|kept| kept.room == LOBBY) {
                    unsent.state = Progress::UnderWay {
                        until: Some(now + ECHO),
                    };
                    self.requests.push(Request::Plain(unsent.kept.text.clone()));
                }
            }
            Server::Full { .. } => {
                if self.hold.is_some() {
                    return;
                }
                self.join_wanted();
                if self.outbox.busy() {
                    return;
                }
                let rooms = &self.rooms;
                let inside = |kept: &outbox::Kept| {
                    rooms
                        .iter()
                        .any(|room| room.room.id == kept.room && room.membership == Membership::Inside)
                };
                if let Some(unsent) = self.outbox.next(inside) {
                    unsent.state = Progress::UnderWay { until: None };
                    self.requests.push(Request::Send(Send {
                        room: unsent.kept.room.clone(),
                        id: unsent.kept.id.clone(),
                        text: unsent.kept.text.clone(),
                        reply_to: unsent.kept.reply.as_ref().map(|quote| quote.seq),
                    }));
                }
            }
        }
    }

    fn next_key(&mut self) -> u64 {
        self.keys += 1;
        self.keys
    }

    fn room_mut(&mut self, id: &str) -> Option<&mut RoomState> {
        self.rooms.iter_mut().find(|room| room.room.id == id)
    }

    fn room_or_new(&mut self, id: &str) -> &mut RoomState {
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

    /// Forgets a room.
    fn remove_room(&mut self, id: &str) {
        if let Some(place) = self.rooms.iter().position(|room| room.room.id == id) {
            self.rooms.remove(place);
        }
    }

    fn refuse(&mut self, now: u64, refusal: Refusal) {
        self.notice = Some((refusal, now + NOTICE));
    }
}

/// Earliest of several times, of which each may be missing.
struct Earliest(u64);

impl Earliest {
    #[inline(never)]
    fn or(&mut self, time: Option<u64>) {
        self.0 = self.0.min(time.unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests;
