//! The page: where its state, its connection, its timers and what is seen of it meet.

use std::cell::{Cell, RefCell};

use leptos::prelude::{ArcTrigger, Notify, RenderEffect, Track, on_cleanup};
use pesan::chat::connection::Connection;
use pesan::chat::wire::Request;
use pesan::chat::words::{Language, Words};
use pesan::chat::{Chat, Saved};
use pesan::messages::wire::Wire;
use pesan::messages::{Auth, LOBBY, VERSION};
use pesan::socketio::Value;

use super::act::Act;
use super::browser::{self, Wake};
use super::dom;
use super::events;
use super::link::{Heard, Link};
use super::log::Log;
use super::state::{State, Theme};
use super::{clock, composer, navigation, store};

/// Longest that a browser's timer can wait, in milliseconds.
const LONGEST: u64 = i32::MAX as u64;

/// What the parts of the page share, for as long as the page is there.
pub(crate) struct Page {
    state: RefCell<State>,
    /// Tells whom the state concerns that it has changed.
    changed: ArcTrigger,
    /// Whether the cursor belongs into the composer without having been put there.
    pub(crate) eager: bool,
    link: Cell<Option<&'static Link>>,
    pub(crate) log: Cell<Option<&'static Log>>,
    window: String,
    /// Makes this browser the same person each time; also where nothing is kept.
    key: String,
    /// What the browser keeps already.
    kept: RefCell<(u32, Option<Value>)>,
    /// Room that the address names, or that was the first one.
    place: RefCell<String>,
    timer: Cell<f64>,
    wakes: RefCell<Option<Wakes>>,
}

/// What timers, frames, events and the watch over sizes call.
struct Wakes {
    due: Wake,
    frame: Wake,
    _lasting: [Wake; 2],
    /// Where the cursor goes at the next frame.
    focus: Option<&'static str>,
}

