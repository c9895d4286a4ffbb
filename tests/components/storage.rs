use pesan::chat::WindowState;
use pesan::services::storage::{get, set, set_window_state, take_window_states};
use wasm_bindgen_test::wasm_bindgen_test;

fn draft(text: &str) -> WindowState {
    WindowState {
        drafts: vec![("lobby".to_owned(), text.to_owned())],
        ..WindowState::default()
    }
}

fn clear() {
    for window in ["one", "two"] {
        set_window_state(window, 0, WindowState::default());
    }
}

#[wasm_bindgen_test]
fn state_of_a_closed_window_is_taken_over_once() {
    clear();
    set_window_state("one", 0, draft("tersisa"));
    assert_eq!(take_window_states(10_000), draft("tersisa"));
    assert_eq!(take_window_states(10_000), WindowState::default());
}

#[wasm_bindgen_test]
fn state_of_a_living_window_is_left_alone() {
    clear();
    set_window_state("one", 9_000, draft("masih ada"));
    assert_eq!(take_window_states(10_000), WindowState::default());
    assert_eq!(
        take_window_states(20_000),
        draft("masih ada"),
        "was stored too long ago"
    );
}

#[wasm_bindgen_test]
fn unreadable_state_is_removed() {
    clear();
    set("pesan.carried.two", Some("{not json"));
    assert_eq!(take_window_states(10_000), WindowState::default());
    assert_eq!(get("pesan.carried.two"), None);
}
