use leptos::prelude::*;
use pesan::components::settings_dialog::SettingsDialog;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlElement;

use crate::harness::{Mounted, mount, settle};

fn choose(mounted: &Mounted, text: &str) {
    let labels = mounted
        .root
        .query_selector_all(".choices label")
        .expect("a valid selector");
    let label = (0..labels.length())
        .filter_map(|index| labels.item(index)?.dyn_into::<HtmlElement>().ok())
        .find(|label| label.inner_text() == text)
        .unwrap_or_else(|| panic!("no choice '{text}'"));
    label.click();
}

fn root_attribute(name: &str) -> Option<String> {
    document()
        .document_element()
        .expect("a document")
        .get_attribute(name)
}

#[wasm_bindgen_test]
async fn language_changes_every_text_at_once() {
    let mounted = mount(|_| view! { <SettingsDialog on_close=|()| {} /> });
    settle().await;
    assert!(mounted.text().contains("Appearance"));
    choose(&mounted, "Bahasa Indonesia");
    settle().await;
    assert!(mounted.text().contains("Tampilan"));
    assert_eq!(root_attribute("lang").as_deref(), Some("id"));
}

#[wasm_bindgen_test]
async fn theme_is_applied_and_remembered() {
    let mounted = mount(|_| view! { <SettingsDialog on_close=|()| {} /> });
    settle().await;
    choose(&mounted, "Dark");
    settle().await;
    assert_eq!(root_attribute("data-theme").as_deref(), Some("dark"));
    assert_eq!(
        pesan::services::storage::get("pesan.theme").as_deref(),
        Some("dark")
    );
    choose(&mounted, "System");
    settle().await;
    assert_eq!(root_attribute("data-theme"), None);
}
