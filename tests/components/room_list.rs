use leptos::prelude::*;
use pesan::chat::server_events::ServerEvent;
use pesan::components::new_room_dialog::NewRoomDialog;
use pesan::components::room_list::RoomList;
use pesan::protocol::RoomKind;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{Mounted, message, mount, person, room, settle};

async fn list() -> Mounted {
    let mounted = mount(|_| view! { <RoomList /> });
    mounted.enter_lobby(Vec::new(), Vec::new()).await;
    mounted
        .change(|state, now| state.handle_event(now, ServerEvent::Room(room("warung", RoomKind::Open, 0))))
        .await;
    mounted
}

#[wasm_bindgen_test]
async fn room_moves_to_the_joined_ones_when_it_is_opened() {
    let mounted = list().await;
    assert_eq!(mounted.texts("ul:first-of-type .name"), ["Lobby"]);
    assert_eq!(mounted.texts("ul:last-of-type .name"), ["warung"]);
    mounted.get("ul:last-of-type button").click();
    settle().await;
    assert_eq!(mounted.texts("ul:first-of-type .name"), ["Lobby", "warung"]);
    assert_eq!(mounted.texts("[aria-current=true] .name"), ["warung"]);
}

#[wasm_bindgen_test]
async fn unread_messages_are_counted_in_words_and_numbers() {
    let mounted = list().await;
    mounted.change(|state, now| state.open(now, "warung")).await;
    let budi = person("budi", "Budi");
    mounted
        .change(|state, now| state.handle_event(now, ServerEvent::Message(message(1, &budi, "halo"))))
        .await;
    assert_eq!(mounted.texts(".badge"), ["1"]);
    assert!(mounted.texts("button.unread")[0].contains("1 unread"));
    assert_eq!(mounted.texts("button.unread .preview"), ["Budi: halo"]);
}

#[wasm_bindgen_test]
async fn new_room_dialog_opens_with_the_cursor_in_its_field() {
    let mounted = mount(|_| view! { <NewRoomDialog on_close=|()| () /> });
    settle().await;
    assert_eq!(document().active_element(), mounted.find("#new-room-name"));
}
