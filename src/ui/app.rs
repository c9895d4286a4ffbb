//! The page: the one place that knows of a connection. Everything else takes data and callbacks.

use std::time::Duration;

use leptos::prelude::*;
use pesan::chat::connection::Connection;
use pesan::chat::room::{Membership, RoomState};
use pesan::chat::scroll::Extent;
use pesan::chat::words::{Language, Words, fill};
use pesan::chat::{Chat, Server, folding};
use pesan::messages::{LOBBY, Person, RoomKind};

use super::bars::{Bars, News, Remedy};
use super::clock::{self, Calendar};
use super::composer::{Begun, Composer};
use super::desk::Desk;
use super::dialog::Dialog;
use super::header::{Header, Title};
use super::help::help;
use super::keys::{self, Wish};
use super::live::Live;
use super::log::{Act, Head, Log, Shown};
use super::name_form::NameForm;
use super::people::People;
use super::rooms::{Listed, Rooms};
use super::settings::{Settings, Theme};
use super::switcher::{Switcher, Target};
use super::token_form::TokenForm;
use super::{navigation, store};

/// Dialog that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Settings,
    Help,
    Switcher,
}

/// What the components share; all of it is cheap to copy.
#[derive(Clone, Copy)]
struct Page {
    desk: Desk,
    language: RwSignal<Language>,
    theme: RwSignal<Theme>,
    /// Panel that slid over the conversation, by its name in the style sheet.
    panel: RwSignal<Option<&'static str>>,
    dialog: RwSignal<Option<Open>>,
    /// Time, which moves while something counts down.
    now: RwSignal<u64>,
    /// Another number shows the begun text anew.
    turn: RwSignal<u32>,
    focus: RwSignal<bool>,
    at_end: StoredValue<bool>,
    copied: RwSignal<bool>,
    live: RwSignal<String>,
}

/// The page.
#[component]
#[expect(
    clippy::needless_pass_by_value,
    reason = "properties of a component are owned"
)]
pub(crate) fn App(
    /// Text that was typed before the program had loaded.
    begun: String,
    /// Whether the cursor was there.
    focused: bool,
) -> impl IntoView {
    let desk = Desk::new(&begun);
    let wish = store::text("pesan.language")
        .or_else(|| window().navigator().language())
        .unwrap_or_default();
    let hovers = window()
        .match_media("(hover: hover)")
        .ok()
        .flatten()
        .is_some_and(|query| query.matches());
    let page = Page {
        desk,
        language: RwSignal::new(Language::of_tag(&wish)),
        theme: RwSignal::new(Theme::of_name(store::text("pesan.theme").as_deref())),
        panel: RwSignal::new(None),
        dialog: RwSignal::new(None),
        now: RwSignal::new(clock::now()),
        turn: RwSignal::new(0),
        focus: RwSignal::new(focused || hovers),
        at_end: StoredValue::new(true),
        copied: RwSignal::new(false),
        live: RwSignal::new(String::new()),
    };
    if let Some(room) = navigation::room() {
        desk.act(|chat, now| chat.open(now, &room));
    }
    desk.connect();
    page.live();
    view! { {move || page.view(page.language.get().words())} }
}

impl Page {
    /// Everything that touches the world outside.
    fn live(self) {
        let desk = self.desk;
        keys::listen(Callback::new(move |wish| self.wish(wish)));
        navigation::listen(Callback::new(move |room: Option<String>| {
            self.panel.set(None);
            desk.act(|chat, now| chat.open(now, room.as_deref().unwrap_or(LOBBY)));
        }));
        let room = self.current();
        Effect::new(move |before: Option<String>| {
            let room = room.get();
            if before.is_some_and(|before| before != room) {
                navigation::go(
                    &room,
                    self.panel.get_untracked().is_some() || navigation::room().is_none(),
                );
                self.panel.set(None);
                self.turn.update(|turn| *turn += 1);
            }
            room
        });
        Effect::new(move |_| {
            let root = document().document_element();
            let Some(root) = root else { return };
            let theme = self.theme.get().name();
            let set = match theme {
                Some(theme) => root.set_attribute("data-theme", theme),
                None => root.remove_attribute("data-theme"),
            };
            set.unwrap_or_default();
            root.set_attribute("lang", self.language.get().words().locale)
                .unwrap_or_default();
        });
        let unread = Memo::new(move |_| desk.chat.with(Chat::unread));
        Effect::new(move |_| {
            let unread = unread.get();
            let title = if unread > 0 {
                ["(", &unread.to_string(), ") pesan"].concat()
            } else {
                "pesan".to_owned()
            };
            document().set_title(&title);
        });
        Effect::new(move |_| {
            desk.chat.track();
            self.read_out();
        });
        let visible = window_event_listener(leptos::ev::visibilitychange, move |_| {
            self.look();
            desk.keep(document().hidden());
        });
        let leaving = window_event_listener(leptos::ev::pagehide, move |_| desk.keep(true));
        let tick = set_interval_with_handle(move || self.tick(), Duration::from_secs(1)).ok();
        on_cleanup(move || {
            visible.remove();
            leaving.remove();
            if let Some(tick) = tick {
                tick.clear();
            }
        });
    }

