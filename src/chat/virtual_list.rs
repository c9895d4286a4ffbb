//! Virtual list: which rows of a long list are drawn, and where its scroll bar belongs.
//!
//! The list either follows its end, or keeps a row at its place on screen whatever changes around it.
//! Row numbers are relative to the first row ever drawn, so a row keeps its number when older ones are loaded.

use super::row_heights::{RowHeights, SubPixels};

/// Overscan: drawn beyond each edge of the screen.
const SPARE: SubPixels = 500 * SCALE;
/// Rows are drawn in groups of this size, so that not every step of scrolling draws.
const GROUP: i64 = 8;
/// A scroll position nearer than this to the end is at the end, in pixels.
const NEAR: f64 = 24.0;
const SCALE: SubPixels = 64;

/// Size of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListExtent {
    /// Number of rows that were put in front since the start.
    pub front: usize,
    /// Number of rows now.
    pub len: usize,
}

/// Rows that are drawn, and the height of the others.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct VisibleRange {
    /// First row that is drawn.
    pub start: usize,
    /// First row after those that are drawn.
    pub end: usize,
    /// Pixels before them.
    pub before: f64,
    /// Pixels after them.
    pub after: f64,
}

/// Virtual list.
#[derive(Debug, Clone)]
pub struct VirtualList {
    heights: RowHeights,
    front: usize,
    viewport: SubPixels,
    /// Height of the content above the first row, in pixels.
    head: f64,
    last_top: f64,
    place: Anchor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    /// Follows the newest row.
    End,
    /// The top of the screen is `delta` below the start of a row.
    At { row: i64, delta: SubPixels },
}

impl VirtualList {
    /// Follows the end of a list; `guess` is the height of a row that was never drawn, in pixels.
    #[must_use]
    pub fn new(guess: u32) -> Self {
        Self {
            heights: RowHeights::new(guess.saturating_mul(64)),
            front: 0,
            viewport: 800 * SCALE,
            head: 0.0,
            last_top: 0.0,
            place: Anchor::End,
        }
    }

    /// Whether the list follows its end.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.place == Anchor::End
    }

    /// Sets the size of the list.
    pub fn follow(&mut self, extent: ListExtent) {
        self.front = extent.front;
        self.heights.follow(extent.front, extent.len);
    }

    /// Sets the height of a drawn row in pixels; returns whether it changed.
    pub fn measured(&mut self, row: usize, height: f64) -> bool {
        let units = (height * 64.0).round().clamp(0.0, f64::from(u32::MAX));
        self.heights.set(row, units as u32)
    }

    /// Sets the height of the screen, and of the content above the first row, in pixels.
    pub fn resized(&mut self, viewport: f64, head: f64) {
        self.viewport = units(viewport);
        self.head = head;
    }

    /// Applies that the person scrolled to `top`, of at most `furthest` pixels.
    pub fn scrolled(&mut self, top: f64, furthest: f64) {
        let near_end = top + NEAR >= furthest;
        // the end may have moved down meanwhile; only scrolling up leaves it
        let up = top < self.last_top - 1.0;
        self.last_top = top;
        if near_end || (self.at_end() && !up) {
            self.place = Anchor::End;
            return;
        }
        let offset = units(top - self.head);
        let row = self.heights.row_at(offset.max(0));
        let delta = offset - self.heights.offset(row);
        self.place = Anchor::At {
            row: self.number(row),
            delta,
        };
    }

    /// Scrolls to the end.
    pub fn to_end(&mut self) {
        self.place = Anchor::End;
    }

    /// Stops following the end: what is on screen stays there.
    pub fn hold(&mut self) {
        if self.at_end() && !self.heights.is_empty() {
            let top = (self.heights.total() - self.viewport).max(0);
            let row = self.heights.row_at(top);
            self.place = Anchor::At {
                row: self.number(row),
                delta: top - self.heights.offset(row),
            };
        }
    }

    /// Scrolls to a row, `below` pixels below the top of the screen.
    pub fn to_row(&mut self, row: usize, below: f64) {
        let fits = self.heights.total() - self.heights.offset(row) + units(below) <= self.viewport;
        self.place = if fits {
            Anchor::End
        } else {
            Anchor::At {
                row: self.number(row),
                delta: -units(below),
            }
        };
    }

    /// Position of the scroll bar in pixels; `None` at the end.
    #[must_use]
    pub fn top(&self) -> Option<f64> {
        match self.place {
            Anchor::End => None,
            Anchor::At { row, delta } => {
                Some(self.head + pixels(self.heights.offset(self.index(row)) + delta))
            }
        }
    }

    /// Applies that the scroll bar was moved by the page.
    pub fn set_top(&mut self, top: f64) {
        self.last_top = top;
    }

    /// Rows to draw.
    #[must_use]
    pub fn window(&self) -> VisibleRange {
        let len = self.heights.len();
        let total = self.heights.total();
        let top = match self.place {
            Anchor::End => total - self.viewport,
            Anchor::At { row, delta } => self.heights.offset(self.index(row)) + delta,
        };
        let first = self.heights.row_at((top - SPARE).max(0));
        let last = self.heights.row_at((top + self.viewport + SPARE).max(0));
        let start = self.index(self.number(first).div_euclid(GROUP) * GROUP);
        let end = self
            .index((self.number(last).div_euclid(GROUP) + 1) * GROUP)
            .min(len);
        VisibleRange {
            start,
            end,
            before: pixels(self.heights.offset(start)),
            after: pixels(total - self.heights.offset(end)),
        }
    }

    fn number(&self, row: usize) -> i64 {
        i64::try_from(row).unwrap_or(i64::MAX / 4) - i64::try_from(self.front).unwrap_or(0)
    }

    fn index(&self, number: i64) -> usize {
        usize::try_from(number + i64::try_from(self.front).unwrap_or(0)).unwrap_or(0)
    }
}