impl Page {
    /// Page with what the browser kept; `begun` was typed before it was there. Not connected yet.
    pub(crate) fn new(begun: &str, focused: bool) -> &'static Self {
        let ids = clock::random_text();
        let saved = store::value(&store::for_server("pesan.saved"));
        let now = clock::now();
        let carried = store::take_carried(now);
        let kept = saved.clone();
        let saved = saved.and_then(Saved::read).unwrap_or_default();
        let mut chat = Chat::new(ids.clone(), clock::zone(), saved, carried);
        if let Some(room) = navigation::room() {
            chat.open(now, &room);
        }
        // it stands in the open room, after what was begun there before
        let draft = [chat.room().draft.as_str(), begun].concat();
        chat.set_draft(&draft);
        let place = chat.room().room.id.clone();
        // the shell has found both out already
        let root = dom::doc().at("html");
        let (language, theme) = (root.get("lang"), root.get("data-theme"));
        let (language, theme) = (Language::of_tag(&language), Theme::of_name(&theme));
        let state = State::new(chat, language, theme);
        Box::leak(Box::new(Self {
            state: RefCell::new(state),
            changed: ArcTrigger::new(),
            // where there is a mouse, nothing jumps when the cursor goes into a field
            eager: focused || browser::media("(hover: hover)").is("matches"),
            link: Cell::default(),
            log: Cell::default(),
            window: ids,
            key: store::text(&store::for_server("pesan.key")).unwrap_or_else(|| {
                let key = [clock::random_text(), clock::random_text()].concat();
                store::set_text(&store::for_server("pesan.key"), Some(&key));
                key
            }),
            kept: RefCell::new((0, kept)),
            place: RefCell::new(place),
            timer: Cell::default(),
            wakes: RefCell::default(),
        }))
    }

    /// Connects to the server, and begins to hear the person and to count the seconds.
    pub(crate) fn start(&'static self) {
        let second = Wake::new(move |_| self.second());
        browser::set_interval(&second, 1000.0);
        self.wakes.replace(Some(Wakes {
            due: Wake::new(move |_| self.change(&mut |state, now| state.chat.handle_timeout(now))),
            frame: Wake::new(move |_| self.frame()),
            _lasting: [second, events::hear(self)],
            focus: None,
        }));
        self.keep_carried(clock::now());
        match Link::open(&navigation::server(), self.auth(), |heard| self.hear(heard)) {
            Ok(link) => self.link.set(Some(link)),
            Err(reason) => self.change(&mut |state, _| {
                state.connection = Connection::Refused {
                    reason: reason.clone(),
                    refusal: None,
                };
            }),
        }
    }

    /// Runs a function whenever the state has changed, and now, for as long as its owner lives.
    pub(crate) fn follow(&'static self, mut run: Box<dyn FnMut()>) {
        let effect = RenderEffect::new(move |_: Option<()>| {
            self.changed.track();
            run();
        });
        on_cleanup(move || drop(effect));
    }

    /// Looks at the state once.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.borrow())
    }

    /// Words of the language.
    pub(crate) fn words(&self) -> &'static Words {
        self.look(State::words)
    }

    /// Changes the state, then asks the server for what that needs, and keeps what has to be kept.
    #[inline(never)]
    pub(crate) fn change(&'static self, change: &mut dyn FnMut(&mut State, u64)) {
        let now = clock::now();
        let mut requests = Vec::new();
        {
            let mut state = self.state.borrow_mut();
            state.now = now;
            change(&mut state, now);
            while let Some(request) = state.chat.poll_request() {
                requests.push(request);
            }
            state.read_out();
        }
        self.changed.notify();
        for request in requests {
            match self.link.get() {
                Some(link) if matches!(request, Request::Reconnect) => link.connect_now(),
                Some(link) => link.perform(request),
                None => {}
            }
        }
        self.set_timer(now);
        self.keep_new(now);
        self.follow_room();
    }

    /// Does what a person wants.
    pub(crate) fn perform(&'static self, act: Act, of: &str) {
        match act {
            Act::Write => return self.write(),
            Act::Send => return composer::send(self),
            Act::Pick => composer::insert(self, of),
            Act::Find if !self.look(State::full) => return,
            Act::ToRooms | Act::ToPeople => navigation::enter_panel(),
            Act::ClosePanel => return self.close_panel(),
            // what had the cursor before gets it back from a dialog that closes, not from one that is taken away
            Act::CloseDialog => {
                if let Some(dialog) = dom::find("dialog") {
                    dialog.close();
                }
            }
            Act::Open if self.look(|state| state.room() == of) => self.close_panel(),
            Act::Language => store::set_text("pesan.language", Some(Language::of_tag(of).words().locale)),
            Act::Theme => store::set_text("pesan.theme", Theme::of_name(of).name()),
            Act::Link => store::copy(&navigation::address(&self.look(|state| state.room().to_owned()))),
            Act::Copy => {
                let key = of.parse().unwrap_or_default();
                let text = self.look(|state| state.chat.text_of(key).map(str::to_owned));
                store::copy(&text.unwrap_or_default());
            }
            Act::Goto | Act::Newest => {
                if let Some(log) = self.log.get() {
                    log.to(self, of.parse().ok());
                }
            }
            Act::Token => store::set_text(&store::for_server("pesan.token"), Some(of.trim())),
            Act::Reload => {
                self.keep(true);
                dom::of_window("location").reload();
            }
            _ => {}
        }
        self.change(&mut |state, now| state.take(now, act, of));
        match act {
            Act::ToRooms => self.draw_later(Some(".side.rooms .close")),
            Act::ToPeople => self.draw_later(Some(".side.people .close")),
            Act::Reply => composer::focus(),
            Act::Connect | Act::Token => {
                if let Some(link) = self.link.get() {
                    link.set_auth(self.auth());
                    link.connect_now();
                }
            }
            _ => {}
        }
    }

    /// Opens the next room of the list, or the one before.
    pub(crate) fn open_next(&'static self, forward: bool) {
        self.change(&mut |state, now| state.chat.open_next(now, forward));
    }

    /// Another place of the history is shown.
    pub(crate) fn arrive(&'static self) {
        let room = navigation::room();
        self.change(&mut |state, now| {
            state.panel = None;
            state.chat.open(now, room.as_deref().unwrap_or(LOBBY));
        });
    }

    /// Tells the chat whether the newest message is seen.
    pub(crate) fn look_again(&'static self, at_end: Option<bool>) {
        let visible = !dom::doc().is("hidden");
        self.change(&mut |state, _| {
            state.at_end = at_end.unwrap_or(state.at_end);
            let viewing = state.at_end && visible;
            state.chat.set_viewing(viewing);
        });
    }

    /// Keeps everything that a reload would lose; `leaving` when the page goes.
    pub(crate) fn keep(&self, leaving: bool) {
        let now = clock::now();
        self.keep_new(now);
        self.keep_carried(if leaving { 0 } else { now });
    }

    /// Calls [`Log::draw`] at the next frame, and puts the cursor somewhere then.
    pub(crate) fn draw_later(&self, focus: Option<&'static str>) {
        if let Some(wakes) = &mut *self.wakes.borrow_mut() {
            wakes.focus = focus.or(wakes.focus);
            browser::next_frame(&wakes.frame);
        }
    }

    /// Slides the panel out, and puts the cursor where it was slid in.
    fn close_panel(&'static self) {
        let Some(name) = self.look(|state| state.panel) else {
            return;
        };
        self.change(&mut |state, _| state.panel = None);
        navigation::back();
        if let Some(button) = dom::find(&[".to-", name].concat()) {
            button.focus();
        }
    }

    /// The text in the composer is another one.
    pub(crate) fn write(&'static self) {
        let (text, written) = composer::measure();
        let blank = written.1;
        let now = clock::now();
        // what is typed is seen already: nothing else has to follow every letter
        let (news, tells) = {
            let mut state = self.state.borrow_mut();
            state.chat.set_draft(&text);
            let news = state.written != written;
            state.written = written;
            (news, !blank && state.chat.wants_typing(now))
        };
        if tells {
            self.change(&mut |state, now| state.chat.typing(now));
        } else if news {
            self.changed.notify();
        }
    }

    fn frame(&'static self) {
        let focus = self
            .wakes
            .borrow_mut()
            .as_mut()
            .and_then(|wakes| wakes.focus.take());
        if let Some(place) = focus.and_then(dom::find) {
            place.focus();
        }
        if let Some(log) = self.log.get() {
            log.draw(self);
        }
    }

    fn second(&'static self) {
        let now = clock::now();
        let seen = self.state.borrow_mut().tick(now);
        if seen {
            self.changed.notify();
        }
        self.keep(false);
    }

    fn hear(&'static self, heard: Vec<Heard>) {
        let mut heard = heard.into_iter();
        self.change(&mut |state, now| {
            for heard in heard.by_ref() {
                match heard {
                    Heard::Connected => state.chat.handle_connected(now),
                    Heard::Disconnected { by_server } => state.chat.handle_disconnected(now, by_server),
                    Heard::Told(told) => state.chat.handle_told(now, told),
                    Heard::Answer(answer) => state.chat.handle_answer(now, answer),
                    Heard::Connection(connection) => {
                        state.token_tried &= !matches!(connection, Connection::Connected);
                        state.connection = connection;
                    }
                }
            }
        });
    }

    fn set_timer(&self, now: u64) {
        browser::clear_timeout(self.timer.take());
        let due = self.look(|state| state.chat.poll_timeout());
        if let (Some(due), Some(wakes)) = (due, &*self.wakes.borrow()) {
            let pause = due.saturating_sub(now).min(LONGEST);
            self.timer.set(browser::set_timeout(&wakes.due, pause as f64));
        }
    }

    /// Names the open room in the address, when it is another one than before.
    fn follow_room(&'static self) {
        let room = self.look(|state| state.room().to_owned());
        if *self.place.borrow() == room {
            return;
        }
        let panel = self.look(|state| state.panel.is_some());
        navigation::go(&room, panel || navigation::room().is_none());
        self.place.replace(room);
        self.state.borrow_mut().panel = None;
        self.changed.notify();
    }

    /// Keeps what changed.
    fn keep_new(&self, now: u64) {
        let (changes, saved) = self.look(|state| (state.chat.outbox_changes(), state.chat.saved().write()));
        let mut kept = self.kept.borrow_mut();
        if kept.1.as_ref() != Some(&saved) {
            store::set_value(&store::for_server("pesan.saved"), &saved);
            kept.1 = Some(saved);
            // it may be another name: a connection that is made by itself goes under it too
            if let Some(link) = self.link.get() {
                link.set_auth(self.auth());
            }
        }
        if kept.0 != changes {
            kept.0 = changes;
            self.keep_carried(now);
        }
    }

    fn keep_carried(&self, sign: u64) {
        store::keep_carried(&self.window, sign, self.look(|state| state.chat.carried()));
    }

    /// Who this page is.
    fn auth(&self) -> Value {
        Auth {
            pesan: VERSION,
            key: self.key.clone(),
            name: self.look(|state| state.chat.wished_name().map(str::to_owned)),
            token: store::text(&store::for_server("pesan.token")).filter(|token| !token.is_empty()),
        }
        .write()
    }
}
