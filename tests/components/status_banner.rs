use leptos::prelude::*;
use pesan::chat::connection_state::ConnectionState;
use pesan::chat::server_events::ServerEvent;
use pesan::components::status_banner::StatusBanner;
use pesan::protocol::{Announcement, Kicked};
use pesan::services::clock;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::{Mounted, mount, settle};

async fn banner(state: ConnectionState) -> Mounted {
    let mounted = mount(|_| view! { <StatusBanner /> });
    mounted.contexts.connection.set(state);
    settle().await;
    mounted
}

#[wasm_bindgen_test]
async fn connected_page_shows_no_bar() {
    let mounted = banner(ConnectionState::Connected).await;
    assert!(mounted.find(".banner").is_none());
}

#[wasm_bindgen_test]
async fn pause_before_an_attempt_counts_down_with_a_button() {
    let waiting = ConnectionState::Backoff {
        attempt: 3,
        until: clock::now() + 4000,
        lost: true,
    };
    let mounted = banner(waiting).await;
    let text = mounted.text();
    assert!(
        text.contains("Connection lost. Trying again in 4 s (attempt 3)."),
        "{text}"
    );
    mounted.button("Try now");
}

#[wasm_bindgen_test]
async fn kicked_person_is_told_why_and_may_come_back() {
    let mounted = banner(ConnectionState::EndedByServer).await;
    let kicked = Kicked {
        reason: "istirahat dulu".to_owned(),
    };
    mounted
        .change(|state, now| state.handle_event(now, ServerEvent::Kicked(kicked)))
        .await;
    assert!(mounted.text().contains("An operator removed you: istirahat dulu"));
    mounted.button("Come back in");
}

#[wasm_bindgen_test]
async fn announcement_stays_until_it_is_closed() {
    let mounted = banner(ConnectionState::Connected).await;
    let announcement = Announcement {
        text: "rapat jam tiga".to_owned(),
        at: 0,
    };
    mounted
        .change(|state, now| state.handle_event(now, ServerEvent::Announcement(announcement)))
        .await;
    assert!(mounted.text().contains("Announcement: rapat jam tiga"));
    mounted.press("Close");
    settle().await;
    assert!(mounted.find(".banner").is_none());
}
