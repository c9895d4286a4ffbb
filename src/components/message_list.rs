//! List of messages: only what is near the screen is drawn, and what one reads stays where it is.
//!
//! [`VirtualList`] decides which rows are drawn and where the scroll bar belongs; this component draws them, measures
//! them before they are painted, and moves the scroll bar.

use std::collections::HashSet;

use leptos::ev::{self, KeyboardEvent};
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement, ResizeObserver};

use super::copy_dialog::copy as copy_text;
use super::icon::{Icon, IconName};
use super::message_item::{MessageItem, MessageRow, RowActions};
use crate::chat::i18n::Strings;
use crate::chat::timeline_item::TimelineRow;
use crate::chat::virtual_list::{ListExtent, VirtualList, VisibleRange};
use crate::chat::{ChatState, Server};
use crate::composables::focus::focus;
use crate::composables::row_signals::{KeyedRow, use_row_signals};
use crate::composables::today::use_today;
use crate::contexts::chat::{Chat, use_chat};
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::use_layout;
use crate::protocol::RoomKind;

/// Height of a row that was never drawn, in pixels.
const ESTIMATED_HEIGHT: u32 = 28;

/// Pixels above a row that is scrolled to.
const SCROLL_MARGIN: f64 = 48.0;

/// List of the messages of the open room.
#[component]
pub fn MessageList() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let layout = use_layout();
    let list = ListView::new(chat);
    let expanded = RwSignal::new(HashSet::new());
    let today = use_today(chat);
    let rows = use_rows(chat, list.range, today, expanded);
    list.follow(rows);

    let copy = move |key: u64| {
        let Some(text) = chat.with_untracked(|state| state.text_of(key).map(str::to_owned)) else {
            return;
        };
        copy_text(text, layout, i18n);
    };
    let reply = move |key: u64| {
        chat.reply_to(Some(key));
        layout.focus_composer();
    };
    let actions = RowActions {
        reply: Callback::new(reply),
        copy: Callback::new(copy),
        retry: Callback::new(move |key| chat.retry(key)),
        discard: Callback::new(move |key| chat.discard(key)),
        expand: Callback::new(move |key| {
            expanded.write().insert(key);
        }),
        show_quoted: Callback::new(move |seq| chat.show_message(seq)),
    };
    let on_key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let focused = document()
            .active_element()
            .and_then(|element| element.closest("[data-key]").ok().flatten());
        let key = focused
            .as_ref()
            .and_then(|row| row.get_attribute("data-key"))
            .and_then(|key| key.parse::<u64>().ok());
        let handled = match (event.key().as_str(), key) {
            ("ArrowUp", Some(_)) => focus(focused.and_then(|row| row.previous_element_sibling())),
            ("ArrowDown", Some(_)) => focus(focused.and_then(|row| row.next_element_sibling())),
            ("End", _) => {
                list.scroll_to_end();
                true
            }
            ("ArrowUp", None) => focus(
                list.rows
                    .get_untracked()
                    .and_then(|rows| rows.last_element_child()),
            ),
            ("r" | "R", Some(key)) => {
                reply(key);
                true
            }
            ("c" | "C", Some(key)) => {
                copy(key);
                true
            }
            _ => false,
        };
        if handled {
            event.prevent_default();
        }
    };
    let is_excerpt = chat.select(|state| state.room().excerpt.is_some());
    let start = Memo::new(move |_| chat.with(log_start));
    let unseen = chat.select(|state| state.room().unseen_count);
    let at_end = list.at_end;
    view! {
        <div class="log-frame">
            <div
                class="log"
                role="log"
                aria-live="off"
                aria-label=i18n.text(|s| s.messages)
                tabindex="0"
                node_ref=list.log
                on:scroll=move |_| list.scrolled()
                on:keydown=on_key
            >
                <p class="log-start" class:empty=move || start.with(LogStart::is_empty)>
                    {move || start.with(|start| start.text(i18n.strings()))}
                </p>
                <div class="spacer" node_ref=list.before></div>
                <div class="rows" node_ref=list.rows>
                    <For each=move || rows.get() key=|(key, _)| *key let((_, row))>
                        <MessageItem row=row actions=actions />
                    </For>
                </div>
                <div class="spacer" node_ref=list.after></div>
            </div>
            <Show when=move || !at_end.get() || is_excerpt.get()>
                <button
                    type="button"
                    class="to-newest"
                    class:new=move || unseen.get() != 0
                    on:click=move |_| list.scroll_to_end()
                >
                    <Icon name=IconName::ArrowDown />
                    <span>
                        {move || match unseen.get() {
                            0 => i18n.strings().to_newest.to_owned(),
                            count => (i18n.strings().new_below)(u64::from(count)),
                        }}
                    </span>
                </button>
            </Show>
        </div>
    }
}

