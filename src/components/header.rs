//! Header of the conversation: room, people, connection, and the buttons around it.

use leptos::html::Button;
use leptos::prelude::*;

use super::copy_dialog::copy;
use super::icon::{Icon, IconButton, IconName};
use super::popover::Popover;
use crate::chat::ChatState;
use crate::chat::connection_state::ConnectionState;
use crate::chat::i18n::Strings;
use crate::chat::room::RoomState;
use crate::composables::focus::focus_node;
use crate::contexts::chat::use_chat;
use crate::contexts::connection::use_connection;
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::{Dialog, Overlay, Panel, Toast, use_layout};
use crate::protocol::RoomKind;
use crate::services::route;

/// Name of a room as it is shown.
#[must_use]
pub fn room_name(room: &RoomState, strings: &Strings) -> String {
    match room.room.kind {
        RoomKind::Lobby => strings.lobby.to_owned(),
        RoomKind::Open | RoomKind::Direct => room.room.name.clone(),
    }
}

/// Header of the conversation.
#[component]
pub fn Header() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let layout = use_layout();
    let name = Memo::new(move |_| chat.with(|state| room_name(state.room(), i18n.strings())));
    let people = chat.select(|state| u64::from(state.room().people_count));
    let partner_id = |state: &ChatState| {
        let room = &state.room().room;
        room.with
            .as_ref()
            .map(|with| with.id.clone())
            .filter(|_| room.kind == RoomKind::Direct)
    };
    let is_direct = chat.select(move |state| partner_id(state).is_some());
    let is_partner_present = chat.select(move |state| state.is_present(&partner_id(state)?));
    let presence = move || {
        let strings = i18n.strings();
        match (is_direct.get(), is_partner_present.get()) {
            (false, _) => (strings.people_count)(people.get()),
            (true, Some(true)) => strings.present.to_owned(),
            (true, Some(false)) => strings.away.to_owned(),
            (true, None) => String::new(),
        }
    };
    let is_extended = chat.is_extended();
    let can_leave = chat.select(|state| state.me().is_some() && state.room().room.kind == RoomKind::Open);
    let foreign_host = use_connection().foreign_host.get_value();
    let room_id = chat.room_id();
    let leave = move || {
        let (id, name) = chat.with_untracked(|state| {
            let room = &state.room().room;
            (room.id.clone(), room.name.clone())
        });
        chat.leave_room();
        layout.toast.set(Some(Toast {
            text: (i18n.strings().left_room)(&name),
            left_room: Some(id),
        }));
    };
    let copy_link = move || {
        let url = route::room_url(&room_id.get_untracked());
        copy(url, layout, i18n);
    };
    let open_settings = move || {
        chat.dismiss_renamed();
        layout.open_dialog(Dialog::Settings);
    };
    view! {
        <header class="header">
            <RoomsButton />
            <div class="title">
                <ConnectionDot />
                <h1>
                    <bdi>{name}</bdi>
                </h1>
                {foreign_host.map(|host| view! { <span class="foreign-host">{host}</span> })}
                <Show when=move || is_extended.get()>
                    <span class="people-count">{presence}</span>
                </Show>
            </div>
            <Show when=move || can_leave.get()>
                <IconButton
                    icon=IconName::Link
                    label=i18n.text(|s| s.copy_room_link)
                    class="wide"
                    on_press=move |_| copy_link()
                />
                <IconButton
                    icon=IconName::Leave
                    label=i18n.text(|s| s.leave_room)
                    class="wide"
                    on_press=move |_| leave()
                />
            </Show>
            <Show when=move || is_direct.get()>
                <IconButton
                    icon=IconName::Leave
                    label=i18n.text(|s| s.hide_conversation)
                    class="wide"
                    on_press=move |_| chat.hide_room()
                />
            </Show>
            <Show when=move || is_extended.get()>
                <PanelButton panel=Panel::People icon=IconName::People label=i18n.text(|s| s.people) />
            </Show>
            <IconButton
                icon=IconName::Settings
                label=i18n.text(|s| s.settings)
                class="wide"
                on_press=move |_| open_settings()
            />
            <HeaderMenu
                can_leave=can_leave
                is_direct=is_direct
                on_copy_link=move |()| copy_link()
                on_leave=move |()| leave()
                on_hide=move |()| chat.hide_room()
                on_settings=move |()| open_settings()
            />
        </header>
    }
}

