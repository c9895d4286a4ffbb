//! Collects what arrives between two animation frames and hands it over at once.

use std::time::Duration;

use leptos::leptos_dom::helpers::{
    AnimationFrameRequestHandle, TimeoutHandle, request_animation_frame_with_handle, set_timeout_with_handle,
};

use crate::socketio::MaybeSend;
use crate::socketio::handle::{Lock, Shared, Weak};

/// Longest wait where there are no frames, as in a hidden tab.
const HIDDEN: Duration = Duration::from_millis(250);

/// Things that wait for the next frame, and the closure that gets them.
pub(super) struct Gather<T>(Shared<Lock<State<T>>>);

struct State<T> {
    waiting: Vec<T>,
    deliver: Option<Box<dyn Deliver<T>>>,
    frame: Option<AnimationFrameRequestHandle>,
    timeout: Option<TimeoutHandle>,
}

trait Deliver<T>: MaybeSend {
    fn deliver(&mut self, things: Vec<T>);
}

impl<T, F: FnMut(Vec<T>) + MaybeSend> Deliver<T> for F {
    fn deliver(&mut self, things: Vec<T>) {
        self(things);
    }
}

impl<T: 'static> Gather<T> {
    pub(super) fn new(deliver: impl FnMut(Vec<T>) + MaybeSend + 'static) -> Self {
        Self(Shared::new(Lock::new(State {
            waiting: Vec::new(),
            deliver: Some(Box::new(deliver)),
            frame: None,
            timeout: None,
        })))
    }

    /// Adds one thing; the first one asks for a frame.
    pub(super) fn push(&self, thing: T) {
        let mut state = self.0.lock();
        state.waiting.push(thing);
        if state.waiting.len() > 1 {
            return;
        }
        // Neither keeps the gathering alive: with the component goes what it has not seen yet.
        let (at_frame, at_timeout) = (Shared::downgrade(&self.0), Shared::downgrade(&self.0));
        state.frame = request_animation_frame_with_handle(move || flush(&at_frame)).ok();
        state.timeout = set_timeout_with_handle(move || flush(&at_timeout), HIDDEN).ok();
    }
}

fn flush<T>(state: &Weak<Lock<State<T>>>) {
    let Some(state) = state.upgrade() else { return };
    let mut held = state.lock();
    held.unschedule();
    let things = std::mem::take(&mut held.waiting);
    if things.is_empty() {
        return;
    }
    // Taken out while it runs, so that what it does may add to the next frame.
    let Some(mut deliver) = held.deliver.take() else {
        return;
    };
    drop(held);
    deliver.deliver(things);
    state.lock().deliver = Some(deliver);
}

impl<T> State<T> {
    fn unschedule(&mut self) {
        if let Some(frame) = self.frame.take() {
            frame.cancel();
        }
        if let Some(timeout) = self.timeout.take() {
            timeout.clear();
        }
    }
}

impl<T> Drop for State<T> {
    fn drop(&mut self) {
        self.unschedule();
    }
}