/// What stands above the first row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum LogStart {
    LoadingOlder,
    Beginning,
    /// The server is not known yet, or does not let this person in.
    Nothing,
    EmptyLobby,
    EmptyRoom,
    EmptyDirect(String),
    EmptyBasic,
}

impl LogStart {
    fn is_empty(&self) -> bool {
        match self {
            Self::EmptyLobby | Self::EmptyRoom | Self::EmptyDirect(_) | Self::EmptyBasic => true,
            Self::LoadingOlder | Self::Beginning | Self::Nothing => false,
        }
    }

    fn text(&self, strings: &Strings) -> String {
        match self {
            Self::LoadingOlder => strings.loading_older,
            Self::Beginning => strings.beginning,
            Self::Nothing => "",
            Self::EmptyLobby => strings.empty_lobby,
            Self::EmptyRoom => strings.empty_room,
            Self::EmptyDirect(name) => return (strings.empty_direct)(name),
            Self::EmptyBasic => strings.empty_basic,
        }
        .to_owned()
    }
}

fn log_start(state: &ChatState) -> LogStart {
    if state.room().shown().more_before() {
        LogStart::LoadingOlder
    } else if !state.is_empty() {
        LogStart::Beginning
    } else {
        match (state.server(), state.room().room.kind) {
            (Server::Unknown, _) => LogStart::Nothing,
            (Server::Basic, _) => LogStart::EmptyBasic,
            (Server::Extended { .. }, RoomKind::Lobby) => LogStart::EmptyLobby,
            (Server::Extended { .. }, RoomKind::Open) => LogStart::EmptyRoom,
            (Server::Extended { .. }, RoomKind::Direct) => {
                LogStart::EmptyDirect(state.room().room.name.clone())
            }
        }
    }
}

/// Rows in a range.
fn use_rows(
    chat: Chat,
    range: RwSignal<VisibleRange>,
    today: ReadSignal<i64>,
    expanded: RwSignal<HashSet<u64>>,
) -> Memo<Vec<KeyedRow<u64, MessageRow>>> {
    use_row_signals(move || {
        let VisibleRange { start, end, .. } = range.get();
        let today = today.get();
        let expanded = expanded.read();
        chat.with(|state| {
            let can_reply = matches!(state.server(), Server::Extended { .. });
            let target = state.room().target.map(|(seq, _)| seq);
            let rows = state.rows(start, end).into_iter().map(|row| {
                let key = row.item.key;
                let row = MessageRow {
                    days_ago: today - state.day(row.item.at),
                    is_expanded: expanded.contains(&key),
                    can_reply,
                    is_target: target.is_some() && row.item.seq() == target,
                    tint: author_tint(state, &row),
                    row,
                };
                (key, row)
            });
            rows.collect()
        })
    })
}

/// Number of the colour of a row's author; 0 for a row without one.
fn author_tint(state: &ChatState, row: &TimelineRow) -> u32 {
    let author = row.item.message().and_then(|message| message.author.as_ref());
    author.map_or(0, |author| state.tint(&author.id))
}

/// Elements of the list, and where it is scrolled to; copy it into closures.
#[derive(Clone, Copy)]
struct ListView {
    chat: Chat,
    log: NodeRef<Div>,
    /// Takes the height of the rows before those that are drawn.
    before: NodeRef<Div>,
    rows: NodeRef<Div>,
    /// Takes the height of the rows after those that are drawn.
    after: NodeRef<Div>,
    range: RwSignal<VisibleRange>,
    at_end: RwSignal<bool>,
    /// All rows are drawn while the page is printed.
    is_printing: StoredValue<bool>,
    list: StoredValue<VirtualList, LocalStorage>,
    observer: StoredValue<Option<Observer>, LocalStorage>,
}

/// `ResizeObserver` with its callback; disconnected when dropped.
struct Observer {
    observer: ResizeObserver,
    _callback: Closure<dyn FnMut()>,
}

