//! Lists of elements, each drawn anew only when what it shows has changed.

use pesan::chat::words::Words;

use super::act::Act;
use super::dom::{El, active};
use super::page::Page;
use super::state::State;

/// What an entry of the page's lists shows.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Item {
    /// Whom or what it stands for, by id.
    pub(crate) id: String,
    /// Name.
    pub(crate) name: String,
    /// Small text below.
    pub(crate) about: String,
    /// Id of the person whose face it has; nobody's when empty.
    pub(crate) face: String,
    /// Number beside it.
    pub(crate) count: u64,
    /// Whether it is the open one, the chosen one, or oneself.
    pub(crate) marked: bool,
    /// What choosing it does, when that is not the same for all.
    pub(crate) act: Option<Act>,
}

impl El {
    /// Has a list of elements, one for each thing that `look` finds.
    #[inline(never)]
    pub(crate) fn list(
        &self,
        page: &'static Page,
        look: fn(&State) -> Vec<Item>,
        draw: fn(&'static Words, &Item) -> Self,
    ) {
        let mut list = List::new(self.clone());
        page.follow(Box::new(move || {
            let things = page.look(look);
            list.show(things, &mut |thing| draw(page.words(), thing));
        }));
    }
}

/// Elements of a list, and what they show.
pub(crate) struct List<T> {
    shown: Vec<T>,
    elements: Elements,
}

impl<T: PartialEq> List<T> {
    /// List that is empty, in an element of its own.
    pub(crate) fn new(place: El) -> Self {
        Self {
            shown: Vec::new(),
            elements: Elements {
                place,
                drawn: Vec::new(),
            },
        }
    }

    /// Element that the list is in.
    pub(crate) fn place(&self) -> &El {
        &self.elements.place
    }

    /// Shows these things; returns whether anything changed.
    pub(crate) fn show(&mut self, things: Vec<T>, draw: &mut dyn FnMut(&T) -> El) -> bool {
        let known = |new: usize, old: usize| things.get(new) == self.shown.get(old);
        let changed = self
            .elements
            .show(things.len(), &known, &mut |at| things.get(at).map(&mut *draw));
        self.shown = things;
        changed
    }
}

/// Elements of a list, by number.
struct Elements {
    place: El,
    drawn: Vec<Option<El>>,
}

impl Elements {
    /// Takes over what is known of before, draws the rest, and puts all of it in order; returns whether anything changed.
    #[inline(never)]
    fn show(
        &mut self,
        count: usize,
        known: &dyn Fn(usize, usize) -> bool,
        draw: &mut dyn FnMut(usize) -> Option<El>,
    ) -> bool {
        if count == self.drawn.len() && (0..count).all(|at| known(at, at)) {
            return false;
        }
        let mut drawn = Vec::with_capacity(count);
        for new in 0..count {
            let mut old = self.drawn.iter_mut().enumerate();
            let taken = old.find(|(at, element)| element.is_some() && known(new, *at));
            drawn.push(
                taken
                    .and_then(|(_, element)| element.take())
                    .or_else(|| draw(new)),
            );
        }
        let gone = std::mem::replace(&mut self.drawn, drawn);
        place(&self.place, &gone, &self.drawn);
        true
    }
}

/// Makes elements the children of one, in order; what had the cursor keeps it, if it is drawn again.
fn place(parent: &El, gone: &[Option<El>], children: &[Option<El>]) {
    let held = active().filter(|active| parent.contains(active));
    for old in gone.iter().flatten() {
        old.remove();
    }
    let mut at = parent.el("firstChild");
    for child in children.iter().flatten() {
        if at.as_ref() == Some(child) {
            at = child.el("nextSibling");
        } else {
            parent.insert_before(child, at.as_ref());
        }
    }
    if let Some(held) = held.filter(|held| active().as_ref() != Some(held)) {
        let meant = meaning(&held);
        let same = |element: &El| meant.is_some() && meaning(element) == meant;
        let mut entries = children.iter().flatten();
        // what stands for something is the entry itself, or a button in it
        let again = entries.find_map(|entry| {
            let within = || entry.query("[data-of]").filter(|found| same(found));
            if same(entry) {
                Some(entry.clone())
            } else {
                within()
            }
        });
        if let Some(again) = again {
            again.focus();
        }
    }
}

/// What an element stands for: the key of a line, or an id.
fn meaning(element: &El) -> Option<String> {
    let key = element.attribute("data-key");
    key.or_else(|| element.attribute("data-of"))
}
