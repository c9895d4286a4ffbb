//! Collects items between two animation frames and delivers them together.

use std::mem;

#[cfg(target_arch = "wasm32")]
use gloo_timers::callback::Timeout;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen::JsCast;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen::closure::Closure;

use crate::socketio::MaybeSend;
#[cfg(target_arch = "wasm32")]
use crate::socketio::sync::Weak;
use crate::socketio::sync::{Lock, Shared};

/// Collects items and hands them to a closure once per animation frame, in order.
///
/// [`use_batch`](super::use_batch) is made of it; use it directly to put several sources into one stream. Clones share
/// the items and the closure; when the last one is dropped, items that were not delivered are dropped too.
///
/// More than 50 items between two frames are a flood: what follows is delivered every 120 ms, and at once when it is
/// over. In a hidden tab, which has no frames, items are delivered after 250 ms, or when the browser lets timers run.
/// Outside of a browser each item is delivered at once.
///
/// ```no_run
/// use pesan::socketio::leptos::FrameBatcher;
///
/// let lines = FrameBatcher::new(|lines: Vec<String>| println!("{}", lines.join("\n")));
/// lines.push("one".to_owned());
/// lines.push("two".to_owned());
/// ```
pub struct FrameBatcher<T>(Shared<Lock<State<T>>>);

impl<T> Clone for FrameBatcher<T> {
    fn clone(&self) -> Self {
        Self(Shared::clone(&self.0))
    }
}

struct State<T> {
    items: Vec<T>,
    /// `None` while it runs.
    deliver: Option<Box<dyn Deliver<T>>>,
    #[cfg(target_arch = "wasm32")]
    schedule: Schedule,
}

trait Deliver<T>: MaybeSend {
    fn deliver(&mut self, items: Vec<T>);
}

impl<T, F: FnMut(Vec<T>) + MaybeSend> Deliver<T> for F {
    fn deliver(&mut self, items: Vec<T>) {
        self(items);
    }
}

impl<T: 'static> FrameBatcher<T> {
    /// Batcher that delivers to a closure.
    pub fn new(deliver: impl FnMut(Vec<T>) + MaybeSend + 'static) -> Self {
        Self(Shared::new(Lock::new(State {
            items: Vec::new(),
            deliver: Some(Box::new(deliver)),
            #[cfg(target_arch = "wasm32")]
            schedule: Schedule::default(),
        })))
    }

    /// Adds an item; the first one schedules a delivery.
    pub fn push(&self, item: T) {
        let mut state = self.0.lock();
        state.items.push(item);
        if state.items.len() == 1 {
            drop(state);
            schedule(&self.0);
        }
    }
}

/// Without frames: delivers at once, and then what was pushed meanwhile.
#[cfg(not(target_arch = "wasm32"))]
fn schedule<T>(state: &Lock<State<T>>) {
    while deliver(state) && !state.lock().items.is_empty() {}
}

/// Calls the closure with what was collected; `false` when it is running already.
fn deliver<T>(state: &Lock<State<T>>) -> bool {
    let mut locked = state.lock();
    // Taken out while it runs, so that it may push.
    let Some(mut deliver) = locked.deliver.take() else {
        return false;
    };
    let items = mem::take(&mut locked.items);
    drop(locked);
    if !items.is_empty() {
        deliver.deliver(items);
    }
    state.lock().deliver = Some(deliver);
    true
}

/// Longest wait where there are no frames, as in a hidden tab, in milliseconds.
#[cfg(target_arch = "wasm32")]
const MAX_DELAY: u32 = 250;

/// More items than this between two frames are a flood: rendering each frame would take the time that reading needs.
#[cfg(target_arch = "wasm32")]
const FLOOD_THRESHOLD: usize = 50;

/// Milliseconds between two checks during a flood.
#[cfg(target_arch = "wasm32")]
const CHECK_INTERVAL: u32 = 20;

/// Most checks between two deliveries during a flood.
#[cfg(target_arch = "wasm32")]
const MAX_CHECKS: usize = 6;

/// At most this many items between two checks end a flood.
#[cfg(target_arch = "wasm32")]
const CALM_THRESHOLD: usize = 10;

/// What will deliver the items, and the state of a flood.
#[cfg(target_arch = "wasm32")]
#[derive(Default)]
struct Schedule {
    frame: Option<AnimationFrame>,
    timeout: Option<Timeout>,
    flooded: bool,
    /// Checks since the last delivery.
    checks: usize,
    /// Items at the last check.
    checked_items: usize,
}

/// Asks for a frame, and for a timer in case that there is none. Neither keeps the batcher alive.
#[cfg(target_arch = "wasm32")]
fn schedule<T: 'static>(state: &Shared<Lock<State<T>>>) {
    let (at_frame, at_timeout) = (Shared::downgrade(state), Shared::downgrade(state));
    let schedule = &mut state.lock().schedule;
    if schedule.flooded {
        schedule.timeout = Some(Timeout::new(CHECK_INTERVAL, move || check(&at_timeout)));
    } else {
        schedule.frame = AnimationFrame::request(move || flush(&at_frame));
        schedule.timeout = Some(Timeout::new(MAX_DELAY, move || flush(&at_timeout)));
    }
}

/// Delivers the items of a flood that is over or has lasted long enough, or checks again later.
#[cfg(target_arch = "wasm32")]
fn check<T: 'static>(weak: &Weak<Lock<State<T>>>) {
    let Some(shared) = weak.upgrade() else { return };
    let mut state = shared.lock();
    let items = state.items.len();
    let schedule = &mut state.schedule;
    if items - schedule.checked_items <= CALM_THRESHOLD || schedule.checks + 1 >= MAX_CHECKS {
        drop(state);
        return flush(weak);
    }
    schedule.checks += 1;
    schedule.checked_items = items;
    let again = Weak::clone(weak);
    schedule.timeout = Some(Timeout::new(CHECK_INTERVAL, move || check(&again)));
}

#[cfg(target_arch = "wasm32")]
fn flush<T>(weak: &Weak<Lock<State<T>>>) {
    let Some(shared) = weak.upgrade() else { return };
    let mut state = shared.lock();
    let next = Schedule {
        flooded: state.items.len() > FLOOD_THRESHOLD,
        ..Schedule::default()
    };
    let ended = mem::replace(&mut state.schedule, next);
    drop(state);
    drop(ended);
    deliver(&shared);
}

/// Requested frame; dropping it cancels the request.
#[cfg(target_arch = "wasm32")]
struct AnimationFrame {
    id: i32,
    _closure: Closure<dyn FnMut()>,
}

#[cfg(target_arch = "wasm32")]
impl AnimationFrame {
    /// Calls `run` before the next painting; `None` in a worker, which has no frames.
    fn request(run: impl FnOnce() + 'static) -> Option<Self> {
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

#[cfg(target_arch = "wasm32")]
impl Drop for AnimationFrame {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            // fails only for ids that are no numbers
            drop(window.cancel_animation_frame(self.id));
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn frame_batcher_items_pushed_during_delivery_are_delivered_after_it() {
        let (sender, delivered) = mpsc::channel();
        let (itself_sender, itself) = mpsc::channel::<FrameBatcher<u32>>();
        let batcher = FrameBatcher::new(move |items: Vec<u32>| {
            if let Ok(batcher) = itself.try_recv() {
                batcher.push(2);
                batcher.push(3);
            }
            sender.send(items).expect("the test listens");
        });
        itself_sender.send(batcher.clone()).expect("the closure is alive");
        batcher.push(1);
        assert_eq!(delivered.try_iter().collect::<Vec<_>>(), [vec![1], vec![2, 3]]);
    }
}
