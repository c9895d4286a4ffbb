//! The page: the React `App` of an input, a send button and a live list, grown into a chat.

#![expect(clippy::needless_pass_by_value, reason = "a component owns its props")]

use leptos::ev::{self, KeyboardEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::components::composer::Composer;
use crate::components::copy_dialog::CopyDialog;
use crate::components::header::Header;
use crate::components::help_dialog::HelpDialog;
use crate::components::live_region::LiveRegion;
use crate::components::member_list::MemberList;
use crate::components::message_list::MessageList;
use crate::components::name_prompt::NamePrompt;
use crate::components::new_room_dialog::NewRoomDialog;
use crate::components::quick_switcher::QuickSwitcher;
use crate::components::room_list::RoomList;
use crate::components::settings_dialog::SettingsDialog;
use crate::components::status_banner::StatusBanner;
use crate::components::toast::ToastView;
use crate::components::token_prompt::TokenPrompt;
use crate::components::typing_indicator::TypingIndicator;
use crate::composables::focus::has_mouse;
use crate::contexts::chat::{Chat, provide_chat};
use crate::contexts::connection::provide_connection;
use crate::contexts::i18n::provide_i18n;
use crate::contexts::layout::{Dialog, Layout, Panel, provide_layout};
use crate::contexts::preferences::provide_preferences;
use crate::protocol::LOBBY;
use crate::services::route;

/// What was written before the program had loaded.
#[derive(Debug, Clone, Default)]
pub struct ShellState {
    /// Text in the composer.
    pub draft: String,
    /// Texts that were sent by Enter.
    pub submitted: Vec<String>,
    /// Whether the composer had the focus.
    pub was_focused: bool,
}

/// The whole page.
#[component]
pub fn App(
    /// What was written before the program had loaded.
    #[prop(optional)]
    shell: ShellState,
) -> impl IntoView {
    provide_preferences();
    provide_i18n();
    provide_connection();
    let layout = provide_layout();
    let chat = provide_chat(&shell.draft);
    for text in &shell.submitted {
        chat.submit_beside_draft(text);
    }
    use_title(chat);
    use_address(chat, layout);
    use_shortcuts(chat, layout);

    let is_basic = chat.select(|state| matches!(state.server(), crate::chat::Server::Basic));
    let close_dialog = move |()| layout.close_dialog();
    let dialog = Memo::new(move |_| layout.dialog());
    view! {
        <div class="shell" class:basic=move || is_basic.get() data-panel=move || layout.panel().map(Panel::name)>
            <RoomList />
            <main class="conversation">
                <Header />
                <StatusBanner />
                <MessageList />
                <TokenPrompt />
                <NamePrompt />
                <TypingIndicator />
                <Composer autofocus=shell.was_focused || has_mouse() />
            </main>
            <MemberList />
            <div class="scrim" on:click=move |_| layout.close_panel()></div>
        </div>
        <LiveRegion />
        <ToastView />
        {move || match dialog.get()? {
            Dialog::Settings => Some(view! { <SettingsDialog on_close=close_dialog /> }.into_any()),
            Dialog::Help => Some(view! { <HelpDialog on_close=close_dialog /> }.into_any()),
            Dialog::QuickSwitcher => Some(view! { <QuickSwitcher on_close=close_dialog /> }.into_any()),
            Dialog::NewRoom => Some(view! { <NewRoomDialog on_close=close_dialog /> }.into_any()),
            Dialog::CopyText(text) => Some(view! { <CopyDialog text=text on_close=close_dialog /> }.into_any()),
        }}
    }
}

/// Shows the number of unread messages in the title.
fn use_title(chat: Chat) {
    let unread = chat.select(crate::chat::ChatState::unread);
    Effect::new(move || {
        document().set_title(&match unread.get() {
            0 => "pesan".to_owned(),
            count => format!("({count}) pesan"),
        });
    });
}

/// Keeps the open room and the address together.
fn use_address(chat: Chat, layout: Layout) {
    let room = chat.room_id();
    Effect::watch(
        move || room.get(),
        move |room, _, _| {
            // the entry of an open panel becomes that of the room, so that Back does not close a closed panel
            let replace = layout.close_for_room() || route::room().is_none();
            route::set_room(room, replace);
        },
        false,
    );
    let back = window_event_listener(ev::popstate, move |_| {
        layout.on_history(route::overlay_depth());
        chat.open_room(route::room().as_deref().unwrap_or(LOBBY));
    });
    on_cleanup(move || back.remove());
}

/// Shortcuts that work everywhere on the page.
fn use_shortcuts(chat: Chat, layout: Layout) {
    let can_find = chat.is_extended();
    let listener = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
        if event.default_prevented() {
            return;
        }
        let control = event.ctrl_key() || event.meta_key();
        let is_writing = is_text_field(event.target());
        match event.key().as_str() {
            "k" | "K" if control => find(layout, can_find),
            "/" if !is_writing && !control => find(layout, can_find),
            "?" if !is_writing && !control => layout.open_dialog(Dialog::Help),
            "ArrowUp" | "ArrowDown" if event.alt_key() => chat.open_next_room(event.key() == "ArrowDown"),
            "Escape" => {
                // the browser closes dialogs itself
                if untrack(|| layout.dialog()).is_some() || !layout.close_last() {
                    return;
                }
            }
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || listener.remove());
}

fn find(layout: Layout, can_find: Memo<bool>) {
    if can_find.get_untracked() {
        layout.open_dialog(Dialog::QuickSwitcher);
    }
}

fn is_text_field(target: Option<web_sys::EventTarget>) -> bool {
    target
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA"))
}
