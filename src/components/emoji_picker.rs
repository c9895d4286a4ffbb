//! Sheet of emoji beside the composer.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::icon::{Icon, IconName};
use crate::contexts::i18n::use_i18n;

const EMOJI: [&str; 24] = [
    "😀", "😂", "🙂", "😉", "😍", "🤔", "😅", "😭", "😴", "😎", "🥳", "😮", "👍", "👎", "🙏", "👏", "💪",
    "👋", "❤️", "🔥", "🎉", "✅", "☕", "🍜",
];

/// Button that opens a sheet of emoji; calls `on_pick` with the chosen one.
#[component]
pub fn EmojiPicker(#[prop(into)] on_pick: Callback<&'static str>) -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let pick = move |emoji| {
        open.set(false);
        on_pick.run(emoji);
    };
    let close_on_escape = move |event: KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            event.prevent_default();
            open.set(false);
        }
    };
    view! {
        <div class="emoji-picker" on:keydown=close_on_escape>
            <button
                type="button"
                class="icon-button"
                aria-label=i18n.text(|s| s.emoji)
                title=i18n.text(|s| s.emoji)
                aria-expanded=move || open.get().to_string()
                on:click=move |_| open.update(|open| *open = !*open)
            >
                <Icon name=IconName::Smile />
            </button>
            <Show when=move || open.get()>
                <div class="emoji-sheet" role="group" aria-label=i18n.text(|s| s.emoji)>
                    {EMOJI
                        .into_iter()
                        .map(|emoji| view! { <button type="button" on:click=move |_| pick(emoji)>{emoji}</button> })
                        .collect_view()}
                </div>
            </Show>
        </div>
    }
}
