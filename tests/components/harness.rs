//! Mounts a component with the page's contexts, and looks at it as a person would.

use leptos::mount::mount_to;
use leptos::prelude::*;
use pesan::chat::ChatState;
use pesan::chat::connection_state::ConnectionState;
use pesan::chat::i18n::Language;
use pesan::chat::responses::Response;
use pesan::chat::server_events::ServerEvent;
use pesan::contexts::chat::{Chat, provide_chat};
use pesan::contexts::connection::{Connection, provide_connection};
use pesan::contexts::i18n::provide_i18n;
use pesan::contexts::layout::provide_layout;
use pesan::contexts::preferences::provide_preferences;
use pesan::protocol::{
    ChatLimits, Hello, HistoryPage, Join, Joined, LOBBY, Message, Person, Room, RoomKind, VERSION,
};
use wasm_bindgen::JsCast;
use web_sys::{
    Element, HtmlElement, HtmlInputElement, HtmlTextAreaElement, KeyboardEvent, KeyboardEventInit,
};

/// Contexts of a mounted component.
#[derive(Clone, Copy)]
pub(crate) struct Contexts {
    pub(crate) chat: Chat,
    pub(crate) connection: Connection,
}

/// Mounted component; unmounted when dropped.
pub(crate) struct Mounted {
    pub(crate) root: HtmlElement,
    pub(crate) contexts: Contexts,
    _handle: Box<dyn std::any::Any>,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.root.remove();
    }
}

/// Mounts a component in English, with the contexts of a page that was just opened.
pub(crate) fn mount<V: IntoView + 'static>(component: impl FnOnce(Contexts) -> V + 'static) -> Mounted {
    web_sys::window()
        .and_then(|window| window.local_storage().ok().flatten())
        .expect("tests run in a page")
        .clear()
        .expect("storage can be cleared");
    let root: HtmlElement = document().create_element("div").expect("a div").unchecked_into();
    document()
        .body()
        .expect("a body")
        .append_child(&root)
        .expect("a body takes a div");
    let contexts = StoredValue::new_local(None);
    let handle = mount_to(root.clone(), move || {
        provide_preferences().set_language(Language::English);
        provide_i18n();
        let connection = provide_connection();
        // tests play the server: no connection is made
        connection
            .state
            .set(ConnectionState::ConsentNeeded { host: String::new() });
        provide_layout();
        let chat = provide_chat("");
        connection.set(ConnectionState::Connecting);
        let provided = Contexts { chat, connection };
        contexts.set_value(Some(provided));
        component(provided)
    });
    Mounted {
        root,
        contexts: contexts.get_value().expect("set while it was mounted"),
        _handle: Box::new(handle),
    }
}

impl Mounted {
    /// First element that a selector finds.
    pub(crate) fn find(&self, selector: &str) -> Option<Element> {
        self.root.query_selector(selector).expect("a valid selector")
    }

    /// Element that a selector finds.
    pub(crate) fn get(&self, selector: &str) -> HtmlElement {
        self.find(selector)
            .unwrap_or_else(|| panic!("no {selector} in {}", self.root.inner_html()))
            .unchecked_into()
    }

    /// Texts of all elements that a selector finds.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let found = self.root.query_selector_all(selector).expect("a valid selector");
        (0..found.length())
            .filter_map(|index| found.item(index)?.text_content())
            .collect()
    }

    /// Text of everything that is shown.
    pub(crate) fn text(&self) -> String {
        self.root.inner_text()
    }

    /// Clicks the button of this name.
    pub(crate) fn press(&self, name: &str) {
        self.button(name).click();
    }

    /// Button of this name: its label or its text.
    pub(crate) fn button(&self, name: &str) -> HtmlElement {
        let buttons = self.root.query_selector_all("button").expect("a valid selector");
        (0..buttons.length())
            .filter_map(|index| buttons.item(index)?.dyn_into::<HtmlElement>().ok())
            .find(|button| {
                button.get_attribute("aria-label").as_deref() == Some(name)
                    || button.text_content().as_deref() == Some(name)
            })
            .unwrap_or_else(|| panic!("no button '{name}' in {}", self.root.inner_html()))
    }

    /// Applies a change of the chat, as an event of the server does.
    pub(crate) async fn change(&self, change: impl FnOnce(&mut ChatState, u64)) {
        self.contexts.chat.update(change);
        settle().await;
    }

    /// The server greets, and the person is in the lobby with these people and messages.
    pub(crate) async fn enter_lobby(&self, people: Vec<Person>, messages: Vec<Message>) {
        let last_seq = messages.last().map_or(0, |message| message.seq);
        let lobby = room(LOBBY, RoomKind::Lobby, last_seq);
        let hello = Hello {
            version: VERSION,
            build: "test".to_owned(),
            you: person("me", "Ayu"),
            limits: ChatLimits {
                text_chars: 100,
                name_chars: 20,
                page: 50,
            },
            rooms: vec![lobby.clone()],
            now: 0,
            name_fixed: false,
            name_refused: None,
        };
        let joined = Joined {
            room: lobby,
            people,
            page: HistoryPage {
                messages,
                more: false,
            },
            people_count: None,
        };
        self.change(|state, now| {
            state.handle_connected(now);
            state.handle_event(now, ServerEvent::Hello(Box::new(hello)));
            let join = Join {
                room: LOBBY.to_owned(),
                after: None,
            };
            state.handle_response(now, Response::Joined(join, Some(Ok(Box::new(joined)))));
        })
        .await;
    }
}

/// Waits until effects have run and a frame was drawn.
pub(crate) async fn settle() {
    for _ in 0..3 {
        leptos::task::tick().await;
        gloo_timers::future::TimeoutFuture::new(0).await;
    }
}

/// Types a text into a field, in place of what it holds.
pub(crate) async fn type_text(field: &HtmlElement, text: &str) {
    if let Some(field) = field.dyn_ref::<HtmlTextAreaElement>() {
        field.set_value(text);
    } else {
        field.unchecked_ref::<HtmlInputElement>().set_value(text);
    }
    let event = web_sys::Event::new_with_event_init_dict("input", &bubbling()).expect("an event");
    field.dispatch_event(&event).expect("an element takes events");
    settle().await;
}

/// Presses a key; returns whether the page handled it.
pub(crate) async fn press_key(element: &Element, key: &str, change: impl FnOnce(&KeyboardEventInit)) -> bool {
    let init = KeyboardEventInit::new();
    init.set_key(key);
    init.set_bubbles(true);
    init.set_cancelable(true);
    change(&init);
    let event = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init).expect("an event");
    let unhandled = element.dispatch_event(&event).expect("an element takes events");
    settle().await;
    !unhandled
}

fn bubbling() -> web_sys::EventInit {
    let init = web_sys::EventInit::new();
    init.set_bubbles(true);
    init
}

/// Person of an id and a name.
pub(crate) fn person(id: &str, name: &str) -> Person {
    Person {
        id: id.to_owned(),
        name: name.to_owned(),
    }
}

/// Room of an id, which is its name too.
pub(crate) fn room(id: &str, kind: RoomKind, last_seq: u64) -> Room {
    Room {
        id: id.to_owned(),
        name: id.to_owned(),
        kind,
        with: None,
        last_seq,
        last: None,
    }
}

/// Message in the lobby.
pub(crate) fn message(seq: u64, author: &Person, text: &str) -> Message {
    Message {
        room: LOBBY.to_owned(),
        seq,
        id: format!("message-{seq}"),
        author: author.clone(),
        text: text.to_owned(),
        at: 1_700_000_000_000 + seq * 1000,
        reply: None,
    }
}
