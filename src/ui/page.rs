//! The page: where its state, its connection, its timers and what is seen of it meet.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Function;
use leptos::prelude::{
    ArcRwSignal, Read, ReadUntracked, RenderEffect, Track, Write, document, on_cleanup, window,
};
use pesan::chat::connection::Connection;
use pesan::chat::wire::Request;
use pesan::chat::words::{Language, Words};
use pesan::chat::{Chat, Saved};
use pesan::messages::wire::Wire;
use pesan::messages::{Auth, LOBBY, VERSION};
use pesan::socketio::Value;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::act::Act;
use super::dom;
use super::events::Listener;
use super::link::{Heard, Link};
use super::log::Log;
use super::state::{State, Theme};
use super::{clock, composer, navigation, store};

/// Longest that a browser's timer can wait, in milliseconds.
const LONGEST: u64 = i32::MAX as u64;

/// What the parts of the page share.
pub(crate) struct Page {
    state: ArcRwSignal<State>,
    /// Whether the cursor belongs into the composer without having been put there.
    pub(crate) eager: bool,
    link: RefCell<Option<Link>>,
    pub(crate) log: RefCell<Option<Rc<Log>>>,
    window: String,
    /// What the browser keeps already.
    kept: RefCell<(u32, Saved)>,
    /// Room that the address names, or that was the first one.
    place: RefCell<String>,
    timer: Cell<Option<i32>>,
    wakes: Wakes,
    listener: RefCell<Option<Listener>>,
}

/// What timers and frames call.
struct Wakes {
    due: Closure<dyn FnMut()>,
    second: Closure<dyn FnMut()>,
    frame: Closure<dyn FnMut()>,
    /// Where the cursor goes at the next frame.
    focus: RefCell<Option<&'static str>>,
}

impl Page {
    /// Page with what the browser kept; `begun` was typed before it was there. Not connected yet.
    pub(crate) fn new(begun: &str, focused: bool) -> Rc<Self> {
        let ids = clock::random_text();
        let saved: Saved = store::value("pesan.saved").unwrap_or_default();
        let now = clock::now();
        let carried = store::take_carried(now);
        let mut chat = Chat::new(ids.clone(), clock::zone(), saved.clone(), carried);
        if !begun.is_empty() {
            chat.set_draft(begun);
        }
        if let Some(room) = navigation::room() {
            chat.open(now, &room);
        }
        let place = chat.room().room.id.clone();
        let tongue = store::text("pesan.language").or_else(|| window().navigator().language());
        let theme = store::text("pesan.theme").unwrap_or_default();
        let language = Language::of_tag(&tongue.unwrap_or_default());
        let state = State::new(chat, language, Theme::of_name(&theme));
        Rc::new_cyclic(|page: &std::rc::Weak<Self>| {
            let waking = |wake: fn(&Rc<Self>)| {
                let page = page.clone();
                Closure::new(move || page.upgrade().iter().for_each(wake))
            };
            Self {
                state: ArcRwSignal::new(state),
                eager: focused || hovers(),
                link: RefCell::default(),
                log: RefCell::default(),
                window: ids,
                kept: RefCell::new((0, saved)),
                place: RefCell::new(place),
                timer: Cell::default(),
                wakes: Wakes {
                    due: waking(|page| page.change(&mut |state, now| state.chat.handle_timeout(now))),
                    second: waking(Self::second),
                    frame: waking(Self::frame),
                    focus: RefCell::default(),
                },
                listener: RefCell::default(),
            }
        })
    }

    /// Connects to the server, and begins to hear the person and to count the seconds.
    pub(crate) fn start(self: &Rc<Self>) {
        self.listener.replace(Some(Listener::new(self)));
        self.keep_carried(clock::now());
        let page = Rc::downgrade(self);
        let heard = move |heard| {
            if let Some(page) = page.upgrade() {
                page.hear(heard);
            }
        };
        match Link::open(&navigation::server(), self.auth(), heard) {
            Ok(link) => drop(self.link.replace(Some(link))),
            Err(reason) => self.change(&mut |state, _| {
                state.connection = Connection::Refused {
                    reason: reason.clone(),
                    refusal: None,
                };
            }),
        }
        window()
            .set_interval_with_callback_and_timeout_and_arguments_0(function(&self.wakes.second), 1000)
            .map(drop)
            .unwrap_or_default();
    }

