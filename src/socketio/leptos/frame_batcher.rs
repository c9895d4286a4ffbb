//! Collects items between two animation frames and delivers them together.

#[cfg(target_arch = "wasm32")]
mod animation_frame;
#[cfg(target_arch = "wasm32")]
mod schedule;

use std::mem;

use crate::socketio::MaybeSend;
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
    schedule: schedule::Schedule,
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
            schedule: schedule::Schedule::default(),
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

#[cfg(target_arch = "wasm32")]
use schedule::schedule;

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

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn items_pushed_while_the_closure_runs_are_delivered_after_it() {
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
