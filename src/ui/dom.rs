//! Elements of the page: pieces of the markup in `index.html`, and what of them follows from the [`State`].
//!
//! A view macro would make a type of every piece of the page, and code for each. Here a piece is a copy of a template,
//! what changes is a function of the state, and Leptos runs it: see [`Page::follow`].

use leptos::prelude::{Owner, document, window};
use pesan::chat::words::Words;
use wasm_bindgen::{JsCast, JsValue};

pub(crate) use super::browser::El;
use super::page::Page;
use super::state::State;

/// What something shows of the state, if it shows anything.
pub(crate) type Look = fn(&State) -> Option<String>;

/// Attributes that hold words; an element without any has them as its text.
const LABELS: [&str; 3] = ["aria-label", "title", "placeholder"];

/// First element that a selector finds.
pub(crate) fn find(selector: &str) -> Option<El> {
    doc().query(selector)
}

/// Element that has the cursor.
pub(crate) fn active() -> Option<El> {
    doc().el("activeElement")
}

/// Document.
pub(crate) fn doc() -> El {
    document().unchecked_into()
}

/// Part of the window: its history, its location, its navigator.
pub(crate) fn of_window(name: &str) -> El {
    let window: El = window().unchecked_into();
    window.el(name).expect("every browser has it")
}

/// Copy of a template's content, in a language.
#[inline(never)]
pub(crate) fn copy_of(template: &El, words: &Words) -> El {
    let content = template.el("content").expect("templates have content");
    let copy = content.clone_node(true);
    while let Some(element) = copy.query("[data-en]") {
        if words.locale == "en" {
            let english = element.get("data-en");
            let mut labelled = false;
            for name in &LABELS {
                if element.attribute(name).is_some() {
                    element.set(name, Some(&english));
                    labelled = true;
                }
            }
            if !labelled {
                element.write(&english);
            }
        }
        element.remove_attribute("data-en");
    }
    copy.el("firstElementChild").expect("templates have content")
}

/// Copy of the template of an id.
pub(crate) fn piece(selector: &str, words: &Words) -> El {
    copy_of(&doc().at(selector), words)
}

impl El {
    /// Element inside that a selector finds.
    #[inline(never)]
    pub(crate) fn at(&self, selector: &str) -> Self {
        self.query(selector).expect("the markup has it")
    }

    /// Takes out what a selector finds.
    #[inline(never)]
    pub(crate) fn without(&self, selector: &str) {
        self.at(selector).remove();
    }

    /// Has this text and nothing else.
    #[inline(never)]
    pub(crate) fn write(&self, text: &str) {
        self.put("textContent", text);
    }

    /// Adds a text at the end.
    pub(crate) fn add_text(&self, text: &str) {
        self.append(&JsValue::from_str(text));
    }

    /// Value of an attribute; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> String {
        self.attribute(name).unwrap_or_default()
    }

    /// Sets an attribute or takes it away; without a name, sets the text.
    #[inline(never)]
    pub(crate) fn set(&self, name: &str, value: Option<&str>) {
        match value {
            _ if name.is_empty() => self.write(value.unwrap_or_default()),
            Some(value) => self.set_attribute(name, value),
            None => self.remove_attribute(name),
        }
    }

    /// Sets a property of the style.
    pub(crate) fn style(&self, name: &str, value: &str) {
        if let Some(style) = self.el("style") {
            style.put(name, value);
        }
    }

    /// Takes an attribute from the state, or, without a name, the text.
    #[inline(never)]
    pub(crate) fn bind(&self, page: &'static Page, name: &'static str, look: Look) {
        let mut slot = Slot::new(self, name);
        page.follow(Box::new(move || slot.show(page.look(look))));
    }

    /// Takes its text from the state.
    pub(crate) fn says(&self, page: &'static Page, look: Look) {
        self.bind(page, "", look);
    }

    /// Is there only while the state says so.
    #[inline(never)]
    pub(crate) fn shown(&self, page: &'static Page, look: fn(&State) -> bool) {
        let mut slot = Slot::new(self, "hidden");
        page.follow(Box::new(move || {
            let hidden = if page.look(look) {
                None
            } else {
                Some(String::new())
            };
            slot.show(hidden);
        }));
    }
}

/// Attribute that is touched only when it changes; without a name, the text.
pub(crate) struct Slot {
    at: El,
    name: &'static str,
    last: Option<Option<String>>,
}

impl Slot {
    /// Attribute of an element.
    pub(crate) fn new(at: &El, name: &'static str) -> Self {
        Self {
            at: at.clone(),
            name,
            last: None,
        }
    }

    /// Shows this value, or none.
    #[inline(never)]
    pub(crate) fn show(&mut self, seen: Option<String>) {
        let seen = Some(seen);
        if seen != self.last {
            self.at.set(self.name, seen.as_ref().and_then(Option::as_deref));
            self.last = seen;
        }
    }
}

/// Has a copy of a template after it, one for everything that `look` sees, while it sees something; `fill` gets each
/// copy when it is in its place.
#[inline(never)]
pub(crate) fn part(page: &'static Page, template: El, look: Look, fill: fn(&'static Page, &El)) {
    let inside = Owner::current().unwrap_or_default().child();
    let mut shown: Option<El> = None;
    let mut last = None;
    page.follow(Box::new(move || {
        let seen = page.look(look);
        if seen == last {
            return;
        }
        inside.cleanup();
        if let Some(old) = shown.take() {
            old.remove();
        }
        if seen.is_some() {
            let new = copy_of(&template, page.words());
            template.after(&new);
            inside.with(|| fill(page, &new));
            shown = Some(new);
        }
        last = seen;
    }));
}

/// Puts the cursor into the first field of a part that was drawn.
pub(crate) fn enter(_page: &'static Page, part: &El) {
    part.at("input").focus();
}

/// Nothing more to do with a part that was drawn.
pub(crate) fn done(_page: &'static Page, _part: &El) {}

/// Text in small letters, as the browser knows them.
pub(crate) fn lowercase(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().into()
}

/// Says something to who looks at the browser's console.
pub(crate) fn warn(text: &str) {
    web_sys::console::warn_1(&JsValue::from_str(text));
}
