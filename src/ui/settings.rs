//! Name, language and appearance, and the help sheet.

use std::rc::Rc;

use super::act::Act;
use super::dom::{El, el};
use super::help::help;
use super::name_form::name_form;
use super::page::Page;

/// Settings.
pub(crate) fn settings(page: &Rc<Page>, content: El) -> El {
    let words = page.words();
    let (language, theme) = page.look(|state| (state.words().locale, state.theme.name().unwrap_or_default()));
    let me = page.look(|state| state.chat.me().map(|me| me.name.clone()));
    let name = me.map(|me| name_form(page, "name", words.your_name, &me, None));
    let languages = [("Bahasa Indonesia", "id"), ("English", "en")];
    let themes = [(words.system, ""), (words.light, "light"), (words.dark, "dark")];
    let keys = el("section", "group")
        .attr("aria-label", words.help)
        .add(help(words));
    content
        .add_some(name)
        .add(choices(
            "language",
            words.language,
            Act::Language,
            &languages,
            language,
        ))
        .add(choices("theme", words.theme, Act::Theme, &themes, theme))
        .add(keys)
}

/// Radio buttons of which one is chosen.
fn choices(name: &str, caption: &str, act: Act, all: &[(&str, &str)], chosen: &str) -> El {
    let choice = all.iter().fold(el("div", "choice"), |choice, (text, value)| {
        let radio = el("input", "")
            .attr("type", "radio")
            .attr("name", name)
            .act(act, value);
        radio.set("checked", (*value == chosen).then_some(""));
        choice.add(el("label", "").add(radio).add(el("span", "").text(text)))
    });
    el("fieldset", "group")
        .add(el("legend", "").text(caption))
        .add(choice)
}
