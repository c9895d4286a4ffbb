//! State of the chat in one signal, and the actions of the person.
//!
//! Components read it by [`Chat::select`] and change it by the actions. After every change the requests that the state
//! asks for are emitted, its timer is set, and what has to outlive the page is stored.

use gloo_timers::callback::Timeout;
use leptos::ev;
use leptos::prelude::*;

use super::connection::{Connection, use_connection};
use crate::chat::connection_state::ConnectionState;
use crate::chat::server_events::ServerEvent;
use crate::chat::{ChatState, Preferences, ScreenReaderNotice, Server};
use crate::protocol::is_blank;
use crate::services::chat_socket::{ChatSocket, SocketUpdate, use_chat_socket};
use crate::services::{clock, route, server_target, storage};

const PREFERENCES_KEY: &str = "pesan.saved";

/// Pause after the last change before drafts are stored, in milliseconds.
const STORE_DELAY: u32 = 500;

/// How often a window with unsent texts stores its state again, in milliseconds.
const SIGN_INTERVAL: u32 = 2000;

/// State of the chat and the actions of the person; copy it into closures.
#[derive(Clone, Copy)]
pub struct Chat {
    state: RwSignal<ChatState>,
    /// Messages of the last update for screen readers, and how many more there were.
    pub announced: RwSignal<(Vec<ScreenReaderNotice>, u32)>,
    connection: Connection,
    socket: StoredValue<Option<ChatSocket>, LocalStorage>,
    /// Calls [`ChatState::handle_timeout`] when it is due.
    timer: StoredValue<Option<Timeout>, LocalStorage>,
    /// Stores the window's state: soon after a change, and again to show that the window is open.
    store_timer: StoredValue<Option<Timeout>, LocalStorage>,
    window_id: StoredValue<String>,
    /// What the field for the first name holds.
    proposed_name: StoredValue<String>,
}

