//! Sheet of emoji beside the composer.

use leptos::prelude::*;

use super::icon::IconName;
use super::popover::Popover;
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::{Overlay, use_layout};

const EMOJI: [&str; 24] = [
    "😀", "😂", "🙂", "😉", "😍", "🤔", "😅", "😭", "😴", "😎", "🥳", "😮", "👍", "👎", "🙏", "👏", "💪",
    "👋", "❤️", "🔥", "🎉", "✅", "☕", "🍜",
];

/// Button that opens a sheet of emoji; calls `on_pick` with the chosen one.
#[component]
pub fn EmojiPicker(#[prop(into)] on_pick: Callback<&'static str>) -> impl IntoView {
    let i18n = use_i18n();
    let layout = use_layout();
    let pick = move |emoji| {
        layout.close(&Overlay::EmojiSheet);
        on_pick.run(emoji);
    };
    view! {
        <Popover
            overlay=Overlay::EmojiSheet
            icon=IconName::Smile
            label=i18n.text(|s| s.emoji)
            class="emoji-picker"
            sheet_class="emoji-sheet"
        >
            {EMOJI
                .into_iter()
                .map(|emoji| view! { <button type="button" on:click=move |_| pick(emoji)>{emoji}</button> })
                .collect_view()}
        </Popover>
    }
}
