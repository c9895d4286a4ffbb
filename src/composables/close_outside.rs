//! Closes a sheet by a click elsewhere.

use leptos::ev;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Node;

use crate::contexts::layout::{Overlay, use_layout};

/// Closes `overlay` when the person clicks or taps outside of `frame`.
pub fn use_close_outside(frame: NodeRef<Div>, overlay: Overlay) {
    let layout = use_layout();
    let outside = window_event_listener(ev::pointerdown, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<Node>().ok());
        let is_inside = frame
            .get_untracked()
            .is_some_and(|frame| frame.contains(target.as_ref()));
        if !is_inside {
            layout.close(&overlay);
        }
    });
    on_cleanup(move || outside.remove());
}
