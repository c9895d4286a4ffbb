//! A small sheet of emoji beside the composer.

use std::rc::Rc;

use super::act::Act;
use super::dom::{El, done, el};
use super::icon::{SMILE, icon_button};
use super::page::Page;

/// What is on the sheet.
const EMOJI: [&str; 24] = [
    "😀", "😂", "🙂", "😉", "😍", "🤔", "😅", "😭", "😴", "😎", "🥳", "😮", "👍", "👎", "🙏", "👏", "💪",
    "👋", "❤️", "🔥", "🎉", "✅", "☕", "🍜",
];

/// Button that opens the sheet.
pub(crate) fn emoji(page: &Rc<Page>) -> El {
    let button =
        icon_button("icon", SMILE, page.words().emoji, Act::Emoji)
            .bind(page, "aria-expanded", |state| Some(state.emoji.to_string()));
    el("div", "emoji")
        .add(button)
        .part(page, |state| state.emoji, sheet, done)
}

fn sheet(page: &Rc<Page>, open: &bool) -> Option<El> {
    open.then(|| {
        let sheet = el("div", "sheet")
            .attr("role", "group")
            .attr("aria-label", page.words().emoji);
        EMOJI.iter().fold(sheet, |sheet, emoji| {
            sheet.add(el("button", "").act(Act::Pick, emoji).text(emoji))
        })
    })
}
