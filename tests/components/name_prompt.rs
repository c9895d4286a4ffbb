use leptos::prelude::*;
use pesan::components::name_prompt::NamePrompt;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{mount, settle};

#[wasm_bindgen_test]
async fn prompt_is_shown_until_the_given_name_is_kept() {
    let mounted = mount(|_| view! { <NamePrompt /> });
    assert_eq!(
        mounted.text(),
        "",
        "nobody is asked before the server has greeted"
    );
    mounted.enter_lobby(Vec::new(), Vec::new()).await;
    assert!(mounted.text().contains("What is your name?"));
    mounted.press("Keep “Ayu”");
    settle().await;
    assert_eq!(mounted.text(), "");
    let name = mounted
        .contexts
        .chat
        .with_untracked(|state| state.wished_name().map(str::to_owned));
    assert_eq!(name.as_deref(), Some("Ayu"));
}