/// On small screens: what the header has no room for, behind one button.
#[component]
fn HeaderMenu(
    #[prop(into)] can_leave: Signal<bool>,
    #[prop(into)] is_direct: Signal<bool>,
    #[prop(into)] on_copy_link: Callback<()>,
    #[prop(into)] on_leave: Callback<()>,
    #[prop(into)] on_hide: Callback<()>,
    #[prop(into)] on_settings: Callback<()>,
) -> impl IntoView {
    let i18n = use_i18n();
    let layout = use_layout();
    let entry = move |label: fn(&'static Strings) -> &'static str, action: Callback<()>| {
        view! {
            <button
                type="button"
                class="entry"
                on:click=move |_| {
                    layout.close(&Overlay::HeaderMenu);
                    action.run(());
                }
            >
                {i18n.text(label)}
            </button>
        }
    };
    view! {
        <Popover
            overlay=Overlay::HeaderMenu
            icon=IconName::More
            label=i18n.text(|s| s.more)
            class="header-menu"
            sheet_class="header-menu-sheet"
        >
            <Show when=move || can_leave.get()>
                {entry(|s| s.copy_room_link, on_copy_link)} {entry(|s| s.leave_room, on_leave)}
            </Show>
            <Show when=move || is_direct.get()>{entry(|s| s.hide_conversation, on_hide)}</Show>
            {entry(|s| s.settings, on_settings)}
        </Popover>
    }
}

/// Unread messages in other rooms.
fn unread_elsewhere(state: &ChatState) -> u64 {
    state.unread() - state.room().unread()
}

/// Button that opens the list of rooms on small screens, with a mark for unread messages.
#[component]
fn RoomsButton() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let layout = use_layout();
    let button = NodeRef::<Button>::new();
    use_focus_return(Panel::Rooms, button);
    let unread = chat.select(unread_elsewhere);
    view! {
        <button
            type="button"
            class="icon-button to-rooms"
            aria-label=i18n.text(|s| s.rooms)
            title=i18n.text(|s| s.rooms)
            node_ref=button
            on:click=move |_| layout.open(Overlay::Panel(Panel::Rooms))
        >
            <Icon name=IconName::Menu />
            <Show when=move || unread.get() != 0>
                <span class="visually-hidden">{move || (i18n.strings().unread)(unread.get())}</span>
                <span class="unread-dot"></span>
            </Show>
        </button>
    }
}

/// Button that opens a panel on small screens.
#[component]
fn PanelButton(
    panel: Panel,
    icon: IconName,
    label: impl Fn() -> &'static str + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let layout = use_layout();
    let button = NodeRef::<Button>::new();
    use_focus_return(panel, button);
    view! {
        <IconButton
            icon=icon
            label=label
            class="to-people"
            node_ref=button
            on_press=move |_| layout.open(Overlay::Panel(panel))
        />
    }
}

/// Returns the focus to the button of a panel when the panel is closed.
fn use_focus_return(panel: Panel, button: NodeRef<Button>) {
    let layout = use_layout();
    Effect::watch(
        move || layout.panel(),
        move |now, before, _| {
            if before.is_some_and(|before| *before == Some(panel)) && now.is_none() {
                focus_node(button);
            }
        },
        false,
    );
}

/// Dot that stands for the state of the connection, with its name.
#[component]
fn ConnectionDot() -> impl IntoView {
    let i18n = use_i18n();
    let connection = use_connection();
    let look = move || connection.state.with(|state| dot(state, i18n.strings()));
    view! {
        <span
            role="img"
            class=move || look().0
            aria-label=move || look().1
            title=move || look().1
        ></span>
    }
}

fn dot(state: &ConnectionState, strings: &Strings) -> (&'static str, &'static str) {
    match state {
        ConnectionState::Connected => ("connection-dot connected", strings.connected),
        ConnectionState::Connecting => ("connection-dot", strings.connecting),
        ConnectionState::Retrying { .. } => ("connection-dot", strings.retrying),
        ConnectionState::Backoff { .. } => ("connection-dot failed", strings.connection_lost),
        ConnectionState::ConsentNeeded { .. }
        | ConnectionState::ServerForbidden { .. }
        | ConnectionState::InvalidAddress { .. }
        | ConnectionState::Refused { .. }
        | ConnectionState::EndedByServer
        | ConnectionState::Stopped => ("connection-dot failed", strings.not_connected),
    }
}
