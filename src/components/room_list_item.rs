//! Entry of the list of rooms.

use leptos::prelude::*;

use super::avatar::Avatar;
use super::header::room_name;
use crate::chat::ChatState;
use crate::chat::i18n::Strings;
use crate::chat::room::RoomState;
use crate::chat::text::truncate;
use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::use_layout;
use crate::protocol::RoomKind;
use crate::services::clock;

/// Characters of the newest message.
const PREVIEW_CHARS: usize = 60;

/// Largest number that the badge shows.
const MAX_BADGE: u64 = 99;

/// What an entry of the list of rooms shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSummary {
    /// Id of the room.
    pub id: String,
    /// Name as shown.
    pub name: String,
    /// Beginning of the newest message, after its author, or of the draft.
    pub preview: String,
    /// Whether the preview is that of the draft.
    pub is_draft: bool,
    /// When the newest message was written.
    pub last_at: Option<u64>,
    /// Id of the other person of a direct room.
    pub direct_with: Option<String>,
    /// Whether that person is connected; `None` when that is not known.
    pub is_present: Option<bool>,
    /// Number of unread messages.
    pub unread: u64,
}

impl RoomSummary {
    /// Summary of a room.
    #[must_use]
    pub fn new(room: &RoomState, state: &ChatState, strings: &Strings) -> Self {
        let last = room.room.last.as_ref();
        // the draft of the open room is in the composer
        let is_draft = !room.draft.trim().is_empty() && room.room.id != state.room().room.id;
        Self {
            id: room.room.id.clone(),
            name: room_name(room, strings),
            preview: match last {
                _ if is_draft => truncate(&room.draft, PREVIEW_CHARS),
                Some(last) if last.is_deleted() => strings.message_deleted.to_owned(),
                Some(last) if state.me().is_some_and(|me| me.id == last.author.id) => {
                    format!("{}: {}", strings.you, truncate(&last.text, PREVIEW_CHARS))
                }
                // of a direct room the name says it
                Some(last) if room.room.kind == RoomKind::Direct => truncate(&last.text, PREVIEW_CHARS),
                Some(last) => format!("{}: {}", last.author.name, truncate(&last.text, PREVIEW_CHARS)),
                None => String::new(),
            },
            is_draft,
            last_at: last.map(|last| last.at),
            direct_with: room.room.with.as_ref().map(|with| with.id.clone()),
            is_present: room
                .room
                .with
                .as_ref()
                .and_then(|with| state.is_present(&with.id)),
            unread: room.unread(),
        }
    }
}

/// Entry of the list of rooms; a click opens the room.
#[component]
pub fn RoomListItem(#[prop(into)] room: Signal<RoomSummary>) -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let layout = use_layout();
    let current = chat.room_id();
    let is_open = move || room.with(|room| current.with(|current| *current == room.id));
    let unread = Memo::new(move |_| room.with(|room| room.unread));
    let open = move |_| {
        let id = room.with_untracked(|room| room.id.clone());
        if current.with_untracked(|current| *current == id) {
            layout.close_panel();
        } else {
            // the room closes the panel
            chat.open_room(&id);
        }
    };
    let sign = Memo::new(move |_| room.with(|room| (room.direct_with.clone(), room.name.clone())));
    let last_at = Memo::new(move |_| room.with(|room| room.last_at));
    // the time today, before that the date
    let time = move || {
        let at = last_at.get()?;
        let days_ago =
            chat.with_untracked(|state| state.day(state.server_time(clock::now())) - state.day(at));
        Some(if days_ago == 0 {
            i18n.time(at)
        } else {
            i18n.short_date(at)
        })
    };
    view! {
        <li>
            <button
                type="button"
                class="entry"
                class:unread=move || unread.get() != 0
                aria-current=move || is_open().to_string()
                on:click=open
            >
                {move || match sign.get() {
                    (Some(id), name) => view! {
                        <span class="avatar-frame">
                            <Avatar tint=chat.tint(id) name=name small=true />
                            <PresenceDot is_present=Signal::derive(move || room.with(|room| room.is_present)) />
                        </span>
                    }
                    .into_any(),
                    (None, _) => view! { <span class="sign" aria-hidden="true">"#"</span> }.into_any(),
                }}
                <span>
                    <span class="name">
                        <bdi>{move || room.with(|room| room.name.clone())}</bdi>
                    </span>
                    <span class="preview">
                        <Show when=move || room.with(|room| room.is_draft)>
                            <b class="draft-mark">{i18n.text(|s| s.draft)}</b>
                            " "
                        </Show>
                        {move || room.with(|room| room.preview.clone())}
                    </span>
                </span>
                <span class="entry-aside">
                <time>{time}</time>
                <Show when=move || unread.get() != 0>
                    <span class="badge" aria-hidden="true">
                        {move || badge(unread.get())}
                    </span>
                    <span class="visually-hidden">{move || (i18n.strings().unread)(unread.get())}</span>
                </Show>
                </span>
            </button>
        </li>
    }
}

/// Mark on the avatar of someone who is connected, with a word for screen readers.
#[component]
fn PresenceDot(is_present: Signal<Option<bool>>) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        let (class, label) = match is_present.get()? {
            true => ("presence-dot", i18n.strings().present),
            false => ("presence-dot away", i18n.strings().away),
        };
        Some(view! { <span class=class role="img" aria-label=label title=label></span> })
    }
}

fn badge(unread: u64) -> String {
    if unread > MAX_BADGE {
        format!("{MAX_BADGE}+")
    } else {
        unread.to_string()
    }
}
