//! The local day.

use gloo_timers::callback::Timeout;
use leptos::ev;
use leptos::prelude::*;

use crate::services::clock;

/// Local day of now; changes at midnight, and when a page that slept is seen again.
pub fn use_today() -> ReadSignal<i64> {
    let (today, set_today) = signal(clock::local_day(clock::now()));
    let timer = StoredValue::new_local(None::<Timeout>);
    let refresh = move || {
        let now = clock::local_day(clock::now());
        if today.get_untracked() != now {
            set_today.set(now);
        }
    };
    Effect::new(move || {
        today.track();
        // a second later, since timers may run a little early
        let pause = clock::until_midnight(clock::now()).saturating_add(1000);
        timer.set_value(Some(Timeout::new(pause, refresh)));
    });
    let visibility = window_event_listener(ev::visibilitychange, move |_| refresh());
    on_cleanup(move || visibility.remove());
    today
}
