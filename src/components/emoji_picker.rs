//! Sheet of emoji beside the composer.

use leptos::html::Div;
use leptos::prelude::*;

use super::icon::{Icon, IconName};
use crate::composables::close_outside::use_close_outside;
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::{Overlay, use_layout};

const EMOJI: [&str; 24] = [
    "😀", "😂", "🙂", "😉", "😍", "🤔", "😅", "😭", "😴", "😎", "🥳", "😮", "👍", "👎", "🙏", "👏", "💪",
    "👋", "❤️", "🔥", "🎉", "✅", "☕", "🍜",
];

/// Button that opens a sheet of emoji; calls `on_pick` with the chosen one. Escape, Back and a click elsewhere close it.
#[component]
pub fn EmojiPicker(#[prop(into)] on_pick: Callback<&'static str>) -> impl IntoView {
    let i18n = use_i18n();
    let layout = use_layout();
    let picker = NodeRef::<Div>::new();
    let is_open = Memo::new(move |_| layout.is_open(&Overlay::EmojiSheet));
    let close = move || layout.close(&Overlay::EmojiSheet);
    let pick = move |emoji| {
        close();
        on_pick.run(emoji);
    };
    let toggle = move |_| {
        if is_open.get_untracked() {
            close();
        } else {
            layout.open(Overlay::EmojiSheet);
        }
    };
    use_close_outside(picker, Overlay::EmojiSheet);
    view! {
        <div class="emoji-picker" node_ref=picker>
            <button
                type="button"
                class="icon-button"
                aria-label=i18n.text(|s| s.emoji)
                title=i18n.text(|s| s.emoji)
                aria-expanded=move || is_open.get().to_string()
                on:click=toggle
            >
                <Icon name=IconName::Smile />
            </button>
            <Show when=move || is_open.get()>
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