impl Observer {
    fn new(callback: impl FnMut() + 'static) -> Option<Self> {
        let callback = Closure::new(callback);
        let observer = ResizeObserver::new(callback.as_ref().unchecked_ref()).ok()?;
        Some(Self {
            observer,
            _callback: callback,
        })
    }

    /// Reports the size of an element at the next layout, before it is painted, and whenever it changes.
    fn observe_again(&self, element: &Element) {
        self.observer.unobserve(element);
        self.observer.observe(element);
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// What of the state moves the list.
#[derive(Debug, Clone, PartialEq)]
struct Followed {
    room: String,
    extent: ListExtent,
    unread_row: Option<usize>,
    unread_marker: Option<u64>,
    unseen_count: u32,
    /// Another view has other rows.
    view: u64,
    is_excerpt: bool,
    /// Row to scroll to, and a number that changes with each wish.
    target: Option<(usize, u64)>,
    /// How many messages the person has written.
    submissions: u64,
}

impl Followed {
    fn of(state: &ChatState) -> Self {
        let room = state.room();
        Self {
            room: room.room.id.clone(),
            extent: ListExtent {
                front: room.shown().front(),
                len: state.len(),
            },
            unread_row: state.unread_marker_row(),
            unread_marker: room.unread_marker,
            unseen_count: room.unseen_count,
            view: room.shown().view(),
            is_excerpt: room.excerpt.is_some(),
            target: room
                .target
                .and_then(|(seq, nonce)| Some((state.row_of(seq)?, nonce))),
            submissions: state.submissions(),
        }
    }
}

impl ListView {
    fn new(chat: Chat) -> Self {
        Self {
            chat,
            log: NodeRef::new(),
            before: NodeRef::new(),
            rows: NodeRef::new(),
            after: NodeRef::new(),
            range: RwSignal::new(VisibleRange::default()),
            at_end: RwSignal::new(true),
            is_printing: StoredValue::new(false),
            list: StoredValue::new_local(VirtualList::new(ESTIMATED_HEIGHT)),
            observer: StoredValue::new_local(None),
        }
    }

    /// Follows the open room and the size of what is drawn.
    fn follow(self, rows: Memo<Vec<KeyedRow<u64, MessageRow>>>) {
        Effect::new(move || {
            if let Some(log) = self.log.get() {
                let observer = Observer::new(move || self.measure());
                if let Some(observer) = &observer {
                    observer.observer.observe(&log);
                }
                self.observer.set_value(observer);
            }
        });
        let followed = self.chat.select(Followed::of);
        Effect::watch(
            move || followed.get(),
            move |now, before: Option<&Followed>, _| {
                let is_other_room = before.is_none_or(|before| before.room != now.room);
                if is_other_room || before.is_some_and(|before| before.view != now.view) {
                    self.list.set_value(VirtualList::new(ESTIMATED_HEIGHT));
                    self.set_at_end(true);
                }
                self.list.update_value(|list| {
                    if now.is_excerpt {
                        // newer messages go below what one reads
                        list.hold();
                    }
                    list.follow(now.extent);
                });
                self.measure_frame();
                // who has read on to the end from the first new message stays at the end
                let reached = before
                    .filter(|_| !is_other_room)
                    .and_then(|before| before.unread_marker);
                let jumps = now.unseen_count > 0 || now.unread_marker != reached;
                if let Some(row) = now
                    .unread_row
                    .filter(|_| jumps && self.list.with_value(VirtualList::at_end))
                {
                    self.list.update_value(|list| list.to_row(row, SCROLL_MARGIN));
                }
                let wish = before.and_then(|before| before.target.map(|(_, nonce)| nonce));
                if let Some((row, nonce)) = now.target
                    && wish != Some(nonce)
                {
                    self.list.update_value(|list| list.to_row(row, SCROLL_MARGIN));
                }
                if before.is_some_and(|before| before.submissions != now.submissions) {
                    self.list.update_value(VirtualList::to_end);
                }
                self.draw();
                self.settle();
                if is_other_room {
                    self.update_viewing();
                }
            },
            true,
        );
        Effect::new(move || {
            // read, not only tracked: a memo that nobody has read does not follow its sources
            rows.with(|_| ());
            // measured at the next layout, before the new rows are painted
            if let Some(rows) = self.rows.get() {
                self.observer.with_value(|observer| {
                    if let Some(observer) = observer {
                        observer.observe_again(&rows);
                    }
                });
            }
        });
        let visibility = window_event_listener(ev::visibilitychange, move |_| self.update_viewing());
        let before_print = window_event_listener(ev::beforeprint, move |_| self.set_printing(true));
        let after_print = window_event_listener(ev::afterprint, move |_| self.set_printing(false));
        on_cleanup(move || {
            visibility.remove();
            before_print.remove();
            after_print.remove();
        });
    }

    fn set_printing(self, is_printing: bool) {
        self.is_printing.set_value(is_printing);
        self.draw();
        self.set_spacers();
    }

    /// Rows to draw.
    fn window(self) -> VisibleRange {
        if self.is_printing.get_value() {
            VisibleRange {
                end: self.chat.with_untracked(ChatState::len),
                ..VisibleRange::default()
            }
        } else {
            self.list.with_value(VirtualList::window)
        }
    }

    /// The person scrolled.
    fn scrolled(self) {
        let Some(log) = self.log.get_untracked() else {
            return;
        };
        self.list
            .update_value(|list| list.scrolled(f64::from(log.scroll_top()), furthest(&log)));
        self.draw();
        self.set_spacers();
    }

    fn scroll_to_end(self) {
        if self.chat.with_untracked(|state| state.room().excerpt.is_some()) {
            self.chat.show_newest();
            return;
        }
        self.list.update_value(VirtualList::to_end);
        self.draw();
        self.settle();
    }

    /// Draws the rows that are near the screen, and loads older ones where the history begins.
    fn draw(self) {
        let range = self.window();
        if self.range.with_untracked(|shown| *shown != range) {
            self.range.set(range);
        }
        self.set_at_end(self.list.with_value(VirtualList::at_end));
        if self.is_printing.get_value() {
            return;
        }
        if range.start == 0 && self.chat.with_untracked(ChatState::has_older) {
            self.chat.load_older();
        }
        let len = self.chat.with_untracked(ChatState::len);
        if range.end >= len && self.chat.with_untracked(ChatState::has_newer) {
            self.chat.load_newer();
        }
    }

    fn set_at_end(self, at_end: bool) {
        if self.at_end.get_untracked() != at_end {
            self.at_end.set(at_end);
            self.update_viewing();
        }
    }

    /// Tells the chat whether the newest message is on screen.
    fn update_viewing(self) {
        self.chat
            .set_viewing(self.at_end.get_untracked() && !document().hidden());
    }

    /// Takes the heights of the rows that are drawn.
    fn measure(self) {
        self.measure_frame();
        let Some(rows) = self.rows.get_untracked() else {
            return;
        };
        let first = self.range.with_untracked(|range| range.start);
        let children = rows.children();
        let mut changed = false;
        self.list.update_value(|list| {
            for index in 0..children.length() {
                if let Some(row) = children.item(index) {
                    changed |= list.measured(first + index as usize, row.get_bounding_client_rect().height());
                }
            }
        });
        self.settle();
        if changed {
            // rows that turned out low may leave the screen half empty
            request_animation_frame(move || {
                if !self.range.is_disposed() {
                    self.draw();
                }
            });
        }
    }

    fn measure_frame(self) {
        if let (Some(log), Some(before)) = (self.log.get_untracked(), self.before.get_untracked()) {
            self.list.update_value(|list| {
                list.resized(f64::from(log.client_height()), f64::from(before.offset_top()));
            });
        }
    }

    /// Moves the scroll bar to where the list stands.
    fn settle(self) {
        self.set_spacers();
        let Some(log) = self.log.get_untracked() else {
            return;
        };
        let target = self
            .list
            .with_value(VirtualList::top)
            .unwrap_or_else(|| furthest(&log));
        if (f64::from(log.scroll_top()) - target).abs() >= 1.0 {
            log.set_scroll_top(target.round() as i32);
        }
        self.list
            .update_value(|list| list.set_top(f64::from(log.scroll_top())));
    }

    /// Gives the rows that are not drawn their height.
    fn set_spacers(self) {
        let range = self.window();
        for (spacer, pixels) in [(self.before, range.before), (self.after, range.after)] {
            if let Some(spacer) = spacer.get_untracked()
                && HtmlElement::style(&spacer)
                    .set_property("height", &format!("calc({}px / 64)", (pixels * 64.0) as u64))
                    .is_err()
            {
                leptos::logging::warn!("the list does not take its height");
            }
        }
    }
}

/// Furthest that the list can be scrolled, in pixels.
fn furthest(log: &Element) -> f64 {
    f64::from(log.scroll_height() - log.client_height())
}
