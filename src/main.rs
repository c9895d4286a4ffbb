//! The page: takes over from the shell in `index.html`.

#![forbid(unsafe_code)]

mod ui;

fn main() {
    console_error_panic_hook::set_once();
    ui::mount();
}
