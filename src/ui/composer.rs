//! Where one writes: grows to six lines, Enter sends, Shift+Enter breaks the line.

use std::rc::Rc;

use pesan::chat::words::fill;
use pesan::messages::Quote;
use wasm_bindgen::JsCast;
use web_sys::HtmlTextAreaElement;

use super::act::Act;
use super::dom::{El, by_id, done, el};
use super::emoji::emoji;
use super::icon::{CLOSE, icon_button};
use super::page::Page;
use super::state::State;

/// Id of the field.
const FIELD: &str = "composer";

/// Where one writes.
pub(crate) fn composer(page: &Rc<Page>) -> El {
    let words = page.words();
    let field = el("textarea", "")
        .attr("rows", "1")
        .attr("id", FIELD)
        .attr("aria-label", words.write)
        .attr("placeholder", words.write)
        .attr("autocomplete", "off")
        .attr("enterkeyhint", "send")
        .attr("data-input", Act::Write.name());
    let send = el("button", "button send")
        .bind(page, "disabled", |state| {
            (state.written.1 || state.excess() > 0).then(String::new)
        })
        .act(Act::Send, "")
        .text(words.send);
    let too_long = el("p", "too-long")
        .attr("role", "status")
        .shown(page, |state| state.excess() > 0)
        .says(page, |state| {
            let excess = state.excess().to_string();
            Some(fill(state.words().too_long, &[&excess]))
        });
    el("div", "composer")
        .part(page, |state| state.chat.room().answering.clone(), answering, done)
        .add(el("div", "box").add(field).add(emoji(page)))
        .add(send)
        .add(too_long)
}

/// What the begun text answers.
fn answering(page: &Rc<Page>, quote: &Option<Quote>) -> Option<El> {
    let quote = quote.as_ref()?;
    let words = page.words();
    let whom = el("b", "").text(&fill(words.replying, &[&quote.author]));
    let text = el("p", "").add(whom).text(": ").text(&quote.text);
    let cancel = icon_button("icon", CLOSE, words.cancel, Act::Cancel);
    Some(el("div", "above").add(text).add(cancel))
}

/// Shows the text that was begun in the open room.
pub(crate) fn begin(page: &Rc<Page>) {
    let Some(field) = by_id(FIELD) else { return };
    field.set_value(&page.look(|state| state.chat.room().draft.clone()));
    if page.eager {
        field.focus();
    }
    page.write();
}

/// Puts the cursor into the field.
pub(crate) fn focus() {
    if let Some(field) = by_id(FIELD) {
        field.focus();
    }
}

/// Fits the field to its text; returns the text, its length in characters, and whether it is blank.
pub(crate) fn measure() -> (String, (u32, bool)) {
    let Some(field) = by_id(FIELD) else {
        return (String::new(), (0, true));
    };
    field.set_style("height", "auto");
    let height = field.0.scroll_height().to_string();
    field.set_style("height", &[&height, "px"].concat());
    let text = field.value();
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let blank = text.trim().is_empty();
    (text, (length, blank))
}

/// Sends the text.
pub(crate) fn send(page: &Rc<Page>) {
    let Some(field) = by_id(FIELD) else { return };
    if page.look(State::excess) == 0 {
        let text = field.value();
        let mut taken = false;
        page.change(&mut |state, now| taken = state.chat.submit(now, &text));
        if taken {
            field.set_value("");
            page.write();
        }
    }
    field.focus();
}

/// Puts an emoji where the cursor is.
pub(crate) fn insert(page: &Rc<Page>, emoji: &str) {
    let Some(field) = by_id(FIELD) else { return };
    let area: &HtmlTextAreaElement = field.0.unchecked_ref();
    let place = |place: Result<Option<u32>, _>| place.ok().flatten().unwrap_or_default();
    let (from, to) = (place(area.selection_start()), place(area.selection_end()));
    area.set_range_text_with_start_and_end(emoji, from, to)
        .unwrap_or_default();
    let after = from + emoji.encode_utf16().count() as u32;
    field.focus();
    area.set_selection_range(after, after).unwrap_or_default();
    page.write();
}