    /// Runs a function whenever the state has changed, and now, for as long as its owner lives.
    pub(crate) fn effect(&self, mut run: Box<dyn FnMut(&State)>) {
        let state = self.state.clone();
        let effect = RenderEffect::new(move |_: Option<()>| run(&state.read()));
        on_cleanup(move || drop(effect));
    }

    /// Runs a function whenever the state has changed, and now; unlike in an effect it may change the state itself.
    pub(crate) fn follow(&self, mut run: Box<dyn FnMut()>) {
        let state = self.state.clone();
        let effect = RenderEffect::new(move |_: Option<()>| {
            state.track();
            run();
        });
        on_cleanup(move || drop(effect));
    }

    /// Looks at the state once.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read_untracked())
    }

    /// Words of the language.
    pub(crate) fn words(&self) -> &'static Words {
        self.look(State::words)
    }

    /// Changes the state, then asks the server for what that needs, and keeps what has to be kept.
    #[inline(never)]
    pub(crate) fn change(self: &Rc<Self>, change: &mut dyn FnMut(&mut State, u64)) {
        let now = clock::now();
        let mut requests = Vec::new();
        {
            let mut state = self.state.write();
            state.now = now;
            change(&mut state, now);
            requests.extend(std::iter::from_fn(|| state.chat.poll_request()));
            state.read_out();
        }
        if !requests.is_empty()
            && let Some(link) = &*self.link.borrow()
        {
            for request in requests {
                if request == Request::Reconnect {
                    link.connect_now(self.auth());
                } else {
                    link.perform(request);
                }
            }
        }
        self.set_timer(now);
        self.keep_new(now);
        self.follow_room();
    }

    /// Does what a person wants.
    pub(crate) fn perform(self: &Rc<Self>, act: Act, of: &str) {
        match act {
            Act::Write => return self.write(),
            Act::Send => return composer::send(self),
            Act::Pick => composer::insert(self, of),
            Act::Find if !self.look(State::full) => return,
            Act::ToRooms | Act::ToPeople => navigation::enter_panel(),
            Act::ClosePanel => return self.close_panel(),
            Act::Open if self.look(|state| state.room() == of) => self.close_panel(),
            Act::Language => store::set_text("pesan.language", Some(Language::of_tag(of).words().locale)),
            Act::Theme => store::set_text("pesan.theme", Theme::of_name(of).name()),
            Act::Link => copy(&navigation::address(&self.look(|state| state.room().to_owned()))),
            Act::Copy => {
                let key = of.parse().unwrap_or_default();
                let text = self.look(|state| state.chat.text_of(key).map(str::to_owned));
                copy(&text.unwrap_or_default());
            }
            Act::Goto => self.in_log(|log| log.to_message(self, of.parse().unwrap_or_default())),
            Act::Newest => self.in_log(|log| log.to_end(self)),
            Act::Token => store::set_text("pesan.token", Some(of.trim())),
            Act::Reload => {
                self.keep(true);
                window().location().reload().unwrap_or_default();
            }
            _ => {}
        }
        self.change(&mut |state, now| state.take(now, act, of));
        match act {
            Act::ToRooms => self.focus_later(".side.rooms .close"),
            Act::ToPeople => self.focus_later(".side.people .close"),
            Act::Reply => composer::focus(),
            Act::Connect | Act::Token => {
                if let Some(link) = &*self.link.borrow() {
                    link.connect_now(self.auth());
                }
            }
            _ => {}
        }
    }

    /// Opens the next room of the list, or the one before.
    pub(crate) fn open_next(self: &Rc<Self>, forward: bool) {
        self.change(&mut |state, now| state.chat.open_next(now, forward));
    }

    /// Another place of the history is shown.
    pub(crate) fn arrive(self: &Rc<Self>) {
        let room = navigation::room();
        self.change(&mut |state, now| {
            state.panel = None;
            state.chat.open(now, room.as_deref().unwrap_or(LOBBY));
        });
    }

    /// Tells the chat whether the newest message is seen.
    pub(crate) fn look_again(self: &Rc<Self>, at_end: Option<bool>) {
        let visible = !document().hidden();
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

    /// Calls [`Log::draw`] at the next frame.
    pub(crate) fn draw_later(&self) {
        dom::next_frame(function(&self.wakes.frame));
    }

    /// Slides the panel out, and puts the cursor where it was slid in.
    fn close_panel(self: &Rc<Self>) {
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
    pub(crate) fn write(self: &Rc<Self>) {
        let (text, written) = composer::measure();
        let blank = written.1;
        let now = clock::now();
        // what is typed is seen already: nothing else has to follow every letter
        let (news, tells) = {
            let mut state = self.state.write_untracked();
            state.chat.set_draft(&text);
            let news = state.written != written;
            state.written = written;
            (news, !blank && state.chat.wants_typing(now))
        };
        if tells {
            self.change(&mut |state, now| state.chat.typing(now));
        } else if news {
            drop(self.state.write());
        }
    }

    fn in_log(&self, run: impl FnOnce(&Rc<Log>)) {
        let log = self.log.borrow().clone();
        if let Some(log) = log {
            run(&log);
        }
    }

    fn focus_later(&self, selector: &'static str) {
        self.wakes.focus.replace(Some(selector));
        dom::next_frame(function(&self.wakes.frame));
    }

    fn frame(self: &Rc<Self>) {
        if let Some(place) = self.wakes.focus.take().and_then(dom::find) {
            place.focus();
        }
        self.in_log(|log| log.draw(self));
    }

    fn second(self: &Rc<Self>) {
        let now = clock::now();
        let seen = self.state.write_untracked().tick(now);
        if seen {
            drop(self.state.write());
        }
        self.keep(false);
    }

    fn hear(self: &Rc<Self>, heard: Vec<Heard>) {
        let mut heard = heard.into_iter();
        self.change(&mut |state, now| {
            for heard in heard.by_ref() {
                match heard {
                    Heard::Connected => state.chat.handle_connected(now),
                    Heard::Disconnected { by_server } => state.chat.handle_disconnected(now, by_server),
                    Heard::Told(told) => state.chat.handle_told(now, told),
                    Heard::Answer(answer) => state.chat.handle_answer(now, answer),
                    Heard::Connection(connection) => {
                        state.token_tried &= connection != Connection::Connected;
                        state.connection = connection;
                    }
                }
            }
        });
    }

    fn set_timer(&self, now: u64) {
        if let Some(timer) = self.timer.take() {
            window().clear_timeout_with_handle(timer);
        }
        let due = self.look(|state| state.chat.poll_timeout());
        self.timer.set(due.and_then(|due| {
            let pause = i32::try_from(due.saturating_sub(now).min(LONGEST)).unwrap_or(i32::MAX);
            window()
                .set_timeout_with_callback_and_timeout_and_arguments_0(function(&self.wakes.due), pause)
                .ok()
        }));
    }

    /// Names the open room in the address, when it is another one than before.
    fn follow_room(self: &Rc<Self>) {
        let room = self.look(|state| state.room().to_owned());
        if *self.place.borrow() == room {
            return;
        }
        let panel = self.look(|state| state.panel.is_some());
        navigation::go(&room, panel || navigation::room().is_none());
        self.place.replace(room);
        self.state.write().panel = None;
    }

    /// Keeps what changed.
    fn keep_new(&self, now: u64) {
        let (changes, saved) = self.look(|state| (state.chat.outbox_changes(), state.chat.saved()));
        let mut kept = self.kept.borrow_mut();
        if kept.1 != saved {
            store::set_value("pesan.saved", &saved.write());
            kept.1 = saved;
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
        let key = store::text("pesan.key").unwrap_or_else(|| {
            let key = [clock::random_text(), clock::random_text()].concat();
            store::set_text("pesan.key", Some(&key));
            key
        });
        Auth {
            pesan: VERSION,
            key,
            name: self.look(|state| state.chat.wished_name().map(str::to_owned)),
            token: store::text("pesan.token").filter(|token| !token.is_empty()),
        }
        .write()
    }
}

/// Function of JavaScript that a closure is.
pub(crate) fn function(closure: &Closure<dyn FnMut()>) -> &Function {
    closure.as_ref().unchecked_ref()
}

/// Whether there is a mouse: then nothing jumps when the cursor goes into a field.
fn hovers() -> bool {
    let query = window().match_media("(hover: hover)").ok().flatten();
    query.is_some_and(|query| query.matches())
}

/// Puts a text into the clipboard, where the browser allows it.
fn copy(text: &str) {
    // the browser answers later; a refusal changes nothing here
    let _promise = window().navigator().clipboard().write_text(text);
}
