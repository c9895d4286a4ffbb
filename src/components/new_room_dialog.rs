//! Asks for the name of a new room, and offers the one that has the name already.

use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;

use super::modal::Modal;
use crate::chat::RoomCreation;
use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;
use crate::protocol::ChatErrorCode;

/// Longest name that the field takes, in UTF-16 units; the server has the last word.
const MAX_NAME_LENGTH: &str = "64";

/// Dialog that creates a room. The room closes it when it opens.
#[component]
pub fn NewRoomDialog(#[prop(into)] on_close: Callback<()>) -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let field = NodeRef::<Input>::new();
    chat.dismiss_creation();
    let error = chat.select(|state| match state.creation() {
        Some(RoomCreation::Refused { error }) => Some(error.clone()),
        Some(RoomCreation::Requested { .. }) | None => None,
    });
    let existing = Memo::new(move |_| {
        error.with(|error| {
            let taken = error
                .as_ref()
                .filter(|error| error.code == ChatErrorCode::RoomTaken);
            taken.map(|error| error.detail.clone())
        })
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(field) = field.get_untracked()
            && !field.value().trim().is_empty()
        {
            chat.create_room(&field.value());
        }
    };
    let open_existing = move |_| {
        if let Some(id) = existing.get_untracked() {
            chat.open_room(&id);
            on_close.run(());
        }
    };
    view! {
        <Modal title=i18n.text(|s| s.create_room) on_close=on_close>
            <form class="group" on:submit=submit>
                <label class="caption" for="new-room-name">
                    {i18n.text(|s| s.new_room_name)}
                </label>
                <div class="button-row">
                    <input
                        id="new-room-name"
                        class="field"
                        autofocus
                        autocomplete="off"
                        maxlength=MAX_NAME_LENGTH
                        node_ref=field
                    />
                    <button class="button">{i18n.text(|s| s.create)}</button>
                </div>
                <div role="status">
                    <p class="hint error" hidden=move || error.with(Option::is_none)>
                        {move || error.with(|error| error.as_ref().map(|error| i18n.strings().error(error)))}
                    </p>
                </div>
                <Show when=move || existing.with(Option::is_some)>
                    <button type="button" class="button quiet" on:click=open_existing>
                        {i18n.text(|s| s.open_that_room)}
                    </button>
                </Show>
            </form>
        </Modal>
    }
}