    /// Id of the open room.
    fn current(self) -> Memo<String> {
        Memo::new(move |_| self.desk.chat.with(|chat| chat.room().room.id.clone()))
    }

    fn words(self) -> &'static Words {
        self.language.get_untracked().words()
    }

    fn tick(self) {
        let counts = matches!(self.desk.connection.get_untracked(), Connection::Waiting { .. })
            || self
                .desk
                .chat
                .with_untracked(|chat| chat.closing().is_some() || chat.comeback().is_some());
        if counts {
            self.now.set(clock::now());
        }
        self.desk.keep(false);
    }

    /// Tells the chat whether the newest message is seen.
    fn look(self) {
        let viewing = self.at_end.get_value() && !document().hidden();
        self.desk.act(|chat, _| chat.set_viewing(viewing));
    }

    /// Reads new messages out.
    fn read_out(self) {
        let (heard, more) = self
            .desk
            .chat
            .try_update_untracked(Chat::take_heard)
            .unwrap_or_default();
        if heard.is_empty() {
            return;
        }
        let mut said: Vec<String> = heard
            .into_iter()
            .map(|heard| {
                let text = folding::excerpt(&heard.text, 200);
                if heard.author.is_empty() {
                    text
                } else {
                    [heard.author.as_str(), ": ", &text].concat()
                }
            })
            .collect();
        if more > 0 {
            said.push(fill(self.words().more_heard, &[&more.to_string()]));
        }
        self.live.set([&said.join(". "), "."].concat());
    }

    fn wish(self, wish: Wish) {
        let full = self.desk.chat.with_untracked(|chat| chat.me().is_some());
        match wish {
            Wish::Find if full => self.dialog.set(Some(Open::Switcher)),
            Wish::Find => {}
            Wish::Help => self.dialog.set(Some(Open::Help)),
            Wish::Room { forward } => self.desk.act(|chat, now| chat.open_next(now, forward)),
            Wish::Close if self.dialog.get_untracked().is_some() => {}
            Wish::Close => self.close_panel(),
        }
    }

    fn open_panel(self, name: &'static str) {
        navigation::enter_panel();
        self.panel.set(Some(name));
        let panel = document()
            .query_selector([".side.", name, " .close"].concat().as_str())
            .ok()
            .flatten();
        request_animation_frame(move || super::focus(panel));
    }

    fn close_panel(self) {
        if let Some(name) = self.panel.get_untracked() {
            self.panel.set(None);
            navigation::back();
            super::focus(
                document()
                    .query_selector([".to-", name].concat().as_str())
                    .ok()
                    .flatten(),
            );
        }
    }

    fn remedy(self, remedy: Remedy) {
        match remedy {
            Remedy::Connect => self.desk.connect_now(),
            Remedy::ComeBack => self.desk.act(|chat, _| chat.come_back()),
            Remedy::Reload => {
                self.desk.keep(true);
                window().location().reload().unwrap_or_default();
            }
            Remedy::DismissAnnouncement => self.desk.act(|chat, _| chat.dismiss_announcement()),
            Remedy::DismissNotice => self.desk.act(|chat, _| chat.dismiss_notice()),
        }
    }

    fn act(self, act: &Act) {
        match *act {
            Act::Reply(key) => self.desk.act(|chat, _| chat.answer(Some(key))),
            Act::Copy(key) => {
                let text = self
                    .desk
                    .chat
                    .with_untracked(|chat| chat.text_of(key).map(str::to_owned));
                if let Some(text) = text {
                    self.copy(&text);
                }
            }
            Act::Retry(key) => self.desk.act(|chat, now| chat.retry(now, key)),
            Act::Discard(key) => self.desk.act(|chat, _| chat.discard(key)),
        }
    }

    fn copy(self, text: &str) {
        super::copy(text);
        self.copied.set(true);
        set_timeout(move || self.copied.set(false), Duration::from_secs(2));
    }

    fn set_language(self, language: Language) {
        store::set_text("pesan.language", Some(language.words().locale));
        // the dialog and the begun text are drawn anew in the other language
        self.turn.update(|turn| *turn += 1);
        self.language.set(language);
    }

    fn set_theme(self, theme: Theme) {
        store::set_text("pesan.theme", theme.name());
        self.theme.set(theme);
    }

    /// Everything that is seen, in one language.
    fn view(self, words: &'static Words) -> AnyView {
        let plain = Memo::new(move |_| self.desk.chat.with(|chat| *chat.server() == Server::Plain));
        view! {
            <div class="shell" class:plain=plain data-panel=move || self.panel.get()>
                {self.rooms(words)}
                <main class="conversation">
                    {self.header(words)}
                    {self.bars(words)}
                    {self.log(words)}
                    {self.ask(words)}
                    <p class="typing" aria-hidden="true">{self.typing(words)}</p>
                    {self.composer(words)}
                </main>
                {self.people(words)}
                <div class="scrim" on:click=move |_| self.close_panel()></div>
            </div>
            {move || self.dialog.get().map(|open| self.dialog(words, open))}
            <Live text=self.live />
            <p class="toast" role="status">{move || self.copied.get().then_some(words.copied)}</p>
        }
        .into_any()
    }

    fn rooms(self, words: &'static Words) -> AnyView {
        let desk = self.desk;
        let rooms = Memo::new(move |_| desk.chat.with(|chat| listed(chat, words)));
        let open = Callback::new(move |id: String| {
            if desk.chat.with_untracked(|chat| chat.room().room.id == id) {
                self.close_panel();
            }
            desk.act(|chat, now| chat.open(now, &id));
        });
        view! {
            <Rooms
                words
                rooms
                me=self.me()
                on_open=open
                on_create=Callback::new(move |name: String| desk.act(|chat, _| chat.create(&name)))
                on_find=Callback::new(move |()| self.dialog.set(Some(Open::Switcher)))
                on_settings=Callback::new(move |()| self.dialog.set(Some(Open::Settings)))
                on_close=Callback::new(move |()| self.close_panel())
            />
        }
        .into_any()
    }

    fn me(self) -> Memo<Option<Person>> {
        Memo::new(move |_| self.desk.chat.with(|chat| chat.me().cloned()))
    }

    fn header(self, words: &'static Words) -> AnyView {
        let desk = self.desk;
        let title = Memo::new(move |_| {
            desk.chat.with(|chat| {
                let room = chat.room();
                Title {
                    name: room_name(room, words),
                    here: chat.me().map(|_| room.people.len()),
                    leaves: chat.me().is_some() && room.room.kind == RoomKind::Open,
                }
            })
        });
        let elsewhere = Memo::new(move |_| desk.chat.with(|chat| chat.unread() - chat.room().unread()));
        let leave = Callback::new(move |()| {
            desk.act(|chat, now| {
                let room = chat.room().room.id.clone();
                chat.leave(now, &room);
            });
        });
        let link = Callback::new(move |()| {
            self.copy(&navigation::address(
                &desk.chat.with_untracked(|chat| chat.room().room.id.clone()),
            ));
        });
        view! {
            <Header
                words
                title
                connection=desk.connection
                elsewhere
                on_rooms=Callback::new(move |()| self.open_panel("rooms"))
                on_people=Callback::new(move |()| self.open_panel("people"))
                on_settings=Callback::new(move |()| self.dialog.set(Some(Open::Settings)))
                on_link=link
                on_leave=leave
            />
        }
        .into_any()
    }

    fn bars(self, words: &'static Words) -> AnyView {
        let chat = self.desk.chat;
        let news = Memo::new(move |_| {
            chat.with(|chat| News {
                announcement: chat.announcement().map(|announcement| announcement.text.clone()),
                closing: chat.closing().map(|(at, reason)| (at, reason.to_owned())),
                kicked: chat.kicked().map(str::to_owned),
                comeback: chat.comeback(),
                notice: chat.notice().cloned(),
                newer: chat.newer(),
                waiting: chat.waits(),
            })
        });
        let on_remedy = Callback::new(move |remedy| self.remedy(remedy));
        view! { <Bars words connection=self.desk.connection news now=self.now on_remedy /> }.into_any()
    }

    fn log(self, words: &'static Words) -> AnyView {
        let desk = self.desk;
        let chat = desk.chat;
        let today = chat.with_untracked(|chat| chat.day(clock::now()));
        let calendar = Calendar::new(words, today);
        let shown = Memo::new(move |_| {
            chat.with(|chat| Shown {
                room: chat.room().room.id.clone(),
                extent: Extent {
                    front: chat.room().timeline.front(),
                    len: chat.len(),
                },
                divider: chat.divider_row(),
            })
        });
        let head = Memo::new(move |_| {
            chat.with(|chat| {
                if chat.room().timeline.more_before() {
                    Head::Loading
                } else if !chat.is_empty() {
                    Head::Beginning
                } else if matches!(chat.server(), Server::Full { .. }) {
                    Head::Empty(words.empty_room)
                } else {
                    Head::Empty(words.empty_plain)
                }
            })
        });
        let fresh = Memo::new(move |_| chat.with(|chat| chat.room().fresh));
        let answers = Memo::new(move |_| chat.with(|chat| chat.me().is_some()));
        let rows = Callback::new(move |(start, end)| {
            chat.with(|chat| {
                let rows = chat.rows(start, end);
                rows.into_iter()
                    .map(|row| {
                        let day = chat.day(row.entry.at);
                        (row, day)
                    })
                    .collect()
            })
        });
        let on_end = Callback::new(move |at_end| {
            self.at_end.set_value(at_end);
            self.look();
        });
        let on_start = Callback::new(move |()| {
            if chat.with_untracked(Chat::has_older) {
                desk.act(|chat, _| chat.older());
            }
        });
        view! {
            <Log
                words
                calendar
                shown
                head
                fresh
                answers
                rows
                find=Callback::new(move |seq| chat.with_untracked(|chat| chat.row_of(seq)))
                on_act=Callback::new(move |act| self.act(&act))
                on_end
                on_start
            />
        }
        .into_any()
    }

    /// What the person is asked before writing: a token, or on a first visit a name.
    fn ask(self, words: &'static Words) -> AnyView {
        let desk = self.desk;
        let token = Memo::new(move |_| desk.connection.with(Connection::wants_token));
        let guest = Memo::new(move |_| {
            desk.chat.with(|chat| {
                chat.me()
                    .filter(|_| chat.wished_name().is_none())
                    .map(|me| me.name.clone())
            })
        });
        let form = move || {
            if token.get() {
                let tried = desk.token_tried.get();
                let on_token = Callback::new(move |token: String| desk.use_token(&token));
                return Some(view! { <TokenForm words tried on_token /> }.into_any());
            }
            let given = guest.get()?;
            let kept = given.clone();
            let stay = view! {
                <button
                    type="button"
                    class="button quiet"
                    on:click=move |_| desk.act(|chat, _| chat.set_wished_name(Some(kept.clone())))
                >
                    {fill(words.later, &[&given])}
                </button>
            };
            let form = self.name_form(
                words,
                "first-name",
                words.ask_name,
                String::new(),
                Some(stay.into_any()),
            );
            Some(view! { <div class="ask">{form}</div> }.into_any())
        };
        form.into_any()
    }

    fn name_form(
        self,
        words: &'static Words,
        id: &'static str,
        caption: &'static str,
        name: String,
        beside: Option<AnyView>,
    ) -> AnyView {
        let desk = self.desk;
        let renamed = Memo::new(move |_| desk.chat.with(|chat| chat.renamed().cloned()));
        let on_name = Callback::new(move |name: String| desk.act(|chat, _| chat.rename(&name)));
        view! { <NameForm words id caption name renamed on_name beside=beside.into_any() /> }.into_any()
    }

    fn typing(self, words: &'static Words) -> Memo<String> {
        Memo::new(move |_| {
            self.desk.chat.with(|chat| {
                let names: Vec<&str> = chat.room().typists.names().collect();
                match names[..] {
                    [] => String::new(),
                    [one] => fill(words.typing_one, &[one]),
                    [one, two] => fill(words.typing_two, &[one, two]),
                    [_, _, _, ..] => words.typing_many.to_owned(),
                }
            })
        })
    }

    fn composer(self, words: &'static Words) -> AnyView {
        let desk = self.desk;
        let begun = Signal::derive(move || Begun {
            turn: self.turn.get(),
            text: desk.chat.with_untracked(|chat| chat.room().draft.clone()),
            focus: self.focus.get(),
        });
        let answering = Memo::new(move |_| desk.chat.with(|chat| chat.room().answering.clone()));
        let limit = Memo::new(move |_| desk.chat.with(Chat::text_chars));
        let on_send = Callback::new(move |text: String| {
            let mut taken = false;
            desk.act(|chat, now| taken = chat.submit(now, &text));
            taken
        });
        let on_input = Callback::new(move |text: String| {
            let now = clock::now();
            let wants = desk.chat.try_update_untracked(|chat| {
                chat.set_draft(&text);
                !text.trim().is_empty() && chat.wants_typing(now)
            });
            if wants == Some(true) {
                desk.act(Chat::typing);
            }
        });
        let on_cancel = Callback::new(move |()| desk.act(|chat, _| chat.answer(None)));
        view! { <Composer words begun answering limit on_send on_input on_cancel /> }.into_any()
    }

    fn people(self, words: &'static Words) -> AnyView {
        let desk = self.desk;
        let people = Memo::new(move |_| desk.chat.with(|chat| chat.room().people.clone()));
        let on_direct = Callback::new(move |person: String| desk.act(|chat, _| chat.direct(&person)));
        let on_close = Callback::new(move |()| self.close_panel());
        view! { <People words people me=self.me() on_direct on_close /> }.into_any()
    }

    fn dialog(self, words: &'static Words, open: Open) -> AnyView {
        let desk = self.desk;
        let (heading, content) = match open {
            Open::Help => (words.help, help(words)),
            Open::Settings => {
                desk.act(|chat, _| chat.dismiss_renamed());
                let me = desk
                    .chat
                    .with_untracked(|chat| chat.me().map(|me| me.name.clone()));
                let name = me.map(|name| self.name_form(words, "name", words.your_name, name, None));
                let content = view! {
                    <Settings
                        words
                        name
                        language=self.language.get_untracked()
                        theme=self.theme.get_untracked()
                        on_language=Callback::new(move |language| self.set_language(language))
                        on_theme=Callback::new(move |theme| self.set_theme(theme))
                    />
                };
                (words.settings, content.into_any())
            }
            Open::Switcher => {
                let targets = desk.chat.with_untracked(|chat| targets(chat, words));
                let on_pick = Callback::new(move |target| {
                    self.dialog.set(None);
                    desk.act(|chat, now| match &target {
                        Target::Room(id) => chat.open(now, id),
                        Target::Person(id) => chat.direct(id),
                    });
                });
                (
                    words.find_room,
                    view! { <Switcher words targets on_pick /> }.into_any(),
                )
            }
        };
        let on_close = Callback::new(move |()| self.dialog.set(None));
        view! { <Dialog heading close=words.close on_close content /> }.into_any()
    }
}

