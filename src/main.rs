//! The page: takes over from the shell in `index.html`.

#![forbid(unsafe_code)]
#![expect(
    unreachable_pub,
    reason = "Leptos makes a public type of every component's properties"
)]

mod ui;

fn main() {
    console_error_panic_hook::set_once();
    ui::mount();
}
