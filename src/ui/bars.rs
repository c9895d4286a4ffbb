//! Slim bars under the header: the connection when it is not simply up, the operator's word, a newer page.

use std::rc::Rc;

use pesan::chat::connection::Connection;
use pesan::chat::words::fill;

use super::act::Act;
use super::clock::left;
use super::dom::{El, el};
use super::page::Page;
use super::state::State;

/// What a bar says.
#[derive(Debug, Clone, PartialEq, Default)]
struct Bar {
    class: &'static str,
    what: String,
    /// What may count down; the button stays the same meanwhile.
    more: String,
    soft: &'static str,
    button: Option<(&'static str, Act)>,
}

/// Bars under the header.
pub(crate) fn bars(page: &Rc<Page>) -> El {
    // what is read out changes with the state, not with every second of a countdown
    let state = el("p", "unseen")
        .attr("role", "status")
        .says(page, |state| Some(standing(state).to_owned()));
    let news = el("div", "")
        .attr("role", "status")
        .add(bar(page, closing))
        .add(bar(page, announcement))
        .add(bar(page, newer));
    let refused = el("div", "").attr("role", "alert").add(bar(page, notice));
    el("div", "bars")
        .add(state)
        .add(bar(page, connection))
        .add(news)
        .add(refused)
}

/// Bar that is there while it has something to say.
fn bar(page: &Rc<Page>, look: fn(&State) -> Option<Bar>) -> El {
    let what = el("b", "");
    let count = el("span", "count");
    let soft = el("span", "soft");
    let button = el("button", "word");
    let text = el("p", "").add(what.clone()).add(count.clone()).add(soft.clone());
    let bar = el("div", "").add(text).add(button.clone());
    let shown = bar.clone();
    let mut last = None;
    page.effect(Box::new(move |state| {
        let seen = Some(look(state));
        if seen == last {
            return;
        }
        let before = last.take().flatten().unwrap_or_default();
        last = seen;
        let seen = last.clone().flatten();
        shown.set("hidden", if seen.is_some() { None } else { Some("") });
        let seen = seen.unwrap_or_default();
        shown.set("class", Some(seen.class));
        if seen.what != before.what {
            what.set("", Some(&seen.what));
        }
        count.set("", Some(&seen.more));
        if seen.soft != before.soft {
            soft.set("", Some(&after(" ", seen.soft)));
        }
        let (text, act) = match seen.button {
            Some((text, act)) => (Some(text), Some(act.name())),
            None => (None, None),
        };
        button.set("hidden", if act.is_some() { None } else { Some("") });
        button.set("data-act", act);
        button.set("", text);
    }));
    bar
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
