//! Composer: grows to six lines, Enter sends, Shift+Enter breaks the line.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use web_sys::HtmlTextAreaElement;

use super::emoji_picker::EmojiPicker;
use super::reply_preview::ReplyPreview;
use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::{Overlay, use_layout};
use crate::protocol::is_blank;

/// `keyCode` of a key that an input method handles; Safari sends it right after the composition has ended.
const IME_KEY_CODE: u32 = 229;

/// Composer of the open room.
#[component]
pub fn Composer(
    /// Whether the field takes the focus when a room is opened.
    autofocus: bool,
) -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let layout = use_layout();
    let field = layout.composer;
    let text = RwSignal::new(String::new());
    let max_chars = chat.select(|state| u64::from(state.text_chars()));
    let excess = Memo::new(move |_| {
        let chars = text.with(|text| text.chars().count() as u64);
        chars.saturating_sub(max_chars.get())
    });
    let can_send = Memo::new(move |_| excess.get() == 0 && text.with(|text| !is_blank(text)));

    let edit = move |new: String| {
        chat.set_draft(&new, !is_blank(&new));
        text.set(new);
    };
    let room = chat.room_id();
    Effect::watch(
        move || (room.get(), field.get()),
        move |(_, field), _, _| {
            let Some(field) = field else { return };
            let draft = chat.with_untracked(|state| state.room().draft.clone());
            field.set_value(&draft);
            text.set(draft);
            if autofocus {
                layout.focus_composer();
            }
        },
        true,
    );
    Effect::new(move || {
        text.track();
        if let Some(field) = field.get() {
            fit_height(&field);
        }
    });

    let send = move || {
        layout.close(&Overlay::EmojiSheet);
        if excess.get_untracked() == 0
            && let Some(field) = field.get_untracked()
            && chat.submit(&field.value())
        {
            field.set_value("");
            text.set(String::new());
        }
        layout.focus_composer();
    };
    let on_key = move |event: KeyboardEvent| {
        let composing = event.is_composing() || event.key_code() == IME_KEY_CODE;
        match event.key().as_str() {
            "Enter" if !event.shift_key() && !composing => send(),
            "Escape" if untrack(|| layout.is_open(&Overlay::EmojiSheet)) => return,
            "Escape" if chat.with_untracked(|state| state.room().reply_to.is_some()) => chat.reply_to(None),
            _ => return,
        }
        event.prevent_default();
    };
    let insert = move |emoji: &'static str| {
        if let Some(field) = field.get_untracked() {
            insert_at_cursor(&field, emoji);
            edit(field.value());
            layout.focus_composer();
        }
    };
    view! {
        <div class="composer">
            <ReplyPreview />
            <div class="composer-field">
                <textarea
                    rows="1"
                    aria-label=i18n.text(|s| s.write_message)
                    placeholder=i18n.text(|s| s.write_message)
                    autocomplete="off"
                    enterkeyhint="send"
                    node_ref=field
                    on:input:target=move |event| edit(event.target().value())
                    on:keydown=on_key
                ></textarea>
                <EmojiPicker on_pick=insert />
            </div>
            <button type="button" class="button send" disabled=move || !can_send.get() on:click=move |_| send()>
                {i18n.text(|s| s.send)}
            </button>
            <p class="excess" role="status" hidden=move || excess.get() == 0>
                {move || (i18n.strings().excess_chars)(excess.get())}
            </p>
        </div>
    }
}

/// Gives the field the height of its text; the style sheet limits it.
fn fit_height(field: &HtmlTextAreaElement) {
    let style = web_sys::HtmlElement::style(field);
    let fitted = style
        .set_property("height", "auto")
        .and_then(|()| style.set_property("height", &format!("{}px", field.scroll_height())));
    if fitted.is_err() {
        leptos::logging::warn!("the composer does not take its height");
    }
}

/// Replaces the selection by a text and puts the cursor behind it.
fn insert_at_cursor(field: &HtmlTextAreaElement, text: &str) {
    let selection = (field.selection_start(), field.selection_end());
    let (Ok(Some(start)), Ok(Some(end))) = selection else {
        return;
    };
    let inserted = field.set_range_text_with_start_and_end_and_mode(text, start, end, "end");
    if inserted.is_err() {
        leptos::logging::warn!("the composer does not take '{text}'");
    }
}
