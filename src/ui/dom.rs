//! Elements of the page, made by small functions that exist once.
//!
//! A view macro would make a type of every piece of the page, and code for each. Here an element is a handle, what
//! changes is a function of the [`State`], and Leptos runs it: see [`super::page::Page::effect`].

use std::rc::Rc;

use js_sys::{JsString, Object, Reflect};
use leptos::prelude::{Owner, document, window};
use pesan::chat::words::Words;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement, HtmlInputElement};

use super::act::Act;
use super::page::Page;
use super::state::State;

/// Element of the page.
#[derive(Clone, PartialEq)]
pub(crate) struct El(pub(crate) Element);

/// New element.
#[inline(never)]
pub(crate) fn el(tag: &str, class: &str) -> El {
    let element = El(document().create_element(tag).expect("a name of an element"));
    if class.is_empty() {
        element
    } else {
        element.attr("class", class)
    }
}

/// New element of SVG.
#[inline(never)]
pub(crate) fn svg(tag: &str) -> El {
    let space = Some("http://www.w3.org/2000/svg");
    El(document()
        .create_element_ns(space, tag)
        .expect("a name of an element"))
}

/// Element of an id.
pub(crate) fn by_id(id: &str) -> Option<El> {
    document().get_element_by_id(id).map(El)
}

/// First element that a selector finds.
pub(crate) fn find(selector: &str) -> Option<El> {
    document().query_selector(selector).ok().flatten().map(El)
}

/// Element that has the cursor.
pub(crate) fn active() -> Option<El> {
    document().active_element().map(El)
}

impl El {
    /// Sets an attribute.
    #[inline(never)]
    pub(crate) fn attr(self, name: &str, value: &str) -> Self {
        self.set(name, Some(value));
        self
    }

    /// Adds a text at the end.
    #[inline(never)]
    pub(crate) fn text(self, text: &str) -> Self {
        self.0.append_with_str_1(text).unwrap_or_default();
        self
    }

    /// Adds an element at the end.
    #[inline(never)]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an element that was just made is not used again"
    )]
    pub(crate) fn add(self, child: Self) -> Self {
        self.0.append_child(&child.0).map(drop).unwrap_or_default();
        self
    }

    /// Adds an element at the end, if there is one.
    #[inline(never)]
    pub(crate) fn add_some(self, child: Option<Self>) -> Self {
        match child {
            Some(child) => self.add(child),
            None => self,
        }
    }

    /// Names what a click on it means, and of what.
    #[inline(never)]
    pub(crate) fn act(self, act: Act, of: &str) -> Self {
        let named = self.attr("data-act", act.name());
        if of.is_empty() {
            named
        } else {
            named.attr("data-of", of)
        }
    }

    /// Puts it after another one.
    pub(crate) fn after(&self, other: &Self) {
        other.0.after_with_node_1(&self.0).unwrap_or_default();
    }

    /// Value of an attribute; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> String {
        self.0.get_attribute(name).unwrap_or_default()
    }

    /// Sets an attribute or takes it away; without a name, sets the text.
    #[inline(never)]
    pub(crate) fn set(&self, name: &str, value: Option<&str>) {
        match value {
            _ if name.is_empty() => self.0.set_text_content(value),
            Some(value) => self.0.set_attribute(name, value).unwrap_or_default(),
            None => self.0.remove_attribute(name).unwrap_or_default(),
        }
    }

    /// Sets a property of the style.
    pub(crate) fn set_style(&self, name: &str, value: &str) {
        let style = self.0.unchecked_ref::<HtmlElement>().style();
        style.set_property(name, value).unwrap_or_default();
    }

    /// Nearest element that a selector finds: this one, or one around it.
    pub(crate) fn closest(&self, selector: &str) -> Option<Self> {
        self.0.closest(selector).ok().flatten().map(Self)
    }

    /// Puts the cursor on it.
    pub(crate) fn focus(&self) {
        self.0.unchecked_ref::<HtmlElement>().focus().unwrap_or_default();
    }

    /// What is written in a field.
    pub(crate) fn value(&self) -> String {
        // a text area has the same property
        self.0.unchecked_ref::<HtmlInputElement>().value()
    }

    /// Writes something in a field.
    pub(crate) fn set_value(&self, value: &str) {
        self.0.unchecked_ref::<HtmlInputElement>().set_value(value);
    }

    /// Takes an attribute from the state, or, without a name, the text.
    #[inline(never)]
    pub(crate) fn bind(
        self,
        page: &Rc<Page>,
        name: &'static str,
        look: fn(&State) -> Option<String>,
    ) -> Self {
        let at = self.clone();
        let mut last = None;
        page.effect(Box::new(move |state| {
            let seen = Some(look(state));
            if seen != last {
                at.set(name, seen.as_ref().and_then(Option::as_deref));
                last = seen;
            }
        }));
        self
    }

    /// Takes its text from the state.
    pub(crate) fn says(self, page: &Rc<Page>, look: fn(&State) -> Option<String>) -> Self {
        self.bind(page, "", look)
    }

    /// Is there only while the state says so.
    #[inline(never)]
    pub(crate) fn shown(self, page: &Rc<Page>, look: fn(&State) -> bool) -> Self {
        let at = self.clone();
        page.effect(Box::new(move |state| {
            at.set("hidden", if look(state) { None } else { Some("") });
        }));
        self
    }

    /// Has an element at its end that is drawn anew whenever what `look` sees has changed; `then` is called with each
    /// new one when it is in its place.
    pub(crate) fn part<T: PartialEq + 'static>(
        self,
        page: &Rc<Page>,
        look: fn(&State) -> T,
        draw: fn(&Rc<Page>, &T) -> Option<Self>,
        then: fn(&Rc<Page>, &Self),
    ) -> Self {
        let mut part = Part::at_end_of(&self);
        let mut last = None;
        let drawing = Rc::clone(page);
        page.follow(Box::new(move || {
            let seen = drawing.look(look);
            if last.as_ref() != Some(&seen) {
                part.put(&drawing, &mut || draw(&drawing, &seen), then);
                last = Some(seen);
            }
        }));
        self
    }
}

