use leptos::prelude::*;
use pesan::chat::connection_state::ConnectionState;
use pesan::components::token_prompt::TokenPrompt;
use pesan::protocol::{ChatError, ChatErrorCode};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{Mounted, mount, settle};

async fn refused(mounted: &Mounted, code: ChatErrorCode, detail: &str) {
    mounted.contexts.connection.set(ConnectionState::Refused {
        reason: String::new(),
        error: Some(ChatError {
            code,
            detail: detail.to_owned(),
        }),
    });
    settle().await;
}

#[wasm_bindgen_test]
async fn prompt_says_whether_the_token_was_wrong_or_came_too_often() {
    let mounted = mount(|_| view! { <TokenPrompt /> });
    assert_eq!(mounted.text(), "");
    refused(&mounted, ChatErrorCode::Unauthorized, "").await;
    assert!(
        mounted
            .text()
            .contains("This server asks for a password or token.")
    );
    assert_eq!(document().active_element(), mounted.find("input"));
    mounted.contexts.connection.token_sent.set(true);
    refused(&mounted, ChatErrorCode::Unauthorized, "").await;
    assert!(mounted.text().contains("was not accepted"));
    refused(&mounted, ChatErrorCode::TooFast, "8").await;
    assert!(mounted.text().contains("Going on in 8 s."));
}
