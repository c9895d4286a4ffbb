//! Components of the page in Chromium: mounted, used and looked at.

#![cfg(all(target_arch = "wasm32", feature = "app"))]

mod composer;
mod harness;
mod member_list;
mod message_list;
mod name_prompt;
mod quick_switcher;
mod room_list;
mod settings_dialog;
mod status_banner;
mod storage;
mod token_prompt;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
