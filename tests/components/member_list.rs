use leptos::prelude::*;
use pesan::chat::server_events::ServerEvent;
use pesan::components::member_list::MemberList;
use pesan::protocol::{LOBBY, PresenceBatch};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{mount, person};

#[wasm_bindgen_test]
async fn people_are_in_the_order_of_the_language() {
    let mounted = mount(|_| view! { <MemberList /> });
    let people = [("1", "Zoe"), ("2", "Émile"), ("3", "dina"), ("me", "Ayu")];
    let people = people.map(|(id, name)| person(id, name)).to_vec();
    mounted.enter_lobby(people, Vec::new()).await;
    assert_eq!(mounted.texts(".name"), ["Ayu", "dina", "Émile", "Zoe"]);
    assert_eq!(mounted.get("h2").inner_text(), "People · 4");
}

#[wasm_bindgen_test]
async fn person_at_the_page_is_marked_and_no_button() {
    let mounted = mount(|_| view! { <MemberList /> });
    mounted
        .enter_lobby(vec![person("me", "Ayu"), person("b", "Budi")], Vec::new())
        .await;
    let buttons = mounted.texts("li button .name");
    assert_eq!(buttons, ["Budi"]);
    assert!(mounted.text().contains("you"));
}

#[wasm_bindgen_test]
async fn crowd_shows_its_number_and_how_many_are_not_listed() {
    let mounted = mount(|_| view! { <MemberList /> });
    mounted.enter_lobby(vec![person("me", "Ayu")], Vec::new()).await;
    let batch = PresenceBatch {
        room: LOBBY.to_owned(),
        people: Some(vec![person("me", "Ayu"), person("b", "Budi")]),
        people_count: 5000,
        ..PresenceBatch::default()
    };
    mounted
        .change(|state, now| state.handle_event(now, ServerEvent::PresenceBatch(batch)))
        .await;
    assert_eq!(mounted.texts(".name"), ["Ayu", "Budi"]);
    assert_eq!(mounted.get("h2").inner_text(), "People · 5000");
    assert!(mounted.text().contains("and 4998 more"));
}
