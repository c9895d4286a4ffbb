use leptos::prelude::*;
use pesan::components::composer::Composer;
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{HtmlButtonElement, HtmlTextAreaElement};

use crate::harness::{Mounted, message, mount, person, press_key, type_text};

async fn composer() -> Mounted {
    let mounted = mount(|_| view! { <Composer autofocus=false /> });
    let budi = person("budi", "Budi");
    let messages = vec![message(1, &budi, "halo")];
    mounted.enter_lobby(vec![budi], messages).await;
    mounted
}

fn value(mounted: &Mounted) -> String {
    mounted
        .get("textarea")
        .unchecked_into::<HtmlTextAreaElement>()
        .value()
}

fn is_disabled(mounted: &Mounted) -> bool {
    mounted
        .button("Send")
        .unchecked_into::<HtmlButtonElement>()
        .disabled()
}

fn sent_texts(mounted: &Mounted) -> Vec<String> {
    mounted.contexts.chat.with_untracked(|state| {
        let rows = state.rows(0, state.len());
        let mine = rows
            .iter()
            .filter_map(|row| row.item.message())
            .filter(|message| message.mine);
        mine.map(|message| message.text.clone()).collect()
    })
}

#[wasm_bindgen_test]
async fn enter_sends_the_text_and_empties_the_field() {
    let mounted = composer().await;
    let field = mounted.get("textarea");
    type_text(&field, "apa kabar").await;
    assert!(press_key(&field, "Enter", |_| {}).await);
    assert_eq!(sent_texts(&mounted), ["apa kabar"]);
    assert_eq!(value(&mounted), "");
}

#[wasm_bindgen_test]
async fn send_button_is_disabled_without_a_visible_text() {
    let mounted = composer().await;
    let field = mounted.get("textarea");
    for blank in ["", "  ", "\u{200b}"] {
        type_text(&field, blank).await;
        assert!(is_disabled(&mounted), "{blank:?}");
        press_key(&field, "Enter", |_| {}).await;
    }
    assert_eq!(sent_texts(&mounted), [""; 0]);
    type_text(&field, "ada").await;
    assert!(!is_disabled(&mounted));
    mounted.press("Send");
    assert_eq!(sent_texts(&mounted), ["ada"]);
}

#[wasm_bindgen_test]
async fn enter_with_shift_or_while_composing_does_not_send() {
    let mounted = composer().await;
    let field = mounted.get("textarea");
    type_text(&field, "にほん").await;
    assert!(!press_key(&field, "Enter", |init| init.set_shift_key(true)).await);
    assert!(!press_key(&field, "Enter", |init| init.set_is_composing(true)).await);
    // Safari ends the composition first and sends the key with this code
    assert!(!press_key(&field, "Enter", |init| init.set_key_code(229)).await);
    assert_eq!(sent_texts(&mounted), [""; 0]);
}

#[wasm_bindgen_test]
async fn text_over_the_limit_says_by_how_much_and_is_not_sent() {
    let mounted = composer().await;
    let field = mounted.get("textarea");
    type_text(&field, &"é".repeat(103)).await;
    assert!(mounted.text().contains("3 characters too long"));
    assert!(is_disabled(&mounted));
    press_key(&field, "Enter", |_| {}).await;
    assert_eq!(sent_texts(&mounted), [""; 0]);
}

#[wasm_bindgen_test]
async fn emoji_is_inserted_at_the_cursor() {
    let mounted = composer().await;
    let field = mounted.get("textarea");
    type_text(&field, "ya dong").await;
    let area: HtmlTextAreaElement = field.unchecked_into();
    area.set_selection_range(2, 2).expect("within the text");
    mounted.press("Emoji");
    crate::harness::settle().await;
    mounted.press("👍");
    crate::harness::settle().await;
    assert_eq!(value(&mounted), "ya👍 dong");
    assert!(mounted.find(".emoji-sheet").is_none(), "the sheet closes");
}

#[wasm_bindgen_test]
async fn escape_cancels_the_reply() {
    let mounted = composer().await;
    let key = mounted
        .contexts
        .chat
        .with_untracked(|state| state.rows(0, 1)[0].item.key);
    mounted.contexts.chat.reply_to(Some(key));
    crate::harness::settle().await;
    assert!(mounted.text().contains("Replying to Budi: halo"));
    assert!(press_key(&mounted.get("textarea"), "Escape", |_| {}).await);
    assert!(mounted.find(".reply-preview").is_none());
}

#[wasm_bindgen_test]
async fn each_room_keeps_its_own_draft() {
    let mounted = composer().await;
    type_text(&mounted.get("textarea"), "untuk lobi").await;
    mounted.change(|state, now| state.open(now, "warung")).await;
    let open = mounted
        .contexts
        .chat
        .with_untracked(|state| (state.room().room.id.clone(), state.room().draft.clone()));
    assert_eq!(open, ("warung".to_owned(), String::new()));
    assert_eq!(value(&mounted), "");
    type_text(&mounted.get("textarea"), "untuk warung").await;
    mounted.change(|state, now| state.open(now, "lobby")).await;
    assert_eq!(value(&mounted), "untuk lobi");
}
