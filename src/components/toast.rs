//! Short confirmation that disappears by itself.

use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use crate::contexts::layout::use_layout;

/// How long a toast is shown, in milliseconds.
const DURATION: u32 = 2000;

/// Confirmation at the bottom of the page.
#[component]
pub fn Toast() -> impl IntoView {
    let toast = use_layout().toast;
    let timer = StoredValue::new_local(None::<Timeout>);
    Effect::new(move || {
        let shown = toast.with(Option::is_some);
        timer.set_value(shown.then(|| Timeout::new(DURATION, move || toast.set(None))));
    });
    view! {
        <p class="toast" role="status">
            {move || toast.get()}
        </p>
    }
}
