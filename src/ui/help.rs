//! Keys that one can press.

use leptos::prelude::*;
use pesan::chat::words::Words;

/// Help sheet.
pub(crate) fn help(words: &'static Words) -> AnyView {
    let row = |keys: &[&'static str], text: &'static str| {
        let keys: Vec<AnyView> = keys
            .iter()
            .enumerate()
            .map(|(at, key)| {
                let or = (at > 0).then(|| view! { <span>{words.or}</span> }.into_any());
                view! { {or} <kbd>{*key}</kbd> }.into_any()
            })
            .collect();
        view! { <dt>{keys}</dt><dd>{text}</dd> }.into_any()
    };
    view! {
        <dl class="keys">
            {row(&["Enter"], words.help_send)}
            {row(&["Shift+Enter"], words.help_line)}
            {row(&["Alt+↑", "Alt+↓"], words.help_room)}
            {row(&["/", "Ctrl+K"], words.help_find)}
            {row(&["↑", "↓"], words.help_rows)}
            {row(&["R"], words.help_reply)}
            {row(&["C"], words.help_copy)}
            {row(&["Escape"], words.help_close)}
            {row(&["?"], words.help_help)}
        </dl>
    }
    .into_any()
}
