//! Button that opens a sheet beside it. Escape, Back and a click elsewhere close the sheet.

use leptos::html::Div;
use leptos::prelude::*;
use leptos::text_prop::TextProp;
use wasm_bindgen::JsCast;
use web_sys::Node;

use super::icon::{Icon, IconName};
use crate::contexts::layout::{Overlay, use_layout};

/// Button and its sheet.
#[component]
pub fn Popover(
    /// What is open while the sheet is shown.
    overlay: Overlay,
    /// Icon of the button.
    icon: IconName,
    /// Name of the button and of the sheet.
    #[prop(into)]
    label: TextProp,
    /// Class around both.
    class: &'static str,
    /// Class of the sheet.
    sheet_class: &'static str,
    /// Content of the sheet.
    children: ChildrenFn,
) -> impl IntoView {
    let layout = use_layout();
    let frame = NodeRef::<Div>::new();
    let overlay = StoredValue::new(overlay);
    let is_open = Memo::new(move |_| overlay.with_value(|overlay| layout.is_open(overlay)));
    let close = move || overlay.with_value(|overlay| layout.close(overlay));
    let toggle = move |_| {
        if is_open.get_untracked() {
            close();
        } else {
            layout.open(overlay.get_value());
        }
    };
    let outside = window_event_listener(leptos::ev::pointerdown, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<Node>().ok());
        let is_inside = frame
            .get_untracked()
            .is_some_and(|frame| frame.contains(target.as_ref()));
        if !is_inside {
            close();
        }
    });
    on_cleanup(move || outside.remove());
    let label = StoredValue::new(label);
    let text = move || label.with_value(TextProp::get);
    view! {
        <div class=class node_ref=frame>
            <button
                type="button"
                class="icon-button"
                aria-label=text
                title=text
                aria-expanded=move || is_open.get().to_string()
                on:click=toggle
            >
                <Icon name=icon />
            </button>
            <Show when=move || is_open.get()>
                <div class=sheet_class role="group" aria-label=text>
                    {children()}
                </div>
            </Show>
        </div>
    }
}
