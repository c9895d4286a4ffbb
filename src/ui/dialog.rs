//! What floats over the page; Escape and a click beside it close it.

use std::rc::Rc;

use pesan::chat::words::Language;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::act::Act;
use super::dom::{El, el};
use super::finder::finder;
use super::help::help;
use super::icon::{CLOSE, icon_button};
use super::page::Page;
use super::settings::settings;
use super::state::{Dialog, State};

/// Dialog that is open, and the language that it speaks.
pub(crate) fn open(state: &State) -> Option<(Dialog, Language)> {
    Some((state.dialog?, state.language))
}

/// Dialog with its heading, if one is open.
pub(crate) fn dialog(page: &Rc<Page>, open: &Option<(Dialog, Language)>) -> Option<El> {
    let words = page.words();
    let content = el("div", "content");
    let (heading, content) = match open.as_ref()?.0 {
        Dialog::Help => (words.help, content.add(help(words))),
        Dialog::Settings => (words.settings, settings(page, content)),
        Dialog::Finder => (words.find_room, finder(page, content)),
    };
    let top = el("div", "top").add(el("h2", "").text(heading)).add(icon_button(
        "icon",
        CLOSE,
        words.close,
        Act::CloseDialog,
    ));
    Some(el("dialog", "").attr("aria-label", heading).add(top).add(content))
}

/// Opens the dialog, which has to be in the document for that.
pub(crate) fn opened(_page: &Rc<Page>, dialog: &El) {
    let dialog: &HtmlDialogElement = dialog.0.unchecked_ref();
    dialog.show_modal().unwrap_or_default();
}
