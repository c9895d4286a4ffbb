//! What floats over the page; Escape and a click beside it close it.

use leptos::ev::MouseEvent;
use leptos::html::Dialog as Element;
use leptos::prelude::*;

use super::icon::{CLOSE, icon};

/// Dialog with a heading.
#[component]
pub(crate) fn Dialog(
    heading: &'static str,
    /// Label of the button that closes it.
    close: &'static str,
    on_close: Callback<()>,
    content: AnyView,
) -> impl IntoView {
    let dialog = NodeRef::<Element>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            dialog.show_modal().unwrap_or_default();
        }
    });
    let beside = move |event: MouseEvent| {
        let dialog = dialog.get_untracked();
        if event
            .target()
            .is_some_and(|target| dialog.is_some_and(|dialog| target == (*dialog).clone().into()))
        {
            on_close.run(());
        }
    };
    view! {
        <dialog node_ref=dialog aria-label=heading on:close=move |_| on_close.run(()) on:click=beside>
            <div class="top">
                <h2>{heading}</h2>
                <button class="icon" aria-label=close title=close on:click=move |_| on_close.run(())>{icon(CLOSE)}</button>
            </div>
            <div class="content">{content}</div>
        </dialog>
    }
}
