//! The page: takes over from the shell in `index.html`.

#![forbid(unsafe_code)]

// On the host the page is only checked; with `native` there, closures must be `Send`, which a page's are not.
#[cfg(any(target_arch = "wasm32", not(feature = "native")))]
mod ui;

/// What the page's memory is given out by: an allocator half as large as the standard library's.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: rlsf::GlobalTlsf<Memory> = rlsf::GlobalTlsf::new();

/// Memory that grows stays one piece; a block that grows is moved.
#[cfg(target_arch = "wasm32")]
struct Memory;

#[cfg(target_arch = "wasm32")]
impl rlsf::GlobalTlsfOptions for Memory {
    const ENABLE_REALLOCATION: bool = false;
    const COALESCE_POOLS: bool = true;
}

fn main() {
    #[cfg(any(target_arch = "wasm32", not(feature = "native")))]
    {
        console_error_panic_hook::set_once();
        ui::mount();
    }
}
