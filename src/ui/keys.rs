//! Keys: those of the element that has the cursor, then those that work anywhere on the page.

use super::act::Act;
use super::dom::{El, active, find};
use super::finder;
use super::page::Page;
use super::state::State;

/// A key was pressed.
pub(crate) fn pressed(page: &'static Page, event: &El, target: &El) {
    let key = event.text("key").unwrap_or_default();
    let key = key.as_str();
    let done = if target.get("id") == "composer" {
        in_composer(page, event, key)
    } else if target.get("role") == "combobox" {
        finder::pressed(page, key)
    } else if target.closest(".log").is_some() {
        in_log(page, event, key)
    } else {
        false
    };
    if done {
        event.prevent_default();
    } else if key == "Escape" && page.look(|state| state.emoji) && target.closest(".emoji").is_some() {
        page.perform(Act::Emoji, "");
    } else {
        anywhere(page, event, key, target);
    }
}

fn in_composer(page: &'static Page, event: &El, key: &str) -> bool {
    match key {
        "Enter" if !event.is("shiftKey") && !event.is("isComposing") => page.perform(Act::Send, ""),
        "Escape" if page.look(|state| state.chat.room().answering.is_some()) => page.perform(Act::Cancel, ""),
        _ => return false,
    }
    true
}

/// Goes through the lines, and answers or copies one.
fn in_log(page: &'static Page, event: &El, key: &str) -> bool {
    if event.is("ctrlKey") || event.is("metaKey") || event.is("altKey") {
        return false;
    }
    let row = active().and_then(|active| active.closest("[data-key]"));
    let to = match (key, &row) {
        ("ArrowUp", Some(row)) => row.el("previousElementSibling"),
        ("ArrowDown", Some(row)) => row.el("nextElementSibling"),
        ("ArrowUp", None) => find(".rows").and_then(|rows| rows.el("lastElementChild")),
        ("r" | "R", Some(row)) => {
            page.perform(Act::Reply, &row.get("data-key"));
            return true;
        }
        ("c" | "C", Some(row)) => {
            page.perform(Act::Copy, &row.get("data-key"));
            return true;
        }
        _ => return false,
    };
    to.is_some_and(|to| {
        to.focus();
        true
    })
}

fn anywhere(page: &'static Page, event: &El, key: &str, target: &El) {
    let control = event.is("ctrlKey") || event.is("metaKey");
    let writing = matches!(target.text("tagName").as_deref(), Some("INPUT" | "TEXTAREA"));
    match key {
        "k" | "K" if control => page.perform(Act::Find, ""),
        "/" if !writing && !control => page.perform(Act::Find, ""),
        "?" if !writing && !control => page.perform(Act::Help, ""),
        "ArrowUp" | "ArrowDown" if event.is("altKey") => page.open_next(key == "ArrowDown"),
        "Escape" => {
            // Escape still closes what the browser itself has open
            if page.look(|state: &State| state.dialog.is_none()) {
                page.perform(Act::ClosePanel, "");
            }
            return;
        }
        _ => return,
    }
    event.prevent_default();
}
