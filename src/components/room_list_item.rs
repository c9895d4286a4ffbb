//! Entry of the list of rooms.

use leptos::prelude::*;

use super::avatar::Avatar;
use super::header::room_name;
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
    /// Number of unread messages.
    pub unread: u64,
}

impl RoomSummary {
    /// Summary of a room.
    #[must_use]
    pub fn new(room: &RoomState, strings: &Strings) -> Self {
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
        layout.close_panel();
        chat.open_room(&room.with_untracked(|room| room.id.clone()));
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
                    (Some(id), name) => view! { <Avatar id=id name=name small=true /> }.into_any(),
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

fn badge(unread: u64) -> String {
    if unread > MAX_BADGE {
        format!("{MAX_BADGE}+")
    } else {
        unread.to_string()
    }
}
