//! Copies a text, or shows it selected when the browser does not allow that.

use leptos::html::Textarea;
use leptos::prelude::*;

use super::modal::Modal;
use crate::contexts::i18n::{I18n, use_i18n};
use crate::contexts::layout::{Dialog, Layout, Toast};
use crate::services::clipboard;

/// Copies a text, and says so once it is copied; otherwise opens [`CopyDialog`].
pub fn copy(text: String, layout: Layout, i18n: I18n) {
    leptos::task::spawn_local(async move {
        if clipboard::copy(&text).await {
            layout.toast.set(Some(Toast {
                text: i18n.strings().copied.to_owned(),
                left_room: None,
            }));
        } else {
            layout.open_dialog(Dialog::CopyText(text));
        }
    });
}

/// Dialog with a text that is selected, to be copied by hand.
#[component]
pub fn CopyDialog(text: String, #[prop(into)] on_close: Callback<()>) -> impl IntoView {
    let i18n = use_i18n();
    let field = NodeRef::<Textarea>::new();
    Effect::new(move || {
        if let Some(field) = field.get() {
            // a frame later: the dialog takes the focus when it opens
            request_animation_frame(move || field.select());
        }
    });
    view! {
        <Modal title=i18n.text(|s| s.copy) on_close=on_close>
            <div class="group">
                <label class="caption" for="copy-text">
                    {i18n.text(|s| s.copy_by_hand)}
                </label>
                <textarea id="copy-text" class="field" rows="4" readonly node_ref=field prop:value=text></textarea>
            </div>
        </Modal>
    }
}
