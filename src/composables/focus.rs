//! Moves the focus.

use leptos::html::ElementType;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// Moves the focus to an element; returns whether that was possible.
pub fn focus(element: Option<Element>) -> bool {
    let element = element.and_then(|element| element.dyn_into::<HtmlElement>().ok());
    element.is_some_and(|element| element.focus().is_ok())
}

/// Moves the focus to the element of a reference, if it is there.
pub fn focus_node<E>(node: NodeRef<E>)
where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + 'static,
{
    focus(node.get_untracked().map(JsCast::unchecked_into));
}

/// Moves the focus to an element when it is drawn.
pub fn use_initial_focus<E>(node: NodeRef<E>)
where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + 'static,
{
    Effect::new(move || {
        focus(node.get().map(JsCast::unchecked_into));
    });
}

/// Whether nothing on screen moves when a field takes the focus: there is no on-screen keyboard.
#[must_use]
pub fn has_mouse() -> bool {
    window()
        .match_media("(hover: hover)")
        .ok()
        .flatten()
        .is_some_and(|query| query.matches())
}
