//! Room's name, how many are here, the state of the connection, and the way to everything else.

use leptos::prelude::*;
use pesan::chat::connection::Connection;
use pesan::chat::words::{Words, fill};

use super::icon::{GEAR, LEAVE, LINK, MENU, PEOPLE, icon};

/// What the header says about the open room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Title {
    /// Name of the room.
    pub(crate) name: String,
    /// How many are here; none on a plain server.
    pub(crate) here: Option<usize>,
    /// Whether one can leave it.
    pub(crate) leaves: bool,
}

/// Header of the conversation.
#[component]
pub(crate) fn Header(
    words: &'static Words,
    #[prop(into)] title: Signal<Title>,
    #[prop(into)] connection: Signal<Connection>,
    /// Unread messages in other rooms.
    #[prop(into)]
    elsewhere: Signal<u64>,
    on_rooms: Callback<()>,
    on_people: Callback<()>,
    on_settings: Callback<()>,
    on_link: Callback<()>,
    on_leave: Callback<()>,
) -> impl IntoView {
    let dot = move || match connection.get() {
        Connection::Connected => ("dot up", words.connected),
        Connection::Connecting => ("dot", words.connecting),
        Connection::Retrying { .. } => ("dot", words.retrying),
        Connection::Waiting { .. } => ("dot down", words.lost),
        Connection::Refused { .. } | Connection::Ended | Connection::Stopped => ("dot down", words.stopped),
    };
    let here = move || {
        title.get().here.map(|here| {
            view! { <span class="here">{fill(words.here, &[&here.to_string()])}</span> }.into_any()
        })
    };
    let full = move || title.get().here.is_some();
    let badge = move || {
        let unread = elsewhere.get();
        (unread > 0).then(|| {
            view! { <span class="unseen">{fill(words.unread, &[&unread.to_string()])}</span><span class="spot"></span> }
                .into_any()
        })
    };
    view! {
        <header class="header">
            <button class="icon to-rooms" aria-label=words.rooms title=words.rooms on:click=move |_| on_rooms.run(())>
                {icon(MENU)}
                {badge}
            </button>
            <div class="title">
                <span class=move || dot().0 role="img" aria-label=move || dot().1 title=move || dot().1></span>
                <h1><bdi>{move || title.get().name}</bdi></h1>
                {here}
            </div>
            <button
                class="icon"
                hidden=move || !title.get().leaves
                aria-label=words.copy_link
                title=words.copy_link
                on:click=move |_| on_link.run(())
            >
                {icon(LINK)}
            </button>
            <button
                class="icon"
                hidden=move || !title.get().leaves
                aria-label=words.leave
                title=words.leave
                on:click=move |_| on_leave.run(())
            >
                {icon(LEAVE)}
            </button>
            <button
                class="icon to-people"
                hidden=move || !full()
                aria-label=words.people
                title=words.people
                on:click=move |_| on_people.run(())
            >
                {icon(PEOPLE)}
            </button>
            <button class="icon" aria-label=words.menu title=words.menu on:click=move |_| on_settings.run(())>
                {icon(GEAR)}
            </button>
        </header>
    }
}
