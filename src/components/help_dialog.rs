//! Help: the keyboard shortcuts.

use leptos::prelude::*;

use super::modal::Modal;
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

/// Keyboard shortcuts of the page.
#[component]
pub fn ShortcutList() -> impl IntoView {
    let i18n = use_i18n();
    let or = move || view! { <span>{i18n.text(|s| s.or)}</span> };
    view! {
        <dl class="shortcuts">
            <dt><kbd>"Enter"</kbd></dt>
            <dd>{i18n.text(|s| s.key_send)}</dd>
            <dt><kbd>"Shift+Enter"</kbd></dt>
            <dd>{i18n.text(|s| s.key_newline)}</dd>
            <dt><kbd>"Alt+↑"</kbd>{or()}<kbd>"Alt+↓"</kbd></dt>
            <dd>{i18n.text(|s| s.key_rooms)}</dd>
            <dt><kbd>"/"</kbd>{or()}<kbd>"Ctrl+K"</kbd></dt>
            <dd>{i18n.text(|s| s.find)}</dd>
            <dt><kbd>"↑"</kbd>{or()}<kbd>"↓"</kbd></dt>
            <dd>{i18n.text(|s| s.key_messages)}</dd>
            <dt><kbd>"R"</kbd></dt>
            <dd>{i18n.text(|s| s.key_reply)}</dd>
            <dt><kbd>"C"</kbd></dt>
            <dd>{i18n.text(|s| s.key_copy)}</dd>
            <dt><kbd>"Escape"</kbd></dt>
            <dd>{i18n.text(|s| s.key_close)}</dd>
            <dt><kbd>"?"</kbd></dt>
            <dd>{i18n.text(|s| s.key_help)}</dd>
        </dl>
    }
}
