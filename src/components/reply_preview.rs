//! Above the composer: the message that the text will reply to.

use leptos::prelude::*;

use super::icon::{IconButton, IconName};
use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;

/// Quote of the message that is replied to, with a button that cancels the reply.
#[component]
pub fn ReplyPreview() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let quote = chat.select(|state| state.room().reply_to.clone());
    move || {
        let quote = quote.get()?;
        let author = quote.author;
        Some(view! {
            <div class="reply-preview">
                <p>
                    <b>{move || (i18n.strings().replying_to)(&author)}</b>
                    ": "
                    <span>{quote.text}</span>
                </p>
                <IconButton
                    icon=IconName::Close
                    label=i18n.text(|s| s.cancel)
                    on_press=move |_| chat.reply_to(None)
                />
            </div>
        })
    }
}
