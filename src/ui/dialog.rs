//! What floats over the page: settings, the help sheet, the finder. Escape and a click beside it close it.

use super::ask::answered;
use super::dom::{El, part, piece};
use super::finder::finder;
use super::page::Page;
use super::state::{Dialog, State};

/// Dialogs, of which one may be open, in the language that it speaks.
pub(crate) fn dialogs(page: &'static Page, document: &El) {
    part(
        page,
        document.at("#settings"),
        |state| open(state, Dialog::Settings),
        settings,
    );
    part(
        page,
        document.at("#help"),
        |state| open(state, Dialog::Help),
        |page, dialog| {
            keys(page, dialog, ".content");
            dialog.show_modal();
        },
    );
    part(
        page,
        document.at("#finder"),
        |state| open(state, Dialog::Finder),
        |page, dialog| {
            finder(page, dialog);
            dialog.show_modal();
        },
    );
}

fn open(state: &State, dialog: Dialog) -> Option<String> {
    (state.dialog == Some(dialog)).then(|| state.words().locale.to_owned())
}

/// Name, language and appearance, and the keys that one can press.
fn settings(page: &'static Page, dialog: &El) {
    match page.look(|state| state.chat.me().map(|me| me.name.clone())) {
        Some(name) => {
            let form = dialog.at("form");
            form.at("input").set("value", Some(&name));
            answered(page, &form);
        }
        None => dialog.without("form"),
    }
    let (language, theme) = page.look(|state| (state.words().locale, state.theme.name().unwrap_or_default()));
    choose(dialog, "language", language);
    choose(dialog, "theme", theme);
    keys(page, dialog, "section");
    dialog.show_modal();
}

fn choose(dialog: &El, act: &str, value: &str) {
    let choice = ["[data-act=", act, "][data-of='", value, "']"].concat();
    dialog.at(&choice).set("checked", Some(""));
}

fn keys(page: &'static Page, dialog: &El, place: &str) {
    dialog.at(place).append(&piece("#keys", page.words()));
}
