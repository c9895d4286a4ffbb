//! Slim bar under the header, one at a time: a connection that is not up, the operator's messages, the last error, a
//! newer page.

use leptos::prelude::*;

use crate::chat::ChatState;
use crate::chat::connection_state::ConnectionState;
use crate::chat::i18n::Strings;
use crate::composables::now::use_now;
use crate::contexts::chat::{Chat, use_chat};
use crate::contexts::connection::use_connection;
use crate::contexts::i18n::use_i18n;
use crate::protocol::ChatErrorCode;
use crate::services::route;

/// What a bar shows.
#[derive(Debug, Clone, PartialEq)]
struct Bar {
    class: &'static str,
    title: String,
    /// Text after the title; may count down.
    detail: String,
    /// Text in a softer colour.
    note: &'static str,
    buttons: Vec<(&'static str, Action)>,
}

/// What the button of a bar does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Action {
    AcceptServer,
    OpenOwnServer,
    Connect,
    ComeBack,
    Reload,
    CloseAnnouncement,
    CloseNotice,
}

impl Action {
    fn run(self, chat: Chat) {
        match self {
            Self::AcceptServer => chat.accept_server(),
            Self::OpenOwnServer => route::open_own_server(),
            Self::Connect => chat.connect_now(),
            Self::ComeBack => chat.come_back(),
            Self::Reload => {
                chat.store_before_unload();
                route::reload();
            }
            Self::CloseAnnouncement => chat.dismiss_announcement(),
            Self::CloseNotice => chat.dismiss_notice(),
        }
    }
}

/// Bar under the header.
#[component]
pub fn StatusBanner() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let connection = use_connection().state;
    let counts_down = Memo::new(move |_| {
        connection.with(|state| matches!(state, ConnectionState::Backoff { .. }))
            || chat.with(|state| state.shutdown().is_some() || state.reconnect_at().is_some())
    });
    let now = use_now(counts_down);
    // the most important one: what is wrong before what is new
    let shown = Memo::new(move |_| {
        let (now, strings) = (now.get(), i18n.strings());
        connection.with(|connection| {
            chat.with(|state| {
                connection_bar(connection, state, now, strings)
                    .or_else(|| shutdown_bar(state, now, strings))
                    .or_else(|| notice_bar(state, strings))
                    .or_else(|| announcement_bar(state, strings))
                    .or_else(|| new_version_bar(state, strings))
            })
        })
    });
    // announced when the state changes, not with every second of a countdown
    let announced = Memo::new(move |_| {
        let strings = i18n.strings();
        let title = connection.with(|connection| connection_title(connection, strings));
        if title.is_empty() {
            chat.with(|state| other_title(state, strings))
        } else {
            title
        }
    });
    view! {
        <div class="banners">
            <p class="visually-hidden" role="status">
                {announced}
            </p>
            <BarView bar=shown />
        </div>
    }
}

/// One bar, while there is one. Its button stays the same element during a countdown.
#[component]
fn BarView(bar: Memo<Option<Bar>>) -> impl IntoView {
    let chat = use_chat();
    let part = move |pick: fn(&Bar) -> String| {
        Memo::new(move |_| bar.with(|bar| bar.as_ref().map(pick).unwrap_or_default()))
    };
    let class = Memo::new(move |_| bar.with(|bar| bar.as_ref().map_or("banner", |bar| bar.class)));
    let buttons =
        Memo::new(move |_| bar.with(|bar| bar.as_ref().map(|bar| bar.buttons.clone()).unwrap_or_default()));
    let title = part(|bar| bar.title.clone());
    let detail = part(|bar| bar.detail.clone());
    let note = part(|bar| bar.note.to_owned());
    let shown = Memo::new(move |_| bar.with(Option::is_some));
    view! {
        <Show when=move || shown.get()>
            <div class=class>
                <p>
                    <b>{title}</b>
                    <span class="countdown">{detail}</span>
                    " "
                    <span class="soft">{note}</span>
                </p>
                <For each=move || buttons.get() key=|button| *button let((text, action))>
                    <button type="button" class="text-button" on:click=move |_| action.run(chat)>
                        {text}
                    </button>
                </For>
            </div>
        </Show>
    }
}

/// State of the connection in a few words; empty while it is connected.
fn connection_title(connection: &ConnectionState, strings: &Strings) -> String {
    let title = match connection {
        ConnectionState::ConsentNeeded { host } => return (strings.foreign_server)(host),
        ConnectionState::ServerForbidden { host } => return (strings.forbidden_server)(host),
        ConnectionState::InvalidAddress { address } => return (strings.invalid_server)(address),
        ConnectionState::Connecting => strings.connecting,
        ConnectionState::Connected => "",
        ConnectionState::Backoff { lost: true, .. } => strings.connection_lost,
        ConnectionState::Backoff { lost: false, .. } => strings.server_unreachable,
        ConnectionState::Retrying { .. } => strings.retrying,
        ConnectionState::EndedByServer => strings.ended_by_server,
        ConnectionState::Refused { .. } | ConnectionState::Stopped => strings.not_connected,
    };
    title.to_owned()
}

