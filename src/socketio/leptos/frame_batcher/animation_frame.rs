//! One request of an animation frame, cancelled when it is dropped.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Requested frame; dropping it cancels the request.
pub(super) struct AnimationFrame {
    id: i32,
    _closure: Closure<dyn FnMut()>,
}

impl AnimationFrame {
    /// Calls `run` before the next painting; `None` in a worker, which has no frames.
    pub(super) fn request(run: impl FnOnce() + 'static) -> Option<Self> {
        let mut run = Some(run);
        let closure = Closure::new(move || {
            if let Some(run) = run.take() {
                run();
            }
        });
        let id = web_sys::window()?
            .request_animation_frame(closure.as_ref().unchecked_ref())
            .ok()?;
        Some(Self {
            id,
            _closure: closure,
        })
    }
}

impl Drop for AnimationFrame {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            // fails only for ids that are no numbers
            drop(window.cancel_animation_frame(self.id));
        }
    }
}
