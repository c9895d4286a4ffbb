//! What the person is asked before writing: a token, or on a first visit a name. The field for a name is also in the
//! settings, with a clear answer when it is taken.

use pesan::chat::words::fill;

use super::dom::{El, enter, part};
use super::page::Page;
use super::state::State;

/// Asks for what the server wants to know.
pub(crate) fn ask(page: &'static Page, shell: &El) {
    part(page, shell.at("template.token"), wants_token, token);
    part(page, shell.at("template.name"), wants_name, first_name);
}

/// Whether a token is wanted, and whether one was tried already.
fn wants_token(state: &State) -> Option<String> {
    let wants = state.connection.wants_token();
    wants.then(|| state.token_tried.to_string())
}

/// Name that the server gave, when the person never said one.
fn wants_name(state: &State) -> Option<String> {
    let asked = state.connection.wants_token() || state.chat.wished_name().is_some();
    let me = state.chat.me().filter(|_| !asked)?;
    Some(me.name.clone())
}

fn token(page: &'static Page, form: &El) {
    let tried = page.look(|state| state.token_tried);
    form.without(if tried { ".hint" } else { ".hint.bad" });
    enter(page, form);
}

/// Nobody is made to say a name: the cursor stays where it is.
fn first_name(page: &'static Page, form: &El) {
    let given = page.look(wants_name).unwrap_or_default();
    let stay = form.at(".quiet");
    stay.set("data-of", Some(&given));
    stay.write(&fill(page.words().later, &[&given]));
    answered(page, form);
}

/// Says below a field for the name what became of the last wish.
pub(crate) fn answered(page: &'static Page, form: &El) {
    let place = form.at(".hint");
    place.bind(page, "class", |state| Some(hint(state).0.to_owned()));
    place.says(page, |state| Some(hint(state).1));
}

fn hint(state: &State) -> (&'static str, String) {
    let words = state.words();
    match state.chat.renamed() {
        None => ("hint", words.name_hint.to_owned()),
        Some(Ok(())) => ("hint good", words.name_saved.to_owned()),
        Some(Err(refusal)) => ("hint bad", words.refusal(refusal)),
    }
}
