//! The list of messages: only what is seen is drawn, and nothing jumps.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use pesan::chat::Server;
use pesan::chat::scroll::{Extent, Scroll, Window};
use pesan::chat::words::{Words, fill};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlElement, ResizeObserver};

use super::act::Act;
use super::clock::{self, Calendar};
use super::dom::{El, List, done, el};
use super::icon::{DOWN, icon};
use super::page::Page;
use super::row::{Line, row};
use super::state::State;

/// Likely height of a row, in pixels.
const GUESS: u32 = 28;

/// Pixels above a row that is gone to.
const ABOVE: f64 = 48.0;

/// What is seen of the list, and where it stands.
pub(crate) struct Log {
    log: El,
    /// Takes the room of the rows before those that are drawn.
    before: El,
    list: RefCell<List<Line>>,
    /// Takes the room of the rows after them.
    after: El,
    scroll: RefCell<Scroll>,
    room: RefCell<String>,
    /// First row that is drawn.
    first: Cell<usize>,
    words: &'static Words,
    calendar: Calendar,
    observer: Observer,
}

impl Log {
    /// List of the open room's rows, and the element that it is in; nothing is drawn yet.
    pub(crate) fn new(page: &Rc<Page>) -> (Rc<Self>, El) {
        let words = page.words();
        let today = page.look(|state| state.chat.day(clock::now()));
        let (before, list, after) = (el("div", "space"), el("div", "rows"), el("div", "space"));
        let head = el("p", "head")
            .bind(page, "class", |state| Some(head(state).0.to_owned()))
            .says(page, |state| Some(head(state).1.to_owned()));
        let log = el("div", "log")
            .attr("role", "log")
            .attr("aria-live", "off")
            .attr("aria-label", words.log)
            .attr("tabindex", "0")
            .add(head)
            .add(before.clone())
            .add(list.clone())
            .add(after.clone());
        let frame = el("div", "log-frame")
            .add(log.clone())
            .part(page, |state| state.at_end, newest, done);
        let drawing = Rc::downgrade(page);
        let this = Rc::new_cyclic(|this: &std::rc::Weak<Self>| {
            let this = this.clone();
            let measured = move || {
                if let (Some(this), Some(page)) = (this.upgrade(), drawing.upgrade()) {
                    this.measured();
                    // rows that turned out low may leave the screen half empty
                    page.draw_later();
                }
            };
            Self {
                log,
                before,
                list: RefCell::new(List::new(list)),
                after,
                scroll: RefCell::new(Scroll::new(GUESS)),
                room: RefCell::default(),
                first: Cell::default(),
                words,
                calendar: Calendar::new(words, today),
                observer: Observer::new(measured),
            }
        });
        (this, frame)
    }

    /// Follows the open room; the list has to be in the document.
    pub(crate) fn start(self: &Rc<Self>, page: &Rc<Page>) {
        self.observer.watch(&self.log);
        let (this, following) = (Rc::clone(self), Rc::clone(page));
        let mut last = None;
        page.follow(Box::new(move || {
            let page = &following;
            let (room, extent, divider) = page.look(shown);
            if *this.room.borrow() != room {
                this.room.replace(room);
                this.scroll.replace(Scroll::new(GUESS));
                page.look_again(Some(true));
                last = None;
            }
            let seen = Some((extent, divider));
            if seen == last {
                return this.draw(page);
            }
            last = seen;
            this.scroll.borrow_mut().follow(extent);
            this.measure_frame();
            let at_end = this.scroll.borrow().at_end();
            if let Some(row) = divider.filter(|_| at_end) {
                this.scroll.borrow_mut().to_row(row, ABOVE);
            }
            this.draw(page);
            this.settle();
        }));
    }

    /// Whether it is this element that scrolls.
    pub(crate) fn is(&self, element: &El) -> bool {
        self.log == *element
    }

    /// The person scrolled.
    pub(crate) fn scrolled(&self, page: &Rc<Page>) {
        let (top, furthest) = (self.top(), self.furthest());
        self.scroll.borrow_mut().scrolled(top, furthest);
        self.draw(page);
        self.set_spaces();
    }

    /// Goes to the newest row.
    pub(crate) fn to_end(&self, page: &Rc<Page>) {
        self.scroll.borrow_mut().to_end();
        self.draw(page);
        self.settle();
    }

    /// Goes to the message of an order number.
    pub(crate) fn to_message(&self, page: &Rc<Page>, seq: u64) {
        if let Some(row) = page.look(|state| state.chat.row_of(seq)) {
            self.scroll.borrow_mut().to_row(row, ABOVE);
            self.draw(page);
            self.settle();
        }
    }

