//! Frame of all dialogs: a title, a close button, Escape and a click beside it.

use leptos::html;
use leptos::prelude::*;
use leptos::text_prop::TextProp;
use send_wrapper::SendWrapper;
use wasm_bindgen::JsCast;

use super::icon::{IconButton, IconName};
use crate::composables::focus::focus;
use crate::contexts::i18n::use_i18n;

/// Modal dialog; it opens when it is drawn, and calls `on_close` when it was closed.
///
/// The focus returns to where it was, also when Back closes the dialog.
#[component]
pub fn Modal(
    #[prop(into)] title: TextProp,
    #[prop(into)] on_close: Callback<()>,
    children: Children,
) -> impl IntoView {
    let i18n = use_i18n();
    let dialog = NodeRef::<html::Dialog>::new();
    let focused = SendWrapper::new(document().active_element());
    on_cleanup(move || {
        // a frame later: while the dialog is there, nothing else takes the focus
        request_animation_frame(move || {
            focus(focused.take());
        });
    });
    Effect::new(move || {
        if let Some(dialog) = dialog.get()
            && !dialog.open()
            && dialog.show_modal().is_err()
        {
            leptos::logging::warn!("the dialog does not open");
        }
    });
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let label = title.clone();
    view! {
        <dialog
            node_ref=dialog
            aria-label=move || label.get()
            on:close=move |_| on_close.run(())
            on:click=move |event| {
                // a click on the backdrop has the dialog itself as its target
                let target = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlDialogElement>().ok());
                if target.is_some() {
                    close();
                }
            }
        >
            <div class="modal-header">
                <h2>{move || title.get()}</h2>
                <IconButton icon=IconName::Close label=i18n.text(|s| s.close) on_press=move |_| close() />
            </div>
            <div class="modal-content">{children()}</div>
        </dialog>
    }
}
