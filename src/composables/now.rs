//! Clock of a countdown.

use gloo_timers::callback::Interval;
use leptos::prelude::*;

use crate::services::clock;

/// Current time in milliseconds since 1970; moves each second while `active`.
pub fn use_now(active: Memo<bool>) -> ReadSignal<u64> {
    let (now, set_now) = signal(clock::now());
    let timer = StoredValue::new_local(None::<Interval>);
    Effect::new(move || {
        let interval = active.get().then(|| {
            set_now.set(clock::now());
            Interval::new(1000, move || set_now.set(clock::now()))
        });
        timer.set_value(interval);
    });
    now
}
