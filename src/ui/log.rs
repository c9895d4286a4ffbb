//! The list of messages: only what is seen is drawn, and nothing jumps.

use std::cell::{Cell, RefCell};

use pesan::chat::Server;
use pesan::chat::scroll::{Extent, Scroll, Window};
use pesan::chat::words::fill;

use super::browser::{ResizeObserver, Wake};
use super::clock::Calendar;
use super::dom::{El, part};
use super::list::List;
use super::page::Page;
use super::row::{Line, Rows};
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
    rows: RefCell<Rows>,
    observer: ResizeObserver,
}

impl Log {
    /// List of the open room's rows; another language makes another one.
    pub(crate) fn begin(page: &'static Page, shell: &El) {
        let words = page.words();
        let frame = shell.at(".log-frame");
        let place = frame.at(".head");
        place.bind(page, "class", |state| Some(head(state).0.to_owned()));
        place.says(page, |state| Some(head(state).1.to_owned()));
        let away: fn(&State) -> _ = |state| (!state.at_end).then(String::new);
        part(page, frame.at("template"), away, newest);
        let measured = Wake::new(move |_| {
            if let Some(log) = page.log.get() {
                log.measured();
                // rows that turned out low may leave the screen half empty
                page.draw_later(None);
            }
        });
        let log: &'static Self = Box::leak(Box::new(Self {
            log: frame.at(".log"),
            before: frame.at(".space"),
            list: RefCell::new(List::new(frame.at(".rows"))),
            after: frame.at(".rows + .space"),
            scroll: RefCell::new(Scroll::new(GUESS)),
            room: RefCell::default(),
            first: Cell::default(),
            rows: RefCell::new(Rows::new(words, Calendar::new(words))),
            observer: ResizeObserver::new(&measured),
        }));
        measured.forget();
        page.log.set(Some(log));
        log.start(page);
    }

    /// Follows the open room.
    fn start(&'static self, page: &'static Page) {
        self.observer.observe(&self.log);
        let (mut last, mut reached) = (None, None);
        page.follow(Box::new(move || {
            let (room, extent, divider) = page.look(shown);
            if *self.room.borrow() != room {
                self.room.replace(room);
                self.scroll.replace(Scroll::new(GUESS));
                page.look_again(Some(true));
                (last, reached) = (None, None);
            }
            let seen = Some((extent, divider));
            if seen == last {
                return self.draw(page);
            }
            last = seen;
            self.scroll.borrow_mut().follow(extent);
            self.measure_frame();
            let at_end = self.scroll.borrow().at_end();
            // who has been there and went on to the end stays at the end
            let (line, fresh) = page.look(|state| {
                let room = state.chat.room();
                (room.divider, room.fresh)
            });
            if let Some(row) = divider.filter(|_| at_end && (fresh > 0 || line != reached)) {
                self.scroll.borrow_mut().to_row(row, ABOVE);
            }
            reached = line;
            self.draw(page);
            self.settle();
        }));
    }

    /// Whether it is this element that scrolls.
    pub(crate) fn is(&self, element: &El) -> bool {
        self.log == *element
    }

    /// The person scrolled.
    pub(crate) fn scrolled(&self, page: &'static Page) {
        let (top, furthest) = (self.top(), self.furthest());
        self.scroll.borrow_mut().scrolled(top, furthest);
        self.draw(page);
        self.set_spaces();
    }

    /// Goes to the message of an order number, or to the newest row.
    pub(crate) fn to(&self, page: &'static Page, seq: Option<u64>) {
        match seq {
            None => self.scroll.borrow_mut().to_end(),
            Some(seq) => match page.look(|state| state.chat.row_of(seq)) {
                Some(row) => self.scroll.borrow_mut().to_row(row, ABOVE),
                None => return,
            },
        }
        self.draw(page);
        self.settle();
    }

    /// Draws what is seen.
    pub(crate) fn draw(&self, page: &'static Page) {
        let Window { start, end, .. } = self.scroll.borrow().window();
        self.first.set(start);
        let lines = page.look(|state| lines(state, start, end));
        let mut list = self.list.borrow_mut();
        if list.show(lines, &mut |line| self.rows.borrow_mut().draw(line)) {
            // what was drawn is measured before it is seen: watching anew reports at the next layout
            self.observer.unobserve(list.place());
            self.observer.observe(list.place());
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
        let mut row = self.list.borrow().place().el("firstChild");
        let mut at = self.first.get();
        while let Some(measured) = row {
            let height = measured.rectangle().number("height");
            self.scroll.borrow_mut().measured(at, height);
            at += 1;
            row = measured.el("nextSibling");
        }
        self.settle();
    }

    fn measure_frame(&self) {
        let height = self.log.number("clientHeight");
        let head = self.before.number("offsetTop");
        self.scroll.borrow_mut().resized(height, head);
    }

    /// Puts the scroll bar where the list stands.
    fn settle(&self) {
        self.set_spaces();
        let top = self.scroll.borrow().top();
        let target = top.unwrap_or_else(|| self.furthest());
        if (self.top() - target).abs() >= 1.0 {
            self.log.put_number("scrollTop", target.round());
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
        self.log.number("scrollTop")
    }

    fn furthest(&self) -> f64 {
        self.log.number("scrollHeight") - self.log.number("clientHeight")
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
    let today = chat.day(state.now);
    let mut lines = Vec::new();
    for row in chat.rows(start, end) {
        lines.push(Line {
            ago: today - chat.day(row.entry.at),
            open: state.unfolded.contains(&row.entry.key),
            answers: state.full(),
            row,
        });
    }
    lines
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
fn newest(page: &'static Page, button: &El) {
    button.bind(page, "class", |state| {
        let fresh = state.chat.room().fresh > 0;
        Some(if fresh { "to-newest new" } else { "to-newest" }.to_owned())
    });
    button.at("span").says(page, |state| {
        let words = state.words();
        let fresh = state.chat.room().fresh;
        Some(if fresh > 0 {
            fill(words.new_below, &[&fresh.to_string()])
        } else {
            words.to_newest.to_owned()
        })
    });
}

fn set_height(element: &El, pixels: f64) {
    // to a 64th, which is as exact as browsers lay out
    let units = (pixels * 64.0) as u64;
    element.style("height", &["calc(", &units.to_string(), "px / 64)"].concat());
}
