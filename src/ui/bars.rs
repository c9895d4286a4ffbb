//! Slim bars under the header: the connection when it is not simply up, the operator's word, a newer page.

use pesan::chat::connection::Connection;
use pesan::chat::words::fill;

use super::act::Act;
use super::clock::left;
use super::dom::{El, Slot};
use super::page::Page;
use super::state::State;

/// What a bar says.
#[derive(Default)]
struct Bar {
    class: &'static str,
    what: String,
    /// What may count down; the button stays the same meanwhile.
    more: String,
    soft: &'static str,
    button: Option<(&'static str, Act)>,
}

/// Bars under the header.
pub(crate) fn bars(page: &'static Page, shell: &El) {
    let bars = shell.at(".bars");
    // what is read out changes with the state, not with every second of a countdown
    bars.at(".unseen")
        .says(page, |state| Some(standing(state).to_owned()));
    bar(page, &bars.at("[data-bar=connection]"), connection);
    bar(page, &bars.at("[data-bar=closing]"), closing);
    bar(page, &bars.at("[data-bar=announcement]"), announcement);
    bar(page, &bars.at("[data-bar=newer]"), newer);
    bar(page, &bars.at("[data-bar=notice]"), notice);
}

/// Bar that is there while it has something to say.
fn bar(page: &'static Page, bar: &El, look: fn(&State) -> Option<Bar>) {
    let button = bar.at("button");
    let mut slots = [
        Slot::new(bar, "hidden"),
        Slot::new(bar, "class"),
        Slot::new(&bar.at("b"), ""),
        Slot::new(&bar.at(".count"), ""),
        Slot::new(&bar.at(".soft"), ""),
        Slot::new(&button, "hidden"),
        Slot::new(&button, "data-act"),
        Slot::new(&button, ""),
    ];
    page.follow(Box::new(move || {
        let seen = page.look(look);
        let hides = |shown: bool| if shown { None } else { Some(String::new()) };
        let hidden = hides(seen.is_some());
        let seen = seen.unwrap_or_default();
        let (text, act) = seen.button.unzip();
        let [shown, class, what, more, soft, active, meaning, label] = &mut slots;
        shown.show(hidden);
        class.show(Some(seen.class.to_owned()));
        what.show(Some(seen.what));
        more.show(Some(seen.more));
        soft.show(Some(after(" ", seen.soft)));
        active.show(hides(act.is_some()));
        meaning.show(act.map(|act| act.name().to_owned()));
        label.show(text.map(str::to_owned));
    }));
}

/// State of the connection in a few words; none when it is simply up.
fn standing(state: &State) -> &'static str {
    let words = state.words();
    match state.connection {
        Connection::Connecting => words.connecting,
        Connection::Connected => "",
        Connection::Waiting { lost: true, .. } => words.lost,
        Connection::Waiting { lost: false, .. } => words.unreachable,
        Connection::Retrying { .. } => words.retrying,
        Connection::Ended => words.ended,
        Connection::Refused { .. } | Connection::Stopped => words.stopped,
    }
}

fn connection(state: &State) -> Option<Bar> {
    let words = state.words();
    let attempt = |attempt: u32| fill(words.attempt, &[&attempt.to_string()]);
    let countdown = |until: u64| {
        let seconds = until.saturating_sub(state.now).div_ceil(1000);
        fill(words.retry_in, &[&seconds.to_string()])
    };
    let try_now = Some((words.try_now, Act::Connect));
    let kicked = state.chat.kicked();
    let (class, more, button) = match &state.connection {
        Connection::Connected => return None,
        Connection::Connecting => ("strip", String::new(), None),
        Connection::Waiting {
            attempt: number,
            until,
            ..
        } => {
            let text = [". ", &countdown(*until), " (", &attempt(*number), ")."].concat();
            ("strip warning", text, try_now)
        }
        Connection::Retrying { attempt: number } => {
            ("strip warning", [" (", &attempt(*number), ")"].concat(), None)
        }
        Connection::Refused { reason, refusal } => {
            let reason = match refusal {
                Some(refusal) => words.refusal(refusal),
                None => fill(words.refused, &[reason]),
            };
            ("strip danger", [". ", &reason].concat(), try_now)
        }
        Connection::Ended | Connection::Stopped if kicked.is_some() => {
            return Some(Bar {
                class: "strip danger",
                what: words.kicked.to_owned(),
                more: after(": ", kicked.unwrap_or_default()),
                soft: "",
                button: Some((words.come_back, Act::ComeBack)),
            });
        }
        Connection::Ended => {
            let text = state
                .chat
                .comeback()
                .map(|at| [". ", &countdown(at), "."].concat());
            ("strip warning", text.unwrap_or_default(), try_now)
        }
        Connection::Stopped => ("strip danger", String::new(), Some((words.connect, Act::Connect))),
    };
    Some(Bar {
        class,
        what: standing(state).to_owned(),
        more,
        soft: if state.chat.waits() { words.kept_safe } else { "" },
        button,
    })
}

fn closing(state: &State) -> Option<Bar> {
    let words = state.words();
    let (at, reason) = state.chat.closing()?;
    let what = if at > state.now {
        fill(words.closing_in, &[&left(at, state.now)])
    } else {
        words.closing_now.to_owned()
    };
    Some(Bar {
        class: "strip warning",
        what,
        more: after(". ", reason),
        ..Bar::default()
    })
}

fn announcement(state: &State) -> Option<Bar> {
    let words = state.words();
    let announcement = state.chat.announcement()?;
    Some(Bar {
        class: "strip",
        what: words.announcement.to_owned(),
        more: after(": ", &announcement.text),
        soft: "",
        button: Some((words.close, Act::HeardAnnouncement)),
    })
}

fn newer(state: &State) -> Option<Bar> {
    let words = state.words();
    state.chat.newer().then(|| Bar {
        class: "strip",
        what: words.newer.to_owned(),
        button: Some((words.reload, Act::Reload)),
        ..Bar::default()
    })
}

fn notice(state: &State) -> Option<Bar> {
    let words = state.words();
    let refusal = state.chat.notice()?;
    Some(Bar {
        class: "strip danger",
        more: words.refusal(refusal),
        button: Some((words.close, Act::HeardNotice)),
        ..Bar::default()
    })
}

/// Text after a mark, or nothing at all.
fn after(mark: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        [mark, text].concat()
    }
}
