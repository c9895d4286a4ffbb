//! The list of messages: only what is seen is drawn, and nothing jumps.

use std::collections::HashSet;

use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Div;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use leptos::web_sys::{Element, HtmlElement, ResizeObserver};
use pesan::chat::entry::Row;
use pesan::chat::scroll::{Extent, Scroll, Window};
use pesan::chat::words::{Words, fill};

use super::clock::Calendar;
use super::icon::{DOWN, icon};
use super::row::{Setting, row_view};

/// Likely height of a row, in pixels.
const GUESS: u32 = 28;

/// What a list has: which room it shows, and how much of it there is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Shown {
    /// Id of the room.
    pub(crate) room: String,
    /// Rows that it has.
    pub(crate) extent: Extent,
    /// Row that comes first into view when the room is opened.
    pub(crate) divider: Option<usize>,
}

/// What stands above the first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// Older messages are on their way, or will be when one scrolls up.
    Loading,
    /// Nothing came before.
    Beginning,
    /// There is nothing at all.
    Empty(&'static str),
}

/// What was done to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Answer it.
    Reply(u64),
    /// Copy its text.
    Copy(u64),
    /// Try to send it again.
    Retry(u64),
    /// Give it up.
    Discard(u64),
}

/// List of the open room's rows.
#[component]
#[expect(
    clippy::needless_pass_by_value,
    reason = "properties of a component are owned"
)]
pub(crate) fn Log(
    words: &'static Words,
    calendar: Calendar,
    #[prop(into)] shown: Signal<Shown>,
    #[prop(into)] head: Signal<Head>,
    #[prop(into)] fresh: Signal<u32>,
    #[prop(into)] answers: Signal<bool>,
    /// Rows from the first number up to the second, with the number of their day.
    rows: Callback<(usize, usize), Vec<(Row, i64)>>,
    /// Row of an order number.
    find: Callback<u64, Option<usize>>,
    on_act: Callback<Act>,
    /// The newest row came into view, or went out of it.
    on_end: Callback<bool>,
    /// The oldest row came near.
    on_start: Callback<()>,
) -> impl IntoView {
    let log = NodeRef::<Div>::new();
    let list = NodeRef::<Div>::new();
    let above = NodeRef::<Div>::new();
    let below = NodeRef::<Div>::new();
    let scroll = StoredValue::new(Scroll::new(GUESS));
    let room = StoredValue::new(String::new());
    let drawn = RwSignal::new((0_usize, 0_usize));
    let at_end = RwSignal::new(true);
    let opened = RwSignal::new(HashSet::<u64>::new());

    let view = Memo::new(move |_| {
        let (start, end) = drawn.get();
        rows.run((start, end))
    });

    // gives the rows that are not drawn their room
    let set_spaces = move || {
        let window = scroll.with_value(Scroll::window);
        if let (Some(above), Some(below)) = (above.get_untracked(), below.get_untracked()) {
            set_height(&above, window.before);
            set_height(&below, window.after);
        }
    };
    // puts the scroll bar where the list stands
    let settle = move || {
        set_spaces();
        let Some(log) = log.get_untracked() else { return };
        let top = scroll.with_value(Scroll::top);
        let target = top.unwrap_or_else(|| f64::from(log.scroll_height() - log.client_height()));
        if (f64::from(log.scroll_top()) - target).abs() >= 1.0 {
            log.set_scroll_top(target.round() as i32);
        }
        let top = f64::from(log.scroll_top());
        scroll.update_value(|scroll| scroll.set_top(top));
    };
    // draws what is seen
    let draw = move || {
        let Window { start, end, .. } = scroll.with_value(Scroll::window);
        if drawn.get_untracked() != (start, end) {
            drawn.set((start, end));
        }
        let end = scroll.with_value(Scroll::at_end);
        if at_end.get_untracked() != end {
            at_end.set(end);
            on_end.run(end);
        }
        if start == 0 {
            on_start.run(());
        }
    };
    let measure_frame = move || {
        let (Some(log), Some(above)) = (log.get_untracked(), above.get_untracked()) else {
            return;
        };
        let (height, head) = (f64::from(log.client_height()), f64::from(above.offset_top()));
        scroll.update_value(|scroll| scroll.resized(height, head));
    };

    let observer = StoredValue::new_local(Observer::new(move || {
        measure_frame();
        let start = drawn.get_untracked().0;
        let Some(list) = list.get_untracked() else { return };
        let rows = list.children();
        scroll.update_value(|scroll| {
            for at in 0..rows.length() {
                if let Some(row) = rows.item(at) {
                    scroll.measured(start + at as usize, row.get_bounding_client_rect().height());
                }
            }
        });
        settle();
        // rows that turned out low may leave the screen half empty
        request_animation_frame(draw);
    }));

    Effect::new(move |_| {
        let shown = shown.get();
        if room.with_value(|room| *room != shown.room) {
            room.set_value(shown.room.clone());
            scroll.set_value(Scroll::new(GUESS));
            at_end.set(true);
            on_end.run(true);
            opened.update(HashSet::clear);
        }
        scroll.update_value(|scroll| scroll.follow(shown.extent));
        measure_frame();
        if let Some(row) = shown.divider.filter(|_| scroll.with_value(Scroll::at_end)) {
            scroll.update_value(|scroll| scroll.to_row(row, 48.0));
        }
        draw();
        settle();
    });
    Effect::new(move |_| {
        if let Some(log) = log.get() {
            observer.with_value(|observer| observer.watch(&log));
        }
    });
    // rows that were drawn are measured before they are seen: watching anew reports at the next layout
    Effect::new(move |_| {
        view.track();
        opened.track();
        if let Some(list) = list.get() {
            observer.with_value(|observer| observer.watch(&list));
        }
    });

    let on_scroll = move |_| {
        let Some(log) = log.get_untracked() else { return };
        let top = f64::from(log.scroll_top());
        let furthest = f64::from(log.scroll_height() - log.client_height());
        scroll.update_value(|scroll| scroll.scrolled(top, furthest));
        draw();
        set_spaces();
    };
    let to_end = move |_| {
        scroll.update_value(Scroll::to_end);
        draw();
        settle();
    };
    let act = move |name: &str, row: &Element, button: Option<&Element>| {
        let Some(key) = number(row, "data-key") else {
            return;
        };
        match name {
            "reply" => on_act.run(Act::Reply(key)),
            "copy" => on_act.run(Act::Copy(key)),
            "retry" => on_act.run(Act::Retry(key)),
            "discard" => on_act.run(Act::Discard(key)),
            "more" => opened.update(|opened| {
                opened.insert(key);
            }),
            "goto" => {
                let place = button
                    .and_then(|button| number(button, "data-seq"))
                    .and_then(|seq| find.run(seq));
                if let Some(row) = place {
                    scroll.update_value(|scroll| scroll.to_row(row, 48.0));
                    draw();
                    settle();
                }
            }
            _ => {}
        }
    };
    let on_click = move |event: MouseEvent| {
        let Some(target) = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
        else {
            return;
        };
        let button = target.closest("[data-act]").ok().flatten();
        let row = target.closest("[data-key]").ok().flatten();
        if let (Some(button), Some(row)) = (button, row) {
            act(
                &button.get_attribute("data-act").unwrap_or_default(),
                &row,
                Some(&button),
            );
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let active = document().active_element();
        let row = active.and_then(|active| active.closest("[data-key]").ok().flatten());
        let to = match (event.key().as_str(), &row) {
            ("ArrowUp", Some(row)) => row.previous_element_sibling(),
            ("ArrowDown", Some(row)) => row.next_element_sibling(),
            ("ArrowUp", None) => list.get_untracked().and_then(|list| list.last_element_child()),
            ("r" | "R", Some(row)) => return act("reply", row, None),
            ("c" | "C", Some(row)) => return act("copy", row, None),
            _ => return,
        };
        if let Some(to) = to.and_then(|to| to.dyn_into::<HtmlElement>().ok()) {
            event.prevent_default();
            to.focus().unwrap_or_default();
        }
    };
    let head = move || {
        let (class, text) = match head.get() {
            Head::Loading => ("head", words.loading),
            Head::Beginning => ("head", words.beginning),
            Head::Empty(text) => ("head empty", text),
        };
        view! { <p class=class>{text}</p> }.into_any()
    };
    let newest = move || {
        (!at_end.get()).then(|| {
            let fresh = fresh.get();
            let text =
                if fresh > 0 { fill(words.new_below, &[&fresh.to_string()]) } else { words.to_newest.to_owned() };
            view! { <button class="to-newest" class:new=fresh.gt(&0) on:click=to_end>{icon(DOWN)}{text}</button> }.into_any()
        })
    };
    view! {
        <div class="log-frame">
            <div
                class="log"
                role="log"
                aria-live="off"
                aria-label=words.log
                tabindex="0"
                node_ref=log
                on:scroll=on_scroll
                on:click=on_click
                on:keydown=on_key
            >
                {head}
                <div class="space" node_ref=above></div>
                <div class="rows" node_ref=list>
                    <For
                        each=move || {
                            let opened = opened.get();
                            let answers = answers.get();
                            view.get()
                                .into_iter()
                                .map(move |(row, day)| {
                                    let open = opened.contains(&row.entry.key);
                                    (row, day, open, answers)
                                })
                                .collect::<Vec<_>>()
                        }
                        key=|(row, _, open, answers)| (row.stamp(), *open, *answers)
                        children={
                            let calendar = calendar.clone();
                            move |(row, day, open, answers)| {
                                row_view(&row, &Setting { words, calendar: calendar.clone(), day, open, answers })
                            }
                        }
                    />
                </div>
                <div class="space" node_ref=below></div>
            </div>
            {newest}
        </div>
    }
}

fn set_height(element: &HtmlElement, pixels: f64) {
    let value = [pixels.to_string().as_str(), "px"].concat();
    element.style().set_property("height", &value).unwrap_or_default();
}

fn number(element: &Element, attribute: &str) -> Option<u64> {
    element.get_attribute(attribute)?.parse().ok()
}

/// Tells when something that is watched has another size, before it is painted.
struct Observer {
    observer: Option<ResizeObserver>,
    _changed: Closure<dyn FnMut()>,
}

impl Observer {
    fn new(changed: impl FnMut() + 'static) -> Self {
        let changed = Closure::new(changed);
        let observer = ResizeObserver::new(changed.as_ref().unchecked_ref()).ok();
        Self {
            observer,
            _changed: changed,
        }
    }

    /// Watches an element and tells about it at the next layout, even if it was watched before.
    fn watch(&self, element: &Element) {
        if let Some(observer) = &self.observer {
            observer.unobserve(element);
            observer.observe(element);
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        if let Some(observer) = &self.observer {
            observer.disconnect();
        }
    }
}
