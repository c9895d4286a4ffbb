use leptos::prelude::*;
use pesan::chat::server_events::ServerEvent;
use pesan::components::quick_switcher::QuickSwitcher;
use pesan::protocol::RoomKind;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{Mounted, mount, person, press_key, room, type_text};

async fn switcher() -> Mounted {
    let mounted = mount(|_| view! { <QuickSwitcher on_close=|()| {} /> });
    mounted
        .enter_lobby(vec![person("w", "Wati"), person("b", "Budi")], Vec::new())
        .await;
    mounted
        .change(|state, now| {
            state.handle_event(now, ServerEvent::Room(room("Warung kopi", RoomKind::Open, 0)));
            state.handle_event(now, ServerEvent::Room(room("Ruang warna", RoomKind::Open, 0)));
        })
        .await;
    mounted
}

#[wasm_bindgen_test]
async fn names_that_begin_with_the_query_come_first() {
    let mounted = switcher().await;
    type_text(&mounted.get("input"), "WA").await;
    assert_eq!(
        mounted.texts("[role=option] .name"),
        ["Warung kopi", "Wati", "Ruang warna"]
    );
}

#[wasm_bindgen_test]
async fn arrow_selects_and_enter_opens_the_room() {
    let mounted = switcher().await;
    let field = mounted.get("input");
    type_text(&field, "war").await;
    press_key(&field, "ArrowDown", |_| {}).await;
    assert_eq!(mounted.texts("[aria-selected=true] .name"), ["Ruang warna"]);
    press_key(&field, "Enter", |_| {}).await;
    let opened = mounted
        .contexts
        .chat
        .with_untracked(|state| state.room().room.id.clone());
    assert_eq!(opened, "Ruang warna");
}

#[wasm_bindgen_test]
async fn query_without_a_match_says_so() {
    let mounted = switcher().await;
    type_text(&mounted.get("input"), "zzz").await;
    assert!(mounted.text().contains("Nothing matches."));
}
