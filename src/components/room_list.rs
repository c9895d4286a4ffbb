//! List of rooms on the left: joined ones, direct ones and others, each with the newest message first.

use leptos::html::Button;
use leptos::prelude::*;
use leptos::text_prop::TextProp;

use super::avatar::Avatar;
use super::icon::{IconButton, IconName};
use super::room_list_item::{RoomListItem, RoomSummary};
use crate::chat::room::{Membership, RoomState};
use crate::composables::focus::focus_node;
use crate::composables::row_signals::use_row_signals;
use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::{Dialog, Layout, Panel, use_layout};
use crate::protocol::RoomKind;

/// List of rooms; a panel on small screens.
#[component]
pub fn RoomList() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let layout = use_layout();
    let is_extended = chat.is_extended();
    let close_button = NodeRef::<Button>::new();
    use_panel_focus(layout, Panel::Rooms, close_button);
    view! {
        <nav class="sidebar rooms" aria-label=i18n.text(|s| s.rooms)>
            <div class="sidebar-header">
                <p class="brand">"pesan"</p>
                <div>
                    <Show when=move || is_extended.get()>
                        <IconButton
                            icon=IconName::Search
                            label=i18n.text(|s| s.find)
                            on_press=move |_| layout.open_dialog(Dialog::QuickSwitcher)
                        />
                        <IconButton
                            icon=IconName::Plus
                            label=i18n.text(|s| s.create_room)
                            on_press=move |_| layout.open_dialog(Dialog::NewRoom)
                        />
                    </Show>
                    <IconButton
                        icon=IconName::Close
                        label=i18n.text(|s| s.close)
                        class="close"
                        node_ref=close_button
                        on_press=move |_| layout.close_panel()
                    />
                </div>
            </div>
            <div class="sidebar-content">
                <RoomSection belongs=is_joined />
                <RoomSection heading=i18n.text(|s| s.direct_messages) belongs=is_direct />
                <RoomSection heading=i18n.text(|s| s.other_rooms) belongs=is_other />
            </div>
            <OwnEntry />
        </nav>
    }
}

/// Moves the focus to a panel's close button when the panel is opened.
pub(super) fn use_panel_focus(layout: Layout, panel: Panel, close_button: NodeRef<Button>) {
    Effect::watch(
        move || layout.panel(),
        move |now, _, _| {
            if *now == Some(panel) {
                // a frame later: until then the panel is hidden and takes no focus
                request_animation_frame(move || focus_node(close_button));
            }
        },
        false,
    );
}

fn is_joined(room: &RoomState) -> bool {
    room.room.kind == RoomKind::Lobby
        || room.room.kind == RoomKind::Open && room.membership != Membership::NotJoined
}

fn is_direct(room: &RoomState) -> bool {
    room.room.kind == RoomKind::Direct
}

fn is_other(room: &RoomState) -> bool {
    room.room.kind == RoomKind::Open && room.membership == Membership::NotJoined
}

/// Rooms of one section, under their heading; empty without rooms.
#[component]
fn RoomSection(
    #[prop(optional, into)] heading: Option<TextProp>,
    belongs: fn(&RoomState) -> bool,
) -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let rooms = use_row_signals(move || {
        let strings = i18n.strings();
        chat.with(|state| {
            let rooms = state.listed().into_iter().filter(|room| belongs(room));
            let summaries = rooms.map(|room| (room.room.id.clone(), RoomSummary::new(room, state, strings)));
            summaries.collect()
        })
    });
    let is_empty = Memo::new(move |_| rooms.with(Vec::is_empty));
    let heading = heading.map(|heading| {
        view! { <h2 hidden=move || is_empty.get()>{move || heading.get()}</h2> }
    });
    view! {
        {heading}
        <ul hidden=move || is_empty.get()>
            <For each=move || rooms.get() key=|(id, _)| id.clone() let((_, room))>
                <RoomListItem room=room />
            </For>
        </ul>
    }
}

/// The person at this page; a click opens the settings.
#[component]
fn OwnEntry() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let layout = use_layout();
    let me = chat.select(|state| state.me().cloned());
    let open_settings = move |_| {
        chat.dismiss_renamed();
        layout.open_dialog(Dialog::Settings);
    };
    move || {
        let me = me.get()?;
        Some(view! {
            <div class="sidebar-footer">
                <button type="button" class="entry" on:click=open_settings>
                    <Avatar tint=chat.tint(me.id) name=me.name.clone() small=true />
                    <span class="name">
                        <bdi>{me.name}</bdi>
                    </span>
                    <span class="soft">{i18n.text(|s| s.you)}</span>
                </button>
            </div>
        })
    }
}
