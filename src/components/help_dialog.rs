//! Help: the keyboard shortcuts.

use leptos::prelude::*;

use super::modal::Modal;
use super::shortcut_list::ShortcutList;
use crate::contexts::i18n::use_i18n;

/// Dialog with the keyboard shortcuts.
#[component]
pub fn HelpDialog(#[prop(into)] on_close: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <Modal title=i18n.text(|s| s.help) on_close=on_close>
            <ShortcutList />
        </Modal>
    }
}