fn room_name(room: &RoomState, words: &Words) -> String {
    match room.room.kind {
        RoomKind::Lobby => words.lobby.to_owned(),
        RoomKind::Open | RoomKind::Direct => room.room.name.clone(),
    }
}

fn listed(chat: &Chat, words: &Words) -> Vec<Listed> {
    let open = &chat.room().room.id;
    chat.listed()
        .map(|room| Listed {
            id: room.room.id.clone(),
            name: room_name(room, words),
            kind: room.room.kind,
            with: room.room.with.clone(),
            last: room
                .room
                .last
                .as_ref()
                .map(|last| folding::excerpt(&last.text, 60))
                .unwrap_or_default(),
            unread: room.unread(),
            open: room.room.id == *open,
            inside: room.membership != Membership::Outside || room.room.kind == RoomKind::Lobby,
        })
        .collect()
}

/// All that the finder finds: rooms, then people who are present anywhere.
fn targets(chat: &Chat, words: &Words) -> Vec<(String, Target)> {
    let mut targets: Vec<(String, Target)> = chat
        .listed()
        .map(|room| (room_name(room, words), Target::Room(room.room.id.clone())))
        .collect();
    let me = chat.me().map(|me| me.id.as_str()).unwrap_or_default();
    let mut people: Vec<&Person> = chat
        .rooms()
        .iter()
        .flat_map(|room| &room.people)
        .filter(|person| person.id != me)
        .collect();
    people.sort_by(|a, b| a.id.cmp(&b.id));
    people.dedup_by(|a, b| a.id == b.id);
    targets.extend(
        people
            .into_iter()
            .map(|person| (person.name.clone(), Target::Person(person.id.clone()))),
    );
    targets
}