impl Chat {
    /// Value derived from the state; notifies only when it changes.
    pub fn select<T: PartialEq + Send + Sync + 'static>(
        self,
        select: impl Fn(&ChatState) -> T + Send + Sync + 'static,
    ) -> Memo<T> {
        Memo::new(move |_| self.state.with(&select))
    }

    /// Reads the state and tracks it.
    pub fn with<T>(self, read: impl FnOnce(&ChatState) -> T) -> T {
        self.state.with(read)
    }

    /// Reads the state without tracking it.
    pub fn with_untracked<T>(self, read: impl FnOnce(&ChatState) -> T) -> T {
        self.state.with_untracked(read)
    }

    /// Changes the state at the current time, then emits the requests that it asks for.
    pub fn update(self, change: impl FnOnce(&mut ChatState, u64)) {
        let now = clock::now();
        // an answer or a timer may arrive after the page is gone
        if self.state.try_update(|state| change(state, now)).is_some() {
            self.after_change(now);
        }
    }

    fn after_change(self, now: u64) {
        // taken without a notification: no component shows them
        let taken = self.state.try_update_untracked(|state| {
            let requests: Vec<_> = std::iter::from_fn(|| state.poll_request()).collect();
            (requests, state.take_notices())
        });
        let Some((requests, announced)) = taken else {
            return;
        };
        if !announced.0.is_empty() {
            self.announced.set(announced);
        }
        if let Some(socket) = self.socket.try_get_value().flatten() {
            for request in requests {
                socket.perform(request);
            }
        }
        let due = self.with_untracked(ChatState::poll_timeout);
        let timer = due.map(|due| {
            let pause = u32::try_from(due.saturating_sub(now))
                .unwrap_or(u32::MAX)
                .min(i32::MAX.unsigned_abs());
            Timeout::new(pause, move || self.update(ChatState::handle_timeout))
        });
        self.timer.set_value(timer);
    }

    fn apply(self, updates: Vec<SocketUpdate>) {
        self.update(|state, now| {
            for update in updates {
                match update {
                    SocketUpdate::Connected => state.handle_connected(now),
                    SocketUpdate::Disconnected { by_server } => state.handle_disconnected(now, by_server),
                    SocketUpdate::Event(event) => {
                        if matches!(
                            event,
                            ServerEvent::MessageDeleted(_) | ServerEvent::PersonErased(_)
                        ) {
                            // what was announced may have been deleted
                            self.announced.set(<_>::default());
                        }
                        state.handle_event(now, event);
                    }
                    SocketUpdate::Response(response) => state.handle_response(now, response),
                    SocketUpdate::Connection(connection) => self.connection.set(connection),
                }
            }
        });
    }

    /// Connects to the foreign server of the address, to which the person has agreed.
    pub fn accept_server(self) {
        server_target::accept();
        self.connection.set(ConnectionState::Connecting);
        self.connect_now();
    }

    /// Connects now, whether a pause runs or the client has given up.
    pub fn connect_now(self) {
        self.refresh_auth();
        if let Some(socket) = self.socket.get_value() {
            socket.connect_now();
        }
    }

    /// Forgets the token and connects without it.
    pub fn log_out(self) {
        self.connection.forget_token();
        self.refresh_auth();
        if let Some(socket) = self.socket.get_value() {
            socket.reconnect();
        }
    }

    /// Number of the colour of a person.
    pub fn tint(self, person: String) -> Memo<u32> {
        self.select(move |state| state.tint(&person))
    }

    /// Sends a text to the open room; returns whether it was taken.
    ///
    /// A name that was typed but not yet used is used first, so that the text goes out under it.
    pub fn submit(self, text: &str) -> bool {
        let name = self
            .proposed_name
            .try_update_value(std::mem::take)
            .unwrap_or_default();
        let mut taken = false;
        self.update(|state, now| {
            if !is_blank(&name) && state.wished_name().is_none() && !state.is_name_fixed() {
                state.rename(&name);
            }
            taken = state.submit(now, text);
        });
        taken
    }

    /// Sends a text to the open room and keeps its draft.
    pub fn submit_beside_draft(self, text: &str) {
        self.update(|state, now| {
            let draft = state.room().draft.clone();
            state.submit(now, text);
            state.set_draft(&draft);
        });
    }

    /// Opens a room.
    pub fn open_room(self, id: &str) {
        self.update(|state, now| state.open(now, id));
    }

    /// Opens the next or the previous room of the list.
    pub fn open_next_room(self, forward: bool) {
        self.update(|state, now| state.open_next(now, forward));
    }

    /// Leaves the open room.
    pub fn leave_room(self) {
        let id = self.with_untracked(|state| state.room().room.id.clone());
        self.update(|state, now| state.leave(now, &id));
    }

    /// Creates a room and opens it.
    pub fn create_room(self, name: &str) {
        self.update(|state, _| state.create(name));
    }

    /// Opens the direct room with a person.
    pub fn open_direct(self, person: &str) {
        self.update(|state, _| state.direct(person));
    }

    /// Replies to a message of the open room by the key of its row, or to none.
    pub fn reply_to(self, key: Option<u64>) {
        self.update(|state, _| state.set_reply_to(key));
    }

    /// Sends a failed message again.
    pub fn retry(self, key: u64) {
        self.update(|state, now| state.retry(now, key));
    }

    /// Gives up a failed message.
    pub fn discard(self, key: u64) {
        self.update(|state, _| state.discard(key));
    }

    /// Shows a message of the open room by its order number, also one that is not loaded.
    pub fn show_message(self, seq: u64) {
        self.update(|state, _| state.show_message(seq));
    }

    /// Shows the newest messages of the open room.
    pub fn show_newest(self) {
        self.update(|state, _| state.show_newest());
    }

    /// Loads the messages after those that are shown around an older one.
    pub fn load_newer(self) {
        self.update(|state, _| state.newer());
    }

    /// Hides the open direct room until someone writes there again.
    pub fn hide_room(self) {
        let id = self.with_untracked(|state| state.room().room.id.clone());
        self.update(|state, now| state.hide(now, &id));
    }

    /// Sets whether the conversation leaves out who joins and leaves.
    pub fn set_hide_membership(self, hide: bool) {
        self.update(|state, _| state.set_hide_membership(hide));
    }

    /// Forgets the room that the person wanted to create.
    pub fn dismiss_creation(self) {
        self.update(|state, _| state.dismiss_creation());
    }

    /// Loads older messages of the open room.
    pub fn load_older(self) {
        self.update(|state, _| state.older());
    }

    /// Sets whether the end of the open room is on screen.
    pub fn set_viewing(self, viewing: bool) {
        self.update(|state, _| state.set_viewing(viewing));
    }

    /// Keeps the text in the composer as the draft of the open room, and tells others that this person is typing.
    pub fn set_draft(self, text: &str, is_typing: bool) {
        let now = clock::now();
        // the composer shows the draft already, so nothing has to be notified of every letter
        self.state.try_update_untracked(|state| state.set_draft(text));
        if is_typing && self.with_untracked(|state| state.wants_typing(now)) {
            self.update(ChatState::typing);
        }
        self.store_window_soon(STORE_DELAY);
    }

    /// Takes a name that is typed on the first visit.
    pub fn propose_name(self, name: String) {
        self.proposed_name.set_value(name);
    }

    /// Requests another name.
    pub fn rename(self, name: &str) {
        self.proposed_name.set_value(String::new());
        self.update(|state, _| state.rename(name));
    }

    /// Keeps the name that the server gave.
    pub fn keep_name(self, name: String) {
        self.update(|state, _| state.set_wished_name(Some(name)));
    }

    /// Forgets the result of the last [`rename`](Self::rename).
    pub fn dismiss_renamed(self) {
        self.update(|state, _| state.dismiss_renamed());
    }

    /// Closes the announcement of the operator.
    pub fn dismiss_announcement(self) {
        self.update(|state, _| state.dismiss_announcement());
    }

    /// Closes the last error.
    pub fn dismiss_notice(self) {
        self.update(|state, _| state.dismiss_notice());
    }

    /// Connects again after an operator ended the connection.
    pub fn come_back(self) {
        self.update(|state, _| state.come_back());
    }

    /// Stores what a reload would lose, before the page closes.
    pub fn store_before_unload(self) {
        self.store_window(0);
    }

    /// Credentials under the current name, for the next connection.
    fn refresh_auth(self) {
        let name = self.with_untracked(|state| state.wished_name().map(str::to_owned));
        if let Some(socket) = self.socket.try_get_value().flatten() {
            socket.set_auth(&self.connection.auth(name));
        }
    }

    fn store_window_soon(self, pause: u32) {
        let timer = Timeout::new(pause, move || self.store_window(clock::now()));
        self.store_timer.set_value(Some(timer));
    }

    fn store_window(self, seen_at: u64) {
        let state = self.with_untracked(ChatState::window_state);
        let stored = self
            .window_id
            .with_value(|window_id| storage::set_window_state(window_id, seen_at, state));
        if stored && seen_at > 0 {
            self.store_window_soon(SIGN_INTERVAL);
        }
    }

    /// Whether the server speaks the chat protocol, so that rooms, people and names exist.
    #[must_use]
    pub fn is_extended(self) -> Memo<bool> {
        self.select(|state| matches!(state.server(), Server::Extended { .. }))
    }

    /// Id of the open room.
    #[must_use]
    pub fn room_id(self) -> Memo<String> {
        self.select(|state| state.room().room.id.clone())
    }
}

