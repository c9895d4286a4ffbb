//! A small sheet of emoji beside the composer.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use pesan::chat::words::Words;

use super::icon::{SMILE, icon};

/// What is on the sheet.
const EMOJI: [&str; 24] = [
    "😀", "😂", "🙂", "😉", "😍", "🤔", "😅", "😭", "😴", "😎", "🥳", "😮", "👍", "👎", "🙏", "👏", "💪",
    "👋", "❤️", "🔥", "🎉", "✅", "☕", "🍜",
];

/// Button that opens the sheet.
#[component]
pub(crate) fn Emoji(words: &'static Words, on_pick: Callback<&'static str>) -> impl IntoView {
    let open = RwSignal::new(false);
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            event.stop_propagation();
            open.set(false);
        }
    };
    let sheet = move || {
        open.get().then(|| {
            let buttons: Vec<AnyView> = EMOJI
                .into_iter()
                .map(|emoji| {
                    let pick = move |_| {
                        open.set(false);
                        on_pick.run(emoji);
                    };
                    view! { <button on:click=pick>{emoji}</button> }.into_any()
                })
                .collect();
            view! { <div class="sheet" role="group" aria-label=words.emoji>{buttons}</div> }.into_any()
        })
    };
    view! {
        <div class="emoji" on:keydown=on_key>
            <button
                class="icon"
                aria-label=words.emoji
                title=words.emoji
                aria-expanded=move || if open.get() { "true" } else { "false" }
                on:click=move |_| open.update(|open| *open = !*open)
            >
                {icon(SMILE)}
            </button>
            {sheet}
        </div>
    }
}
