//! Collects what arrives between two animation frames and hands it over at once, and less often in a flood.

use std::time::Duration;

use leptos::leptos_dom::helpers::{
    AnimationFrameRequestHandle, TimeoutHandle, request_animation_frame_with_handle, set_timeout_with_handle,
};

use crate::socketio::MaybeSend;
use crate::socketio::handle::{Lock, Shared, Weak};

/// Longest wait where there are no frames, as in a hidden tab.
const HIDDEN: Duration = Duration::from_millis(250);

/// So many things between two frames are a flood: drawing each frame of it would take the time that reading needs.
const FLOOD: usize = 50;

/// How often a flood is looked at.
const TICK: Duration = Duration::from_millis(20);

/// Most ticks between two deliveries of a flood.
const TICKS: usize = 6;

/// No more than so many things between two ticks, and the flood is over.
const CALM: usize = 10;

/// Things that wait for the next frame, and the closure that gets them.
///
/// What [`use_batch`](super::use_batch) is made of, for things that do not come from one event alone. The order is
/// kept. More than fifty things between two frames are a flood, of which the rest comes every 120 milliseconds, and at
/// once when it is over.
///
/// ```no_run
/// use pesan::socketio::hooks::Gather;
///
/// let lines = Gather::new(|lines: Vec<String>| println!("{}", lines.join("\n")));
/// lines.push("one".to_owned());
/// lines.push("two".to_owned());
/// ```
pub struct Gather<T>(Shared<Lock<State<T>>>);

struct State<T> {
    waiting: Vec<T>,
    deliver: Option<Box<dyn Deliver<T>>>,
    frame: Option<AnimationFrameRequestHandle>,
    timeout: Option<TimeoutHandle>,
    flooded: bool,
    /// How many ticks there were since the last delivery, and how many things at the last of them.
    ticks: (usize, usize),
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
    /// Hands all that was gathered to a closure, once a frame. Without frames, as in a hidden tab, it comes every
    /// quarter of a second at the latest, or as often as the browser lets timers run.
    pub fn new(deliver: impl FnMut(Vec<T>) + MaybeSend + 'static) -> Self {
        Self(Shared::new(Lock::new(State {
            waiting: Vec::new(),
            deliver: Some(Box::new(deliver)),
            frame: None,
            timeout: None,
            flooded: false,
            ticks: (0, 0),
        })))
    }

    /// Adds one thing; the first one asks for a frame.
    pub fn push(&self, thing: T) {
        let mut state = self.0.lock();
        state.waiting.push(thing);
        if state.waiting.len() > 1 {
            return;
        }
        // Neither keeps the gathering alive: with the component goes what it has not seen yet.
        let (at_frame, at_timeout) = (Shared::downgrade(&self.0), Shared::downgrade(&self.0));
        if state.flooded {
            state.timeout = set_timeout_with_handle(move || tick(&at_timeout), TICK).ok();
            return;
        }
        state.frame = request_animation_frame_with_handle(move || flush(&at_frame)).ok();
        state.timeout = set_timeout_with_handle(move || flush(&at_timeout), HIDDEN).ok();
    }
}

/// Hands over what has come of a flood when it has been over or long enough, and looks again else.
fn tick<T: 'static>(state: &Weak<Lock<State<T>>>) {
    let again = Weak::clone(state);
    let Some(state) = state.upgrade() else { return };
    let mut held = state.lock();
    let (ticks, before) = held.ticks;
    let waiting = held.waiting.len();
    if waiting - before <= CALM || ticks + 1 >= TICKS {
        drop(held);
        return flush(&again);
    }
    held.ticks = (ticks + 1, waiting);
    held.timeout = set_timeout_with_handle(move || tick(&again), TICK).ok();
}

fn flush<T>(state: &Weak<Lock<State<T>>>) {
    let Some(state) = state.upgrade() else { return };
    let mut held = state.lock();
    held.unschedule();
    let things = std::mem::take(&mut held.waiting);
    held.flooded = things.len() > FLOOD;
    held.ticks = (0, 0);
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