impl El {
    /// Has a list of elements, one for each thing that `look` finds.
    pub(crate) fn list<T: PartialEq + 'static>(
        self,
        page: &Rc<Page>,
        look: fn(&State) -> Vec<T>,
        draw: fn(&'static Words, &T) -> Self,
    ) -> Self {
        let mut list = List::new(self.clone());
        page.effect(Box::new(move |state| {
            let words = state.words();
            list.show(look(state), &mut |thing| draw(words, thing));
        }));
        self
    }
}

/// Place for one element that comes and goes, and the owner of what lives in it.
struct Part {
    anchor: El,
    shown: Option<El>,
    inside: Owner,
}

impl Part {
    #[inline(never)]
    fn at_end_of(parent: &El) -> Self {
        let anchor = document().create_comment("");
        parent.0.append_child(&anchor).map(drop).unwrap_or_default();
        Self {
            // a comment is moved about like an element
            anchor: El(anchor.unchecked_into()),
            shown: None,
            inside: Owner::current().unwrap_or_default().child(),
        }
    }

    #[inline(never)]
    fn put(&mut self, page: &Rc<Page>, draw: &mut dyn FnMut() -> Option<El>, then: fn(&Rc<Page>, &El)) {
        self.inside.cleanup();
        if let Some(old) = self.shown.take() {
            old.0.remove();
        }
        self.shown = self.inside.with(draw);
        if let Some(new) = &self.shown {
            new.after(&self.anchor);
            self.inside.with(|| then(page, new));
        }
    }
}

/// Elements of a list, each drawn anew only when what it shows has changed.
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
        if things == self.shown {
            return false;
        }
        let known = |new: usize, old: usize| things.get(new) == self.shown.get(old);
        self.elements
            .show(things.len(), &known, &mut |at| things.get(at).map(&mut *draw));
        self.shown = things;
        true
    }
}

/// Elements of a list, by number.
struct Elements {
    place: El,
    drawn: Vec<Option<El>>,
}

impl Elements {
    /// Takes over what is known of before, draws the rest, and puts all of it in order.
    #[inline(never)]
    fn show(
        &mut self,
        count: usize,
        known: &dyn Fn(usize, usize) -> bool,
        draw: &mut dyn FnMut(usize) -> Option<El>,
    ) {
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
    }
}

/// Makes elements the children of one, in order; what had the cursor keeps it, if it is drawn again.
fn place(parent: &El, gone: &[Option<El>], children: &[Option<El>]) {
    let held = active().filter(|active| parent.0.contains(Some(&active.0)));
    for old in gone.iter().flatten() {
        old.0.remove();
    }
    let mut at = parent.0.first_child();
    for child in children.iter().flatten() {
        if at.as_ref().is_some_and(|at| *at == *child.0) {
            at = child.0.next_sibling();
        } else {
            parent
                .0
                .insert_before(&child.0, at.as_ref())
                .map(drop)
                .unwrap_or_default();
        }
    }
    if let Some(held) = held.filter(|held| active().as_ref() != Some(held)) {
        let of = held.get("data-of");
        let again = parent.0.query_selector_all("[data-of]").ok();
        let mut again = again
            .iter()
            .flat_map(|all| (0..all.length()).filter_map(|at| all.item(at)));
        if let Some(again) =
            again.find_map(|node| Some(El(node.unchecked_into())).filter(|el| el.get("data-of") == of))
        {
            again.focus();
        }
    }
}

/// Text in small letters.
pub(crate) fn lowercase(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
}

/// Object of JavaScript with these texts.
pub(crate) fn object(entries: &[(&str, &str)]) -> Object {
    let object = Object::new();
    for (name, value) in entries {
        Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value)).unwrap_or_default();
    }
    object
}

/// Nothing more to do with a part that was drawn.
pub(crate) fn done(_page: &Rc<Page>, _part: &El) {}

/// Puts the cursor into the first field of a part that was drawn.
pub(crate) fn enter(_page: &Rc<Page>, part: &El) {
    if let Some(field) = part.0.query_selector("input").ok().flatten() {
        El(field).focus();
    }
}

/// Says something to who looks at the browser's console.
pub(crate) fn warn(text: &str) {
    web_sys::console::warn_1(&JsValue::from_str(text));
}

/// Asks for a function to be called at the next frame.
pub(crate) fn next_frame(run: &js_sys::Function) {
    window()
        .request_animation_frame(run)
        .map(drop)
        .unwrap_or_default();
}
