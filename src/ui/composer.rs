//! Where one writes: grows to six lines, Enter sends, Shift+Enter breaks the line.

use pesan::chat::words::fill;

use super::dom::{El, done, find, part};
use super::page::Page;
use super::state::State;

/// Where one writes.
pub(crate) fn composer(page: &'static Page, composer: &El) {
    composer.at(".send").bind(page, "disabled", |state| {
        (state.written.1 || state.excess() > 0).then(String::new)
    });
    let too_long = composer.at(".too-long");
    too_long.shown(page, |state| state.excess() > 0);
    too_long.says(page, |state| {
        let excess = state.excess().to_string();
        Some(fill(state.words().too_long, &[&excess]))
    });
    let answers: fn(&State) -> _ = |state| {
        let quote = state.chat.room().answering.as_ref()?;
        Some(quote.seq.to_string())
    };
    part(page, composer.at("template"), answers, answering);
    let emoji = composer.at(".emoji");
    emoji
        .at("button")
        .bind(page, "aria-expanded", |state| Some(state.emoji.to_string()));
    part(
        page,
        emoji.at("template"),
        |state| state.emoji.then(String::new),
        done,
    );
}

/// What the begun text answers.
fn answering(page: &'static Page, place: &El) {
    if let Some(quote) = page.look(|state| state.chat.room().answering.clone()) {
        place
            .at("b")
            .write(&fill(page.words().replying, &[&quote.author]));
        place.at("span").write(&quote.text);
    }
}

/// The field.
fn field() -> El {
    find("#composer").expect("the markup has it")
}

/// Shows the text that was begun in the open room.
pub(crate) fn begin(page: &'static Page) {
    field().put("value", &page.look(|state| state.chat.room().draft.clone()));
    if page.eager {
        focus();
    }
    page.write();
}

/// Puts the cursor into the field.
pub(crate) fn focus() {
    field().focus();
}

/// Fits the field to its text; returns the text, its length in characters, and whether it is blank.
pub(crate) fn measure() -> (String, (u32, bool)) {
    let field = field();
    field.style("height", "auto");
    let height = (field.number("scrollHeight") as u32).to_string();
    field.style("height", &[&height, "px"].concat());
    let text = field.text("value").unwrap_or_default();
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let blank = text.trim().is_empty();
    (text, (length, blank))
}

/// Sends the text.
pub(crate) fn send(page: &'static Page) {
    let field = field();
    if page.look(State::excess) == 0 {
        let text = field.text("value").unwrap_or_default();
        let mut taken = false;
        page.change(&mut |state, now| taken = state.chat.submit(now, &text));
        if taken {
            field.put("value", "");
            page.write();
        }
    }
    field.focus();
}

/// Puts an emoji where the cursor is.
pub(crate) fn insert(page: &'static Page, emoji: &str) {
    let field = field();
    let place = |name| field.number(name);
    field.set_range_text(emoji, place("selectionStart"), place("selectionEnd"), "end");
    field.focus();
    page.write();
}
