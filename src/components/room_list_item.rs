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
    /// Beginning of the newest message.
    pub preview: String,
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
        Self {
            id: room.room.id.clone(),
            name: room_name(room, strings),
            preview: match last {
                Some(last) if last.is_deleted() => strings.message_deleted.to_owned(),
                Some(last) => truncate(&last.text, PREVIEW_CHARS),
                None => String::new(),
            },
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
                            <Avatar id=id name=name small=true />
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
                    <span class="preview">{move || room.with(|room| room.preview.clone())}</span>
                </span>
                <Show when=move || unread.get() != 0>
                    <span class="badge" aria-hidden="true">
                        {move || badge(unread.get())}
                    </span>
                    <span class="visually-hidden">{move || (i18n.strings().unread)(unread.get())}</span>
                </Show>
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
