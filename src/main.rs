//! The page: takes over from the shell in `index.html`.

#![forbid(unsafe_code)]

// On the host the page is only checked; with `native` there, closures must be `Send`, which a page's are not.
#[cfg(any(target_arch = "wasm32", not(feature = "native")))]
mod ui;

/// Gives out the page's memory, with a sixth of the code of the standard library's allocator.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

fn main() {
    #[cfg(any(target_arch = "wasm32", not(feature = "native")))]
    {
        // in release a panic ends at once and says nothing; `index.html` tells the person
        #[cfg(debug_assertions)]
        console_error_panic_hook::set_once();
        ui::mount();
    }
}
