//! People who are in the open room, on the right.

use leptos::html::Button;
use leptos::prelude::*;

use super::avatar::Avatar;
use super::icon::{IconButton, IconName};
use super::room_list::use_panel_focus;
use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::{Panel, use_layout};
use crate::protocol::{Person, RoomKind};

/// People in the open room, in the order of the language; a panel on small screens.
#[component]
pub fn MemberList() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let layout = use_layout();
    let close_button = NodeRef::<Button>::new();
    use_panel_focus(layout, Panel::People, close_button);
    // a direct room has its two people also while one of them is away
    let people = chat.select(|state| {
        let room = state.room();
        let is_here = |person: &&Person| {
            room.room.kind != RoomKind::Direct || state.is_present(&person.id) != Some(false)
        };
        room.people.iter().filter(is_here).cloned().collect::<Vec<_>>()
    });
    let sorted = Memo::new(move |_| {
        let mut people = people.get();
        people.sort_by(|a, b| i18n.compare(&a.name, &b.name).then_with(|| a.id.cmp(&b.id)));
        people
    });
    let count = Memo::new(move |_| {
        let listed = people.with(|people| people.len() as u64);
        chat.with(|state| match state.room().room.kind {
            RoomKind::Direct => listed,
            RoomKind::Lobby | RoomKind::Open => u64::from(state.room().people_count),
        })
    });
    // of a crowd the server lists only some
    let unlisted = Memo::new(move |_| {
        count
            .get()
            .saturating_sub(people.with(|people| people.len() as u64))
    });
    view! {
        <aside class="sidebar people" aria-label=i18n.text(|s| s.people)>
            <div class="sidebar-header">
                <h2 hidden=move || count.get() == 0>
                    {move || format!("{} · {}", i18n.strings().people, count.get())}
                </h2>
                <IconButton
                    icon=IconName::Close
                    label=i18n.text(|s| s.close)
                    class="close"
                    node_ref=close_button
                    on_press=move |_| layout.close_panel()
                />
            </div>
            <div class="sidebar-content">
                <ul>
                    <For
                        each=move || sorted.get()
                        key=|person| (person.id.clone(), person.name.clone())
                        let(person)
                    >
                        <Member person=person />
                    </For>
                </ul>
                <p class="soft unlisted" hidden=move || unlisted.get() == 0>
                    {move || (i18n.strings().more_people)(unlisted.get())}
                </p>
            </div>
        </aside>
    }
}

/// One person; a click opens the direct room with them.
#[component]
fn Member(person: Person) -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let layout = use_layout();
    let Person { id, name } = person;
    let tint = chat.tint(id.clone());
    let is_me = {
        let id = id.clone();
        chat.select(move |state| state.me().is_some_and(|me| me.id == id))
    };
    move || {
        let (id, name) = (id.clone(), name.clone());
        let content = view! {
            <Avatar tint=tint name=name.clone() small=true />
            <span class="name">
                <bdi>{name.clone()}</bdi>
            </span>
        };
        if is_me.get() {
            let entry = view! {
                <li>
                    <div class="entry">
                        {content} <span class="soft">{i18n.text(|s| s.you)}</span>
                    </div>
                </li>
            };
            return entry.into_any();
        }
        let open = move |_| {
            layout.close_panel();
            chat.open_direct(&id);
        };
        view! {
            <li>
                <button
                    type="button"
                    class="entry"
                    title=move || (i18n.strings().send_direct_message)(&name)
                    on:click=open
                >
                    {content}
                </button>
            </li>
        }
        .into_any()
    }
}
