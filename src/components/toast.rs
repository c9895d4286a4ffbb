//! Short confirmation that disappears by itself.

use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::use_layout;

/// How long a toast is shown, in milliseconds.
const DURATION: u32 = 2000;

/// How long one with a button is shown, in milliseconds.
const DURATION_WITH_BUTTON: u32 = 8000;

/// Confirmation at the bottom of the page, with a button that undoes leaving a room.
#[component]
pub fn ToastView() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let toast = use_layout().toast;
    let timer = StoredValue::new_local(None::<Timeout>);
    Effect::new(move || {
        let duration = toast.with(|toast| {
            let toast = toast.as_ref()?;
            Some(if toast.left_room.is_some() {
                DURATION_WITH_BUTTON
            } else {
                DURATION
            })
        });
        timer.set_value(duration.map(|duration| Timeout::new(duration, move || toast.set(None))));
    });
    let text = move || toast.with(|toast| toast.as_ref().map(|toast| toast.text.clone()));
    let undo = move || {
        let id = toast.with(|toast| toast.as_ref().and_then(|toast| toast.left_room.clone()))?;
        let open = move |_| {
            toast.set(None);
            chat.open_room(&id);
        };
        Some(view! {
            <button type="button" class="text-button" on:click=open>
                {i18n.text(|s| s.undo)}
            </button>
        })
    };
    view! {
        <div class="toast" class:shown=move || toast.with(Option::is_some)>
            <p role="status">{text}</p>
            {undo}
        </div>
    }
}
