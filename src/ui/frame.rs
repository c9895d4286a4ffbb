//! Gathers what happens between two frames, so that the page changes once a frame however much arrives,
//! and less often in a flood.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Function;
use leptos::prelude::window;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;

/// A window that is not seen has no frames: it catches up this often, in milliseconds.
const UNSEEN: i32 = 300;

/// So many things between two frames are a flood: drawing each frame of it would take the time that reading needs.
const FLOOD: usize = 50;

/// Pause between two drawings of a flood, in milliseconds.
const FLOOD_PAUSE: i32 = 120;

/// What happened since the last frame, and who wants to know.
pub(crate) struct Frame<T: 'static> {
    gathered: RefCell<Vec<T>>,
    /// The frame and the timer that were asked for; no frame in a flood.
    asked: Cell<Option<(Option<i32>, i32)>>,
    flooded: Cell<bool>,
    run: RefCell<Option<Closure<dyn FnMut()>>>,
}

impl<T: 'static> Frame<T> {
    /// Hands all that was gathered to `deliver`, once a frame.
    pub(crate) fn new(deliver: impl Fn(Vec<T>) + 'static) -> Rc<Self> {
        let frame = Rc::new(Self {
            gathered: RefCell::default(),
            asked: Cell::default(),
            flooded: Cell::default(),
            run: RefCell::default(),
        });
        let weak = Rc::downgrade(&frame);
        let run = Closure::new(move || {
            let Some(frame) = weak.upgrade() else { return };
            frame.withdraw();
            let gathered = frame.gathered.take();
            frame.flooded.set(gathered.len() > FLOOD);
            if !gathered.is_empty() {
                deliver(gathered);
            }
        });
        frame.run.replace(Some(run));
        frame
    }

    /// Adds something that happened.
    pub(crate) fn gather(&self, happened: T) {
        self.gathered.borrow_mut().push(happened);
        if self.asked.get().is_some() {
            return;
        }
        let run = self.run.borrow();
        let Some(function) = run.as_ref().map(|run| run.as_ref().unchecked_ref::<Function>()) else {
            return;
        };
        let flooded = self.flooded.get();
        let frame = (!flooded).then(|| window().request_animation_frame(function).unwrap_or_default());
        let pause = if flooded { FLOOD_PAUSE } else { UNSEEN };
        let timer = window()
            .set_timeout_with_callback_and_timeout_and_arguments_0(function, pause)
            .unwrap_or_default();
        self.asked.set(Some((frame, timer)));
    }

    fn withdraw(&self) {
        if let Some((frame, timer)) = self.asked.take() {
            if let Some(frame) = frame {
                window().cancel_animation_frame(frame).unwrap_or_default();
            }
            window().clear_timeout_with_handle(timer);
        }
    }
}

impl<T> Drop for Frame<T> {
    fn drop(&mut self) {
        self.withdraw();
    }
}
