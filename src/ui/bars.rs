//! Slim bars under the header: the connection when it is not simply up, the operator's word, a newer page.

use leptos::prelude::*;
use pesan::chat::connection::Connection;
use pesan::chat::words::{Words, fill};
use pesan::messages::Refusal;

use super::clock::left;

/// What the operator and the server have to say.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct News {
    /// Operator's announcement.
    pub(crate) announcement: Option<String>,
    /// When the server goes down, and why.
    pub(crate) closing: Option<(u64, String)>,
    /// What the operator said who ended the connection.
    pub(crate) kicked: Option<String>,
    /// When the page comes back to a server that ended the connection.
    pub(crate) comeback: Option<u64>,
    /// What was refused a moment ago.
    pub(crate) notice: Option<Refusal>,
    /// Whether there is a newer page.
    pub(crate) newer: bool,
    /// Whether texts wait to be sent.
    pub(crate) waiting: bool,
}

/// What a person can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Connect now.
    Connect,
    /// Come back after having been sent away.
    ComeBack,
    /// Load the page anew.
    Reload,
    /// The announcement was read.
    DismissAnnouncement,
    /// The refusal was read.
    DismissNotice,
}

/// Bars under the header.
#[component]
pub(crate) fn Bars(
    words: &'static Words,
    #[prop(into)] connection: Signal<Connection>,
    #[prop(into)] news: Signal<News>,
    /// Time, which moves while something counts down.
    #[prop(into)]
    now: Signal<u64>,
    on_remedy: Callback<Remedy>,
) -> impl IntoView {
    let button = move |text: &'static str, remedy: Remedy| {
        view! { <button class="word" on:click=move |_| on_remedy.run(remedy)>{text}</button> }.into_any()
    };
    // what is read out changes with the state, not with every second of a countdown
    let state = Memo::new(move |_| match connection.get() {
        Connection::Connecting => words.connecting,
        Connection::Connected => "",
        Connection::Waiting { lost: true, .. } => words.lost,
        Connection::Waiting { lost: false, .. } => words.unreachable,
        Connection::Retrying { .. } => words.retrying,
        Connection::Ended => words.ended,
        Connection::Refused { .. } | Connection::Stopped => words.stopped,
    });
    let connection_bar = move || {
        let kept = move || news.get().waiting.then_some(words.kept_safe);
        let kicked = news.get().kicked;
        let (class, more, action) = match connection.get() {
            Connection::Connected => return None,
            Connection::Connecting => ("strip", String::new(), None),
            Connection::Waiting { attempt, until, .. } => {
                let seconds = until.saturating_sub(now.get()).div_ceil(1000);
                let countdown = fill(words.retry_in, &[&seconds.to_string()]);
                let attempt = fill(words.attempt, &[&attempt.to_string()]);
                let text = [". ", countdown.as_str(), " (", &attempt, ")."].concat();
                (
                    "strip warning",
                    text,
                    Some(button(words.try_now, Remedy::Connect)),
                )
            }
            Connection::Retrying { attempt } => {
                let attempt = fill(words.attempt, &[&attempt.to_string()]);
                ("strip warning", [" (", attempt.as_str(), ")"].concat(), None)
            }
            Connection::Refused { reason, refusal } => {
                let reason = match refusal {
                    Some(refusal) => words.refusal(&refusal),
                    None => fill(words.refused, &[&reason]),
                };
                let reason = [". ", &reason].concat();
                (
                    "strip danger",
                    reason,
                    Some(button(words.try_now, Remedy::Connect)),
                )
            }
            Connection::Ended | Connection::Stopped if kicked.is_some() => {
                let reason = kicked.filter(|reason| !reason.is_empty());
                let text = reason.map(|reason| [": ", &reason].concat()).unwrap_or_default();
                return Some(bar(
                    "strip danger",
                    words.kicked,
                    &text,
                    None,
                    Some(button(words.come_back, Remedy::ComeBack)),
                ));
            }
            Connection::Ended => {
                let countdown = news.get().comeback.map(|at| {
                    let seconds = at.saturating_sub(now.get()).div_ceil(1000);
                    [". ", &fill(words.retry_in, &[&seconds.to_string()]), "."].concat()
                });
                (
                    "strip warning",
                    countdown.unwrap_or_default(),
                    Some(button(words.try_now, Remedy::Connect)),
                )
            }
            Connection::Stopped => (
                "strip danger",
                String::new(),
                Some(button(words.connect, Remedy::Connect)),
            ),
        };
        Some(bar(class, state.get(), &more, kept(), action))
    };
    let closing = move || {
        let (at, reason) = news.get().closing?;
        let now = now.get();
        let text = if at > now {
            fill(words.closing_in, &[&left(at, now)])
        } else {
            words.closing_now.to_owned()
        };
        let reason = if reason.is_empty() {
            reason
        } else {
            [". ", &reason].concat()
        };
        Some(bar("strip warning", &text, &reason, None, None))
    };
    let announcement = move || {
        news.get().announcement.map(|text| {
            let close = button(words.close, Remedy::DismissAnnouncement);
            bar(
                "strip",
                words.announcement,
                &[": ", &text].concat(),
                None,
                Some(close),
            )
        })
    };
    let newer = move || {
        news.get().newer.then(|| {
            bar(
                "strip",
                words.newer,
                "",
                None,
                Some(button(words.reload, Remedy::Reload)),
            )
        })
    };
    let notice = move || {
        news.get().notice.map(|refusal| {
            let text = words.refusal(&refusal);
            bar(
                "strip danger",
                "",
                &text,
                None,
                Some(button(words.close, Remedy::DismissNotice)),
            )
        })
    };
    view! {
        <div class="bars">
            <p class="unseen" role="status">{state}</p>
            {connection_bar}
            <div role="status">{closing}{announcement}{newer}</div>
            <div role="alert">{notice}</div>
        </div>
    }
}

fn bar(
    class: &'static str,
    what: &str,
    more: &str,
    soft: Option<&'static str>,
    action: Option<AnyView>,
) -> AnyView {
    view! {
        <div class=class>
            <p>
                <b>{what.to_owned()}</b>
                <span class="count">{more.to_owned()}</span>
                <span class="soft">{soft.map(|soft| [" ", soft].concat())}</span>
            </p>
            {action}
        </div>
    }
    .into_any()
}