/// What screen readers announce while the connection is up; without a countdown.
fn other_title(state: &ChatState, strings: &Strings) -> String {
    if let Some(error) = state.notice() {
        strings.error(error)
    } else if let Some((_, reason)) = state.shutdown() {
        format!("{}{}", strings.shutting_down, prefixed(": ", reason))
    } else if let Some(announcement) = state.announcement() {
        format!("{}{}", strings.announcement, prefixed(": ", &announcement.text))
    } else if state.has_new_version() {
        strings.new_version.to_owned()
    } else {
        String::new()
    }
}

fn connection_bar(
    connection: &ConnectionState,
    state: &ChatState,
    now: u64,
    strings: &'static Strings,
) -> Option<Bar> {
    let countdown = |until: u64| (strings.retry_in)(until.saturating_sub(now).div_ceil(1000));
    let attempt = |number: u32| (strings.attempt)(u64::from(number));
    let try_now = vec![(strings.try_now, Action::Connect)];
    let own_server = (strings.use_own_server, Action::OpenOwnServer);
    let (class, detail, buttons) = match connection {
        ConnectionState::ConsentNeeded { host } => (
            "banner warning",
            format!(". {}", (strings.foreign_server_hint)(host)),
            vec![(strings.connect, Action::AcceptServer), own_server],
        ),
        ConnectionState::ServerForbidden { .. } | ConnectionState::InvalidAddress { .. } => {
            ("banner danger", String::new(), vec![own_server])
        }
        ConnectionState::Connected => return None,
        // the prompt for the token says it
        ConnectionState::Refused { .. } if connection.needs_token() => return None,
        ConnectionState::Connecting => ("banner", String::new(), Vec::new()),
        ConnectionState::Backoff {
            attempt: number,
            until,
            ..
        } => {
            let detail = format!(". {} ({}).", countdown(*until), attempt(*number));
            ("banner warning", detail, try_now)
        }
        ConnectionState::Retrying { attempt: number } => {
            ("banner warning", format!(" ({})", attempt(*number)), Vec::new())
        }
        ConnectionState::Refused { reason, error } => {
            let reason = match error {
                Some(error) if error.code == ChatErrorCode::Banned => {
                    format!("{}{}", strings.banned, prefixed(": ", &error.detail))
                }
                Some(error) => strings.error(error),
                None => (strings.refused)(reason),
            };
            ("banner danger", format!(". {reason}"), try_now)
        }
        ConnectionState::EndedByServer | ConnectionState::Stopped if state.kicked().is_some() => {
            return Some(Bar {
                class: "banner danger",
                title: strings.kicked.to_owned(),
                detail: prefixed(": ", state.kicked().unwrap_or_default()),
                note: "",
                buttons: vec![(strings.come_back, Action::ComeBack)],
            });
        }
        ConnectionState::EndedByServer => {
            let detail = state.reconnect_at().map(|at| format!(". {}.", countdown(at)));
            ("banner warning", detail.unwrap_or_default(), try_now)
        }
        ConnectionState::Stopped => (
            "banner danger",
            String::new(),
            vec![(strings.connect, Action::Connect)],
        ),
    };
    Some(Bar {
        class,
        title: connection_title(connection, strings),
        detail,
        note: if state.has_pending() {
            strings.messages_kept
        } else {
            ""
        },
        buttons,
    })
}

fn shutdown_bar(state: &ChatState, now: u64, strings: &'static Strings) -> Option<Bar> {
    let (at, reason) = state.shutdown()?;
    let title = if at > now {
        (strings.shutdown_in)(&minutes_and_seconds(at - now))
    } else {
        strings.shutting_down.to_owned()
    };
    Some(Bar {
        class: "banner warning",
        title,
        detail: prefixed(". ", reason),
        note: "",
        buttons: Vec::new(),
    })
}

fn announcement_bar(state: &ChatState, strings: &'static Strings) -> Option<Bar> {
    let announcement = state.announcement()?;
    Some(Bar {
        class: "banner",
        title: strings.announcement.to_owned(),
        detail: prefixed(": ", &announcement.text),
        note: "",
        buttons: vec![(strings.close, Action::CloseAnnouncement)],
    })
}

fn new_version_bar(state: &ChatState, strings: &'static Strings) -> Option<Bar> {
    state.has_new_version().then(|| Bar {
        class: "banner",
        title: strings.new_version.to_owned(),
        detail: String::new(),
        note: "",
        buttons: vec![(strings.reload, Action::Reload)],
    })
}

fn notice_bar(state: &ChatState, strings: &'static Strings) -> Option<Bar> {
    let error = state.notice()?;
    // a little fast is no failure: nothing is lost
    let class = if error.code == ChatErrorCode::TooFast {
        "banner warning"
    } else {
        "banner danger"
    };
    Some(Bar {
        class,
        title: String::new(),
        detail: strings.error(error),
        note: "",
        buttons: vec![(strings.close, Action::CloseNotice)],
    })
}

/// Text after a separator, or nothing at all.
fn prefixed(separator: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{separator}{text}")
    }
}

/// Time left, such as `2:05`.
fn minutes_and_seconds(millis: u64) -> String {
    let seconds = millis.div_ceil(1000);
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
