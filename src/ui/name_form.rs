//! Field for one's name, with a clear answer when it is taken.

use std::rc::Rc;

use super::act::Act;
use super::dom::{El, el};
use super::page::Page;
use super::state::State;

/// Field for one's name, and what may stand beside it.
pub(crate) fn name_form(page: &Rc<Page>, id: &str, caption: &str, name: &str, beside: Option<El>) -> El {
    let words = page.words();
    let field = el("input", "field")
        .attr("id", id)
        .attr("value", name)
        .attr("autocomplete", "nickname")
        .attr("maxlength", "64");
    let row = el("div", "with-button")
        .add(field)
        .add(el("button", "button").text(words.use_name))
        .add_some(beside);
    let hint = el("p", "hint")
        .bind(page, "class", |state| Some(hint(state).0.to_owned()))
        .says(page, |state| Some(hint(state).1));
    el("form", "group")
        .attr("data-submit", Act::Rename.name())
        .add(el("label", "caption").attr("for", id).text(caption))
        .add(row)
        .add(el("div", "").attr("role", "status").add(hint))
}

/// What became of the last wish.
fn hint(state: &State) -> (&'static str, String) {
    let words = state.words();
    match state.chat.renamed() {
        None => ("hint", words.name_hint.to_owned()),
        Some(Ok(())) => ("hint good", words.name_saved.to_owned()),
        Some(Err(refusal)) => ("hint bad", words.refusal(refusal)),
    }
}
