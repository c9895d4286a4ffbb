//! Announces new messages to screen readers.

use leptos::prelude::*;

use crate::chat::text::truncate;
use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;

/// Characters of a message that are announced.
const ANNOUNCED_CHARS: usize = 200;

/// Text that screen readers announce: the messages of the last update.
#[component]
pub fn LiveRegion() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let announcement = move || {
        chat.announced.with(|(notices, skipped)| {
            let mut lines: Vec<String> = notices
                .iter()
                .map(|notice| {
                    let text = truncate(&notice.text, ANNOUNCED_CHARS);
                    if notice.author.is_empty() {
                        format!("{text}.")
                    } else {
                        format!("{}: {text}.", notice.author)
                    }
                })
                .collect();
            if *skipped > 0 {
                lines.push(format!(
                    "{}.",
                    (i18n.strings().more_messages)(u64::from(*skipped))
                ));
            }
            lines.join(" ")
        })
    };
    view! {
        <div class="visually-hidden" aria-live="polite">
            {announcement}
        </div>
    }
}
