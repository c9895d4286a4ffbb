use leptos::prelude::*;
use pesan::chat::responses::Response;
use pesan::chat::server_events::ServerEvent;
use pesan::components::message_list::MessageList;
use pesan::protocol::{ChatError, ChatErrorCode};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{Mounted, message, mount, person, press_key, settle};

async fn list(count: u64) -> Mounted {
    let mounted = mount(|_| {
        view! {
            <style>{include_str!("../../style/message_list.css")}</style>
            <div style="height: 400px; display: flex; flex-direction: column">
                <MessageList />
            </div>
        }
    });
    let budi = person("budi", "Budi");
    let messages = (1..=count)
        .map(|seq| message(seq, &budi, &format!("pesan {seq}")))
        .collect();
    mounted.enter_lobby(vec![budi], messages).await;
    settle().await;
    mounted
}

#[wasm_bindgen_test]
async fn empty_room_says_what_to_do() {
    let mounted = list(0).await;
    assert!(mounted.text().contains("Say hello"));
}

#[wasm_bindgen_test]
async fn text_is_never_markup_and_addresses_are_links() {
    let mounted = list(0).await;
    let text = "<b>tebal</b> https://example.org/a?b=c.";
    let budi = person("budi", "Budi");
    mounted
        .change(|state, now| state.handle_event(now, ServerEvent::Message(message(1, &budi, text))))
        .await;
    assert_eq!(mounted.texts(".text"), [text]);
    assert!(mounted.find(".text b").is_none());
    let link = mounted.get(".text a");
    assert_eq!(
        link.get_attribute("href").as_deref(),
        Some("https://example.org/a?b=c")
    );
    assert_eq!(
        link.get_attribute("rel").as_deref(),
        Some("noopener noreferrer nofollow")
    );
}

#[wasm_bindgen_test]
async fn row_keeps_its_element_when_the_message_is_stored() {
    let mounted = list(0).await;
    mounted.contexts.chat.submit("milik saya");
    settle().await;
    let row = mounted.get("article");
    assert!(mounted.text().contains("sent in a moment"));
    let mine = person("me", "Ayu");
    let id = mounted.contexts.chat.with_untracked(|state| {
        state.rows(0, 1)[0]
            .item
            .message()
            .map(|message| message.id.clone())
            .expect("a message")
    });
    let mut stored = message(1, &mine, "milik saya");
    stored.id = id;
    mounted
        .change(|state, now| state.handle_event(now, ServerEvent::Message(stored)))
        .await;
    assert_eq!(mounted.get("article"), row);
    assert!(!mounted.text().contains("sent in a moment"));
    assert!(mounted.find(".sent-mark").is_some());
}

#[wasm_bindgen_test]
async fn failed_message_offers_to_try_again_and_to_discard() {
    let mounted = list(0).await;
    mounted.contexts.chat.submit("ditolak");
    settle().await;
    let id = mounted.contexts.chat.with_untracked(|state| {
        state.rows(0, 1)[0]
            .item
            .message()
            .map(|message| message.id.clone())
            .expect("a message")
    });
    let error = ChatError {
        code: ChatErrorCode::StoreFailed,
        detail: String::new(),
    };
    mounted
        .change(|state, now| state.handle_response(now, Response::Sent(id, Some(Err(error)))))
        .await;
    assert!(
        mounted
            .text()
            .contains("Not sent. The server could not store the message.")
    );
    mounted.button("Try again");
    mounted.press("Discard");
    settle().await;
    assert!(mounted.find("article").is_none());
}

#[wasm_bindgen_test]
async fn long_text_is_collapsed_until_it_is_shown_whole() {
    let mounted = list(0).await;
    let long = "kata ".repeat(1000);
    let budi = person("budi", "Budi");
    mounted
        .change(|state, now| state.handle_event(now, ServerEvent::Message(message(1, &budi, &long))))
        .await;
    let collapsed = mounted.texts(".text").remove(0);
    assert!(collapsed.len() < 910 && collapsed.ends_with("kata…"));
    mounted.press("Show all");
    settle().await;
    assert_eq!(mounted.texts(".text"), [long]);
}

#[wasm_bindgen_test]
async fn long_history_draws_only_the_rows_near_the_screen() {
    let mounted = list(5000).await;
    let drawn = mounted.texts("article").len();
    assert!(drawn > 5 && drawn < 200, "{drawn} rows are drawn");
    assert!(
        mounted.texts(".text").contains(&"pesan 5000".to_owned()),
        "the newest is shown"
    );
}

#[wasm_bindgen_test]
async fn arrow_keys_walk_through_the_rows_and_r_replies() {
    let mounted = list(3).await;
    let log = mounted.get(".log");
    log.focus().expect("it takes the focus");
    press_key(&log, "ArrowUp", |_| {}).await;
    let row = document().active_element().expect("the newest row");
    assert!(row.text_content().expect("it has text").contains("pesan 3"));
    press_key(&row, "ArrowUp", |_| {}).await;
    let row = document().active_element().expect("the row before");
    assert!(row.text_content().expect("it has text").contains("pesan 2"));
    press_key(&row, "r", |_| {}).await;
    let quoted = mounted
        .contexts
        .chat
        .with_untracked(|state| state.room().reply_to.as_ref().map(|quote| quote.seq));
    assert_eq!(quoted, Some(2));
}
