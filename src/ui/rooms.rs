//! List of the rooms, and a field to make one.

use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use pesan::chat::words::{Words, fill};
use pesan::messages::{Person, RoomKind};

use super::face::face;
use super::icon::{CLOSE, PLUS, SEARCH, icon};

/// Room as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Id.
    pub(crate) id: String,
    /// Name as shown.
    pub(crate) name: String,
    /// Kind.
    pub(crate) kind: RoomKind,
    /// Other person of a direct room.
    pub(crate) with: Option<Person>,
    /// Begin of the newest message.
    pub(crate) last: String,
    /// Unread messages.
    pub(crate) unread: u64,
    /// Whether it is open.
    pub(crate) open: bool,
    /// Whether the person is in it.
    pub(crate) inside: bool,
}

/// Rooms at the left.
#[component]
pub(crate) fn Rooms(
    words: &'static Words,
    #[prop(into)] rooms: Signal<Vec<Listed>>,
    /// This person; nobody on a plain server.
    #[prop(into)]
    me: Signal<Option<Person>>,
    on_open: Callback<String>,
    on_create: Callback<String>,
    on_find: Callback<()>,
    on_settings: Callback<()>,
    on_close: Callback<()>,
) -> impl IntoView {
    let creating = RwSignal::new(false);
    let field = NodeRef::<Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            field.focus().unwrap_or_default();
        }
    });
    let full = move || me.get().is_some();
    let part = move |heading: &'static str, belongs: fn(&Listed) -> bool| {
        move || {
            let rooms: Vec<AnyView> = rooms
                .get()
                .into_iter()
                .filter(belongs)
                .map(|room| entry(words, room, on_open))
                .collect();
            (!rooms.is_empty()).then(|| {
                let heading = (!heading.is_empty()).then(|| view! { <h2>{heading}</h2> }.into_any());
                view! { {heading} <ul>{rooms}</ul> }.into_any()
            })
        }
    };
    let create = move |event: SubmitEvent| {
        event.prevent_default();
        let name = field
            .get_untracked()
            .map(|field| field.value())
            .unwrap_or_default();
        if !name.trim().is_empty() {
            on_create.run(name);
        }
        creating.set(false);
    };
    let new_room = move || {
        creating.get().then(|| {
            view! {
                <form class="new-room" on:submit=create>
                    <input class="field" node_ref=field aria-label=words.new_room placeholder=words.new_room maxlength="64" />
                    <button class="button">{words.create}</button>
                </form>
            }
            .into_any()
        })
    };
    let person = move || {
        me.get().map(|me| {
            view! {
                <div class="bottom">
                    <button class="entry" on:click=move |_| on_settings.run(())>
                        {face(&me, true)}
                        <span class="name"><bdi>{me.name.clone()}</bdi></span>
                        <span class="soft">{words.you}</span>
                    </button>
                </div>
            }
            .into_any()
        })
    };
    view! {
        <nav class="side rooms" aria-label=words.rooms>
            <div class="top">
                <p class="brand">"pesan"</p>
                <div>
                    <button
                        class="icon"
                        hidden=move || !full()
                        aria-label=words.find_room
                        title=words.find_room
                        on:click=move |_| on_find.run(())
                    >
                        {icon(SEARCH)}
                    </button>
                    <button
                        class="icon"
                        hidden=move || !full()
                        aria-label=words.create
                        title=words.create
                        aria-expanded=move || if creating.get() { "true" } else { "false" }
                        on:click=move |_| creating.update(|creating| *creating = !*creating)
                    >
                        {icon(PLUS)}
                    </button>
                    <button class="icon close" aria-label=words.close title=words.close on:click=move |_| on_close.run(())>
                        {icon(CLOSE)}
                    </button>
                </div>
            </div>
            {new_room}
            <div class="scroll">
                {part("", |room| room.inside && room.kind != RoomKind::Direct)}
                {part(words.directs, |room| room.kind == RoomKind::Direct)}
                {part(words.other_rooms, |room| !room.inside && room.kind != RoomKind::Direct)}
            </div>
            {person}
        </nav>
    }
}

fn entry(words: &'static Words, room: Listed, on_open: Callback<String>) -> AnyView {
    let Listed {
        id,
        name,
        with,
        last,
        unread,
        open,
        ..
    } = room;
    let sign = match &with {
        Some(with) => face(with, true),
        None => view! { <span class="sign" aria-hidden="true">"#"</span> }.into_any(),
    };
    let badge = (unread > 0).then(|| {
        let count = unread.to_string();
        let shown = if unread > 99 {
            "99+".to_owned()
        } else {
            count.clone()
        };
        view! {
            <span class="badge" aria-hidden="true">{shown}</span>
            <span class="unseen">{fill(words.unread, &[&count])}</span>
        }
        .into_any()
    });
    let last = (!last.is_empty()).then(|| view! { <span class="last">{last}</span> }.into_any());
    view! {
        <li>
            <button
                class="entry"
                class:fresh=unread.gt(&0)
                aria-current=if open { "true" } else { "false" }
                on:click=move |_| on_open.run(id.clone())
            >
                {sign}
                <span class="what">
                    <span class="name"><bdi>{name}</bdi></span>
                    {last}
                </span>
                {badge}
            </button>
        </li>
    }
    .into_any()
}
