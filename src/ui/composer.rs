//! Where one writes: grows to six lines, Enter sends, Shift+Enter breaks the line.

use leptos::ev::KeyboardEvent;
use leptos::html::Textarea;
use leptos::prelude::*;
use pesan::chat::words::{Words, fill};
use pesan::messages::Quote;

use super::emoji::Emoji;
use super::icon::{CLOSE, icon};

/// Text as it was begun in a room; another `turn` means that it is to be shown anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Begun {
    /// Number that changes when the text is to be shown anew.
    pub(crate) turn: u32,
    /// The text.
    pub(crate) text: String,
    /// Whether the cursor belongs there.
    pub(crate) focus: bool,
}

/// Where one writes.
#[component]
pub(crate) fn Composer(
    words: &'static Words,
    #[prop(into)] begun: Signal<Begun>,
    #[prop(into)] answering: Signal<Option<Quote>>,
    /// Longest text, in characters.
    #[prop(into)]
    limit: Signal<u32>,
    /// Takes the text, or says no.
    on_send: Callback<String, bool>,
    on_input: Callback<String>,
    on_cancel: Callback<()>,
) -> impl IntoView {
    let area = NodeRef::<Textarea>::new();
    let length = RwSignal::new((0_u32, false));
    let grow = move || {
        let Some(area) = area.get_untracked() else { return };
        let style = (*area).style();
        style.set_property("height", "auto").unwrap_or_default();
        let height = [area.scroll_height().to_string().as_str(), "px"].concat();
        style.set_property("height", &height).unwrap_or_default();
        let text = area.value();
        let now = (
            u32::try_from(text.chars().count()).unwrap_or(u32::MAX),
            text.trim().is_empty(),
        );
        if length.get_untracked() != now {
            length.set(now);
        }
    };
    Effect::new(move |_| {
        let begun = begun.get();
        let Some(area) = area.get() else { return };
        area.set_value(&begun.text);
        if begun.focus {
            area.focus().unwrap_or_default();
        }
        grow();
    });
    Effect::new(move |_| {
        if answering.get().is_some()
            && let Some(area) = area.get_untracked()
        {
            area.focus().unwrap_or_default();
        }
    });
    let excess = move || length.get().0.saturating_sub(limit.get());
    let send = move || {
        let Some(area) = area.get_untracked() else { return };
        if excess() == 0 && on_send.run(area.value()) {
            area.set_value("");
            grow();
        }
        area.focus().unwrap_or_default();
    };
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            send();
        }
        if event.key() == "Escape" && answering.get_untracked().is_some() {
            event.stop_propagation();
            on_cancel.run(());
        }
    };
    let changed = move || {
        grow();
        if let Some(area) = area.get_untracked() {
            on_input.run(area.value());
        }
    };
    let insert = move |emoji: &'static str| {
        let Some(area) = area.get_untracked() else { return };
        let end = area.value().encode_utf16().count() as u32;
        let from = area.selection_start().ok().flatten().unwrap_or(end);
        let to = area.selection_end().ok().flatten().unwrap_or(end);
        area.set_range_text_with_start_and_end(emoji, from, to)
            .unwrap_or_default();
        let after = from + emoji.encode_utf16().count() as u32;
        area.focus().unwrap_or_default();
        area.set_selection_range(after, after).unwrap_or_default();
        changed();
    };
    let above = move || {
        answering.get().map(|quote| {
            view! {
                <div class="above">
                    <p><b>{fill(words.replying, &[&quote.author])}</b>": "{quote.text}</p>
                    <button class="icon" aria-label=words.cancel title=words.cancel on:click=move |_| on_cancel.run(())>
                        {icon(CLOSE)}
                    </button>
                </div>
            }
            .into_any()
        })
    };
    let too_long = move || {
        let excess = excess();
        (excess > 0).then(|| {
            view! { <p class="too-long" role="status">{fill(words.too_long, &[&excess.to_string()])}</p> }
                .into_any()
        })
    };
    view! {
        <div class="composer">
            {above}
            <div class="box">
                <textarea
                    rows="1"
                    id="composer"
                    aria-label=words.write
                    placeholder=words.write
                    autocomplete="off"
                    enterkeyhint="send"
                    node_ref=area
                    on:keydown=on_key
                    on:input=move |_| changed()
                ></textarea>
                <Emoji words on_pick=Callback::new(insert) />
            </div>
            <button
                class="button send"
                disabled=move || length.get().1 || excess() != 0
                on:click=move |_| send()
            >
                {words.send}
            </button>
            {too_long}
        </div>
    }
}
