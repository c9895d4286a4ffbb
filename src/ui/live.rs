//! Reads new messages out to a screen reader: one by one, or bundled when many arrive.

use leptos::prelude::*;

/// Text that is read out when it changes.
#[component]
pub(crate) fn Live(#[prop(into)] text: Signal<String>) -> impl IntoView {
    view! { <div class="unseen" aria-live="polite">{move || text.get()}</div> }
}