    /// Draws what is seen.
    pub(crate) fn draw(&self, page: &Rc<Page>) {
        let Window { start, end, .. } = self.scroll.borrow().window();
        self.first.set(start);
        let lines = page.look(|state| lines(state, start, end));
        let mut list = self.list.borrow_mut();
        if list.show(lines, &mut |line| row(line, self.words, &self.calendar)) {
            // what was drawn is measured before it is seen: watching anew reports at the next layout
            self.observer.watch(list.place());
        }
        drop(list);
        let at_end = self.scroll.borrow().at_end();
        if page.look(|state| state.at_end) != at_end {
            page.look_again(Some(at_end));
        }
        if start == 0 && page.look(|state| state.chat.has_older()) {
            page.change(&mut |state, _| state.chat.older());
        }
    }

    /// Takes the heights of the rows that are drawn.
    fn measured(&self) {
        self.measure_frame();
        let first = self.first.get();
        let rows = self.list.borrow().place().0.children();
        for at in 0..rows.length() {
            if let Some(row) = rows.item(at) {
                let height = row.get_bounding_client_rect().height();
                self.scroll.borrow_mut().measured(first + at as usize, height);
            }
        }
        self.settle();
    }

    fn measure_frame(&self) {
        let height = f64::from(self.log.0.client_height());
        let head = f64::from(self.before.0.unchecked_ref::<HtmlElement>().offset_top());
        self.scroll.borrow_mut().resized(height, head);
    }

    /// Puts the scroll bar where the list stands.
    fn settle(&self) {
        self.set_spaces();
        let top = self.scroll.borrow().top();
        let target = top.unwrap_or_else(|| self.furthest());
        if (self.top() - target).abs() >= 1.0 {
            self.log.0.set_scroll_top(target.round() as i32);
        }
        self.scroll.borrow_mut().set_top(self.top());
    }

    /// Gives the rows that are not drawn their room.
    fn set_spaces(&self) {
        let Window { before, after, .. } = self.scroll.borrow().window();
        set_height(&self.before, before);
        set_height(&self.after, after);
    }

    fn top(&self) -> f64 {
        f64::from(self.log.0.scroll_top())
    }

    fn furthest(&self) -> f64 {
        f64::from(self.log.0.scroll_height() - self.log.0.client_height())
    }
}

/// Id of the open room, how much of it there is, and the row that comes first into view when it is opened.
fn shown(state: &State) -> (String, Extent, Option<usize>) {
    let chat = &state.chat;
    let extent = Extent {
        front: chat.room().timeline.front(),
        len: chat.len(),
    };
    (state.room().to_owned(), extent, chat.divider_row())
}

fn lines(state: &State, start: usize, end: usize) -> Vec<Line> {
    let chat = &state.chat;
    let rows = chat.rows(start, end).into_iter();
    rows.map(|row| Line {
        day: chat.day(row.entry.at),
        open: state.unfolded.contains(&row.entry.key),
        answers: state.full(),
        row,
    })
    .collect()
}

/// What stands above the first row, and how it looks.
fn head(state: &State) -> (&'static str, &'static str) {
    let words = state.words();
    if state.chat.room().timeline.more_before() {
        ("head", words.loading)
    } else if !state.chat.is_empty() {
        ("head", words.beginning)
    } else if matches!(state.chat.server(), Server::Full { .. }) {
        ("head empty", words.empty_room)
    } else {
        ("head empty", words.empty_plain)
    }
}

/// Button to the newest row, while that is not in view.
fn newest(page: &Rc<Page>, at_end: &bool) -> Option<El> {
    let text = el("span", "").says(page, |state| {
        let words = state.words();
        let fresh = state.chat.room().fresh;
        Some(if fresh > 0 {
            fill(words.new_below, &[&fresh.to_string()])
        } else {
            words.to_newest.to_owned()
        })
    });
    let class = |state: &State| {
        let fresh = state.chat.room().fresh > 0;
        Some(if fresh { "to-newest new" } else { "to-newest" }.to_owned())
    };
    (!at_end).then(|| {
        el("button", "to-newest")
            .bind(page, "class", class)
            .act(Act::Newest, "")
            .add(icon(DOWN))
            .add(text)
    })
}

fn set_height(element: &El, pixels: f64) {
    // to a 64th, which is as exact as browsers lay out
    let units = (pixels * 64.0) as u64;
    element.set_style("height", &["calc(", &units.to_string(), "px / 64)"].concat());
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
    fn watch(&self, element: &El) {
        if let Some(observer) = &self.observer {
            observer.unobserve(&element.0);
            observer.observe(&element.0);
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