fn units(pixels: f64) -> SubPixels {
    (pixels * 64.0) as SubPixels
}

fn pixels(units: SubPixels) -> f64 {
    units as f64 / 64.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(len: usize) -> VirtualList {
        let mut scroll = VirtualList::new(20);
        scroll.resized(400.0, 0.0);
        scroll.follow(ListExtent { front: 0, len });
        scroll
    }

    #[test]
    fn long_list_draws_only_visible_rows() {
        let scroll = list(100_000);
        let window = scroll.window();
        assert_eq!(window.end, 100_000);
        assert!(window.end - window.start < 100);
        assert!((window.before - 20.0 * window.start as f64).abs() < 0.01);
    }

    #[test]
    fn end_is_followed_until_scrolled_up() {
        let mut scroll = list(100);
        scroll.scrolled(1600.0, 1600.0);
        scroll.follow(ListExtent { front: 0, len: 200 });
        scroll.scrolled(1600.0, 3600.0);
        assert!(scroll.at_end(), "the list grew, nobody scrolled");
        scroll.scrolled(1500.0, 3600.0);
        assert!(!scroll.at_end());
        assert_eq!(scroll.top(), Some(1500.0));
        scroll.scrolled(3590.0, 3600.0);
        assert!(scroll.at_end());
    }

    #[test]
    fn anchor_row_stays_in_place_on_prepend_and_resize() {
        let mut scroll = list(100);
        scroll.scrolled(1600.0, 1600.0);
        scroll.scrolled(1010.0, 1600.0);
        scroll.follow(ListExtent { front: 50, len: 150 });
        assert_eq!(scroll.top(), Some(2010.0));
        assert!(scroll.measured(0, 120.0));
        assert_eq!(scroll.top(), Some(2110.0));
        assert!(scroll.measured(149, 500.0));
        assert_eq!(scroll.top(), Some(2110.0));
    }

    #[test]
    fn visible_rows_after_prepend_are_unchanged() {
        let mut scroll = list(100);
        scroll.scrolled(1600.0, 1600.0);
        scroll.scrolled(1000.0, 1600.0);
        let before = scroll.window();
        scroll.follow(ListExtent { front: 50, len: 150 });
        let after = scroll.window();
        assert_eq!((after.start, after.end), (before.start + 50, before.end + 50));
    }

    #[test]
    fn reveal_row_near_end_scrolls_to_end() {
        let mut scroll = list(100);
        scroll.to_row(95, 40.0);
        assert!(scroll.at_end());
        scroll.to_row(20, 40.0);
        assert_eq!(scroll.top(), Some(360.0));
    }

    #[test]
    fn held_list_stays_in_place_when_rows_are_appended() {
        let mut scroll = list(100);
        scroll.hold();
        assert_eq!(scroll.top(), Some(1600.0));
        scroll.follow(ListExtent { front: 0, len: 150 });
        assert_eq!(scroll.top(), Some(1600.0));
    }

    #[test]
    fn empty_list_draws_nothing() {
        let window = list(0).window();
        assert_eq!(window, VisibleRange::default());
    }
}
