//! The page: takes over from the shell in `index.html`.

#![forbid(unsafe_code)]

// On the host the page is only checked; with `native` there, closures must be `Send`, which a page's are not.
#[cfg(any(target_arch = "wasm32", not(feature = "native")))]
mod ui;

fn main() {
    #[cfg(any(target_arch = "wasm32", not(feature = "native")))]
    {
        console_error_panic_hook::set_once();
        ui::mount();
    }
}
