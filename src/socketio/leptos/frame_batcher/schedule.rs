//! When a browser delivers: at the next animation frame, and less often in a flood.

use std::mem;

use gloo_timers::callback::Timeout;

use super::animation_frame::AnimationFrame;
use super::{State, deliver};
use crate::socketio::sync::{Lock, Shared, Weak};

/// Longest wait where there are no frames, as in a hidden tab, in milliseconds.
const MAX_DELAY: u32 = 250;

/// More items than this between two frames are a flood: rendering each frame would take the time that reading needs.
const FLOOD_THRESHOLD: usize = 50;

/// Milliseconds between two checks during a flood.
const CHECK_INTERVAL: u32 = 20;

/// Most checks between two deliveries during a flood.
const MAX_CHECKS: usize = 6;

/// At most this many items between two checks end a flood.
const CALM_THRESHOLD: usize = 10;

/// What will deliver the items, and the state of a flood.
#[derive(Default)]
pub(super) struct Schedule {
    frame: Option<AnimationFrame>,
    timeout: Option<Timeout>,
    flooded: bool,
    /// Checks since the last delivery.
    checks: usize,
    /// Items at the last check.
    checked_items: usize,
}

/// Asks for a frame, and for a timer in case that there is none. Neither keeps the batcher alive.
pub(super) fn schedule<T: 'static>(state: &Shared<Lock<State<T>>>) {
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
