//! What the person is asked before writing: a token, or on a first visit a name.

use std::rc::Rc;

use pesan::chat::words::fill;

use super::act::Act;
use super::dom::{El, el, enter};
use super::name_form::name_form;
use super::page::Page;
use super::state::State;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The password or token that the server wants.
    Token {
        /// Whether one was tried already.
        tried: bool,
    },
    /// A name, instead of this one, which the server gave.
    Name(String),
}

/// What is to be asked now.
pub(crate) fn asks(state: &State) -> Option<Ask> {
    if state.connection.wants_token() {
        return Some(Ask::Token {
            tried: state.token_tried,
        });
    }
    let me = state.chat.me().filter(|_| state.chat.wished_name().is_none())?;
    Some(Ask::Name(me.name.clone()))
}

/// Form that asks it.
pub(crate) fn ask(page: &Rc<Page>, asks: &Option<Ask>) -> Option<El> {
    let words = page.words();
    Some(match asks.as_ref()? {
        Ask::Token { tried } => token(page, *tried),
        Ask::Name(given) => {
            let stay = el("button", "button quiet")
                .attr("type", "button")
                .act(Act::Keep, given)
                .text(&fill(words.later, &[given]));
            el("div", "ask").add(name_form(page, "first-name", words.ask_name, "", Some(stay)))
        }
    })
}

/// Puts the cursor where a token belongs; nobody is made to say a name.
pub(crate) fn asked(page: &Rc<Page>, form: &El) {
    if form.0.tag_name() == "FORM" {
        enter(page, form);
    }
}

fn token(page: &Rc<Page>, tried: bool) -> El {
    let words = page.words();
    let (class, text) = if tried {
        ("hint bad", words.token_wrong)
    } else {
        ("hint", words.token_ask)
    };
    let field = el("input", "field")
        .attr("id", "token")
        .attr("type", "password")
        .attr("autocomplete", "current-password");
    el("form", "ask")
        .attr("data-submit", Act::Token.name())
        .add(el("label", "caption").attr("for", "token").text(words.token))
        .add(
            el("div", "with-button")
                .add(field)
                .add(el("button", "button").text(words.enter)),
        )
        .add(el("p", class).attr("role", "status").text(text))
}
