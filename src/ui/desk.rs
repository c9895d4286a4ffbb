//! Where the page's state, its connection and its timer meet.

use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::web_sys::UrlSearchParams;
use pesan::chat::connection::Connection;
use pesan::chat::wire::Request;
use pesan::chat::{Chat, Saved};
use pesan::messages::{Auth, VERSION};
use pesan::socketio::{Value, to_value};

use super::frame::Frame;
use super::link::{Heard, Link};
use super::{clock, store};

/// Longest that a browser's timer can wait, in milliseconds.
const LONGEST: u64 = i32::MAX as u64;

/// Change of the state at a time.
type Change<'a> = Box<dyn FnOnce(&mut Chat, u64) + 'a>;

/// State, connection and timer of the page.
#[derive(Clone, Copy)]
pub(crate) struct Desk {
    /// What the page knows.
    pub(crate) chat: RwSignal<Chat>,
    /// How the connection stands.
    pub(crate) connection: RwSignal<Connection>,
    /// Whether a token was tried.
    pub(crate) token_tried: RwSignal<bool>,
    link: StoredValue<Option<Link>, LocalStorage>,
    timer: StoredValue<Option<TimeoutHandle>, LocalStorage>,
    window: StoredValue<String>,
    written: StoredValue<(u32, Saved)>,
}

impl Desk {
    /// State as the browser kept it; not connected yet.
    pub(crate) fn new(begun: &str) -> Self {
        let window = clock::random_text();
        let saved: Saved = store::value("pesan.saved");
        let carried = store::take_carried(clock::now());
        let mut chat = Chat::new(window.clone(), clock::zone(), saved.clone(), carried);
        if !begun.is_empty() {
            chat.set_draft(begun);
        }
        let desk = Self {
            chat: RwSignal::new(chat),
            connection: RwSignal::new(Connection::Connecting),
            token_tried: RwSignal::new(false),
            link: StoredValue::new_local(None),
            timer: StoredValue::new_local(None),
            window: StoredValue::new(window),
            written: StoredValue::new((0, saved)),
        };
        desk.keep_carried(clock::now());
        desk
    }

    /// Connects to the server that the address names, or to the one that the page came from.
    pub(crate) fn connect(self) {
        let frame = Frame::new(move |heard| self.hear(heard));
        let gather = move |heard| frame.gather(heard);
        let link = Link::open(&server(), self.auth(), Rc::new(gather));
        match link {
            Ok(link) => self.link.update_value(|known| *known = Some(link)),
            Err(reason) => self.connection.set(Connection::Refused {
                reason,
                refusal: None,
            }),
        }
        on_cleanup(move || self.link.update_value(|link| drop(link.take())));
    }

    /// Changes the state, then asks the server for what that needs.
    pub(crate) fn act(self, change: impl FnOnce(&mut Chat, u64)) {
        let now = clock::now();
        let change: Change<'_> = Box::new(change);
        let mut requests = Vec::new();
        self.chat.update(|chat| {
            change(chat, now);
            requests.extend(std::iter::from_fn(|| chat.poll_request()));
        });
        self.perform(requests);
        self.set_timer(now);
        self.keep_new(now);
    }

    /// Connects now.
    pub(crate) fn connect_now(self) {
        self.link.with_value(|link| {
            if let Some(link) = link {
                link.set_auth(self.auth());
                link.connect_now();
            }
        });
    }

    /// Tries a token.
    pub(crate) fn use_token(self, token: &str) {
        store::set_text("pesan.token", Some(token.trim()));
        self.token_tried.set(true);
        self.connect_now();
    }

    /// Keeps everything that a reload would lose; `leaving` when the page goes.
    pub(crate) fn keep(self, leaving: bool) {
        let now = clock::now();
        self.keep_new(now);
        self.keep_carried(if leaving { 0 } else { now });
    }

    fn hear(self, heard: Vec<Heard>) {
        let mut stands = None;
        self.act(|chat, now| {
            for heard in heard {
                match heard {
                    Heard::Connected => chat.handle_connected(now),
                    Heard::Disconnected { by_server } => chat.handle_disconnected(now, by_server),
                    Heard::Connection(connection) => stands = Some(connection),
                    Heard::Told(told) => chat.handle_told(now, told),
                    Heard::Answer(answer) => chat.handle_answer(now, answer),
                }
            }
        });
        if let Some(stands) = stands {
            if stands == Connection::Connected {
                self.token_tried.set(false);
            }
            self.connection.set(stands);
        }
    }

    fn perform(self, requests: Vec<Request>) {
        if requests.is_empty() {
            return;
        }
        self.link.with_value(|link| {
            let Some(link) = link else { return };
            for request in requests {
                if request == Request::Reconnect {
                    link.set_auth(self.auth());
                }
                link.perform(request);
            }
        });
    }

    fn set_timer(self, now: u64) {
        let due = self.chat.with_untracked(Chat::poll_timeout);
        let timer = due.and_then(|due| {
            let pause = Duration::from_millis(due.saturating_sub(now).min(LONGEST));
            set_timeout_with_handle(move || self.act(Chat::handle_timeout), pause).ok()
        });
        let old = self
            .timer
            .try_update_value(|known| std::mem::replace(known, timer))
            .flatten();
        if let Some(old) = old {
            old.clear();
        }
    }

    /// Keeps what changed.
    fn keep_new(self, now: u64) {
        let (changes, saved) = self
            .chat
            .with_untracked(|chat| (chat.outbox_changes(), chat.saved()));
        let (kept_changes, kept_saved) = self.written.get_value();
        if kept_saved != saved {
            store::set_value("pesan.saved", &saved);
        }
        if kept_changes != changes {
            self.keep_carried(now);
        }
        self.written.set_value((changes, saved));
    }

    fn keep_carried(self, sign: u64) {
        let carried = self.chat.with_untracked(Chat::carried);
        self.window
            .with_value(|window| store::keep_carried(window, sign, carried));
    }

    /// Who this page is.
    fn auth(self) -> Value {
        let key = store::text("pesan.key").unwrap_or_else(|| {
            let key = [clock::random_text(), clock::random_text()].concat();
            store::set_text("pesan.key", Some(&key));
            key
        });
        let name = self
            .chat
            .with_untracked(|chat| chat.wished_name().map(str::to_owned));
        let token = store::text("pesan.token").filter(|token| !token.is_empty());
        to_value(&Auth {
            pesan: VERSION,
            key,
            name,
            token,
        })
        .unwrap_or_default()
    }
}

/// Address of the server.
fn server() -> String {
    let location = window().location();
    let query = location.search().unwrap_or_default();
    let named = UrlSearchParams::new_with_str(&query)
        .ok()
        .and_then(|query| query.get("server"));
    named
        .filter(|server| !server.is_empty())
        .unwrap_or_else(|| location.origin().unwrap_or_default())
}