/// Restores the chat of this browser, connects it and provides it; `typed` was typed before the program had loaded.
pub fn provide_chat(typed: &str) -> Chat {
    let connection = use_connection();
    let now = clock::now();
    let preferences: Preferences =
        storage::get_json(&storage::for_server(PREFERENCES_KEY)).unwrap_or_default();
    let window_id = clock::random_id();
    let mut state = ChatState::new(
        window_id.clone(),
        clock::local_day,
        preferences,
        storage::take_window_states(now),
    );
    if let Some(room) = route::room() {
        state.open(now, &room);
    }
    let draft = state.room().draft.clone() + typed;
    state.set_draft(&draft);
    let wished_name = state.wished_name().map(str::to_owned);
    let chat = Chat {
        state: RwSignal::new(state),
        announced: RwSignal::default(),
        connection,
        socket: StoredValue::new_local(None),
        timer: StoredValue::new_local(None),
        store_timer: StoredValue::new_local(None),
        window_id: StoredValue::new(window_id),
        proposed_name: StoredValue::new(String::new()),
    };
    let socket = use_chat_socket(
        route::server(),
        &connection.auth(wished_name),
        connection.may_connect(),
        move |updates| {
            chat.apply(updates);
        },
    );
    chat.socket.set_value(Some(socket));
    chat.store_window(now);
    use_storage(chat);
    provide_context(chat);
    chat
}

/// State of the chat.
///
/// # Panics
/// Outside of the page's `App`, which provides it.
#[must_use]
pub fn use_chat() -> Chat {
    expect_context()
}

/// Stores preferences and unsent texts when they change, and everything when the page is hidden or closed.
fn use_storage(chat: Chat) {
    let preferences = chat.select(ChatState::preferences);
    Effect::watch(
        move || preferences.get(),
        move |preferences, _, _| {
            storage::set_json(&storage::for_server(PREFERENCES_KEY), preferences);
            // the name may have changed: a connection that is lost comes back under it
            chat.refresh_auth();
        },
        false,
    );
    let outbox = chat.select(ChatState::outbox_changes);
    Effect::watch(
        move || outbox.get(),
        move |_, _, _| chat.store_window(clock::now()),
        false,
    );
    // what another window of this person has stored
    let other_window = window_event_listener(ev::storage, move |event| {
        if event.key().as_deref() != Some(storage::for_server(PREFERENCES_KEY).as_str()) {
            return;
        }
        if let Some(stored) = storage::get_json(&storage::for_server(PREFERENCES_KEY)) {
            chat.update(|state, now| state.adopt_preferences(now, stored));
        }
    });
    let page_hide = window_event_listener(ev::pagehide, move |_| chat.store_before_unload());
    let visibility = window_event_listener(ev::visibilitychange, move |_| {
        chat.store_window(if document().hidden() { 0 } else { clock::now() });
    });
    on_cleanup(move || {
        other_window.remove();
        page_hide.remove();
        visibility.remove();
    });
}
