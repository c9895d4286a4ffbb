//! The local day, by the clock of the server.

use gloo_timers::callback::Timeout;
use leptos::ev;
use leptos::prelude::*;

use crate::chat::ChatState;
use crate::contexts::chat::Chat;
use crate::services::clock;

/// Local day of now; changes at midnight, and when a page that slept is seen again.
pub fn use_today(chat: Chat) -> ReadSignal<i64> {
    let server_now = move || chat.with_untracked(|state| state.server_time(clock::now()));
    let clock_skew = chat.select(ChatState::clock_skew);
    let (today, set_today) = signal(clock::local_day(server_now()));
    let timer = StoredValue::new_local(None::<Timeout>);
    let refresh = move || {
        let now = clock::local_day(server_now());
        if today.get_untracked() != now {
            set_today.set(now);
        }
    };
    // a timer may run a little early, and then is set again
    let (wakeups, set_wakeups) = signal(0_u32);
    Effect::new(move || {
        // read, not only tracked: a memo that nobody has read does not follow its sources
        clock_skew.with(|_| ());
        wakeups.track();
        refresh();
        let pause = clock::until_midnight(server_now()).max(1);
        let timeout = Timeout::new(pause, move || {
            set_wakeups.update(|count| *count = count.wrapping_add(1));
        });
        timer.set_value(Some(timeout));
    });
    let visibility = window_event_listener(ev::visibilitychange, move |_| refresh());
    on_cleanup(move || visibility.remove());
    today
}
