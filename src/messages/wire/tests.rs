use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Wire;
use crate::messages::*;
use crate::socketio::{Value, from_value, to_value};

/// Both ways give the same, in both directions.
fn same<T: Wire + Serialize + DeserializeOwned + PartialEq + Debug>(message: &T) -> Value {
    let value = message.write();
    assert_eq!(
        value,
        to_value(message).expect("messages can be written"),
        "{message:?}"
    );
    assert_eq!(T::read(value.clone()).as_ref(), Some(message));
    assert_eq!(from_value::<T>(value.clone()).as_ref(), Ok(message));
    value
}

/// Both ways agree about an object that lacks any one of its fields.
fn same_without<T: Wire + Serialize + DeserializeOwned + PartialEq + Debug>(message: &T) {
    let Value::Object(fields) = same(message) else {
        panic!("{message:?} is an object")
    };
    for lacking in 0..fields.len() {
        let mut fields = fields.clone();
        let (name, _) = fields.remove(lacking);
        let value = Value::Object(fields);
        let read = T::read(value.clone());
        assert_eq!(read, from_value::<T>(value).ok(), "without {name}");
    }
}

fn person() -> Person {
    Person {
        id: "p1".to_owned(),
        name: "Ayu".to_owned(),
    }
}

fn message() -> Message {
    Message {
        room: LOBBY.to_owned(),
        seq: u64::MAX,
        id: "id".to_owned(),
        author: person(),
        text: "halo \u{1f642}".to_owned(),
        at: 1_700_000_000_000,
        reply: Some(Quote {
            seq: 1,
            author: "Budi".to_owned(),
            text: String::new(),
        }),
    }
}

fn room() -> Room {
    Room {
        id: "d1".to_owned(),
        name: "Ayu".to_owned(),
        kind: RoomKind::Direct,
        with: Some(person()),
        last_seq: 3,
        last: Some(Box::new(message())),
    }
}

fn refusal(detail: &str) -> Refusal {
    Refusal {
        code: RefusalCode::TooFast,
        detail: detail.to_owned(),
    }
}

fn page() -> Page {
    Page {
        messages: vec![message()],
        more: true,
    }
}

#[test]
fn serde_and_the_page_write_and_read_the_same() {
    let (id, text) = ("a".to_owned(), "b".to_owned());
    for some in [true, false] {
        let maybe = |text: &str| some.then(|| text.to_owned());
        same_without(&Auth {
            pesan: VERSION,
            key: id.clone(),
            name: maybe("Ayu"),
            token: maybe("t"),
        });
        same_without(&Hello {
            version: VERSION,
            build: text.clone(),
            you: person(),
            limits: ChatLimits {
                text_chars: 1,
                name_chars: 2,
                page: u32::MAX,
            },
            rooms: vec![room()],
            now: 0,
            name_refused: some.then(|| refusal("x")),
        });
        same_without(&Room {
            with: some.then(person),
            last: some.then(|| Box::new(message())),
            ..room()
        });
        same_without(&Message {
            reply: message().reply.filter(|_| some),
            ..message()
        });
        same_without(&Send {
            room: id.clone(),
            id: id.clone(),
            text: text.clone(),
            reply_to: some.then_some(7),
        });
        same_without(&Join {
            room: id.clone(),
            after: some.then_some(7),
        });
        same_without(&History {
            room: id.clone(),
            before: some.then_some(7),
            after: (!some).then_some(7),
        });
        let reason = maybe("why").unwrap_or_default();
        same_without(&Closing {
            seconds: 9,
            reason: reason.clone(),
        });
        same_without(&Kicked {
            reason: reason.clone(),
        });
        same_without(&refusal(&reason));
    }
    same_without(&Sent { seq: 1, at: 2 });
    same_without(&Joined {
        room: room(),
        people: vec![person()],
        page: page(),
    });
    same_without(&page());
    same_without(&Leave { room: id.clone() });
    same_without(&Create { name: text.clone() });
    same_without(&Direct { person: id.clone() });
    same_without(&Rename { name: text.clone() });
    same_without(&Typing { room: id.clone() });
    same_without(&Typist {
        room: id.clone(),
        person: person(),
    });
    same_without(&Announcement { text, at: 5 });
    for change in Change::ALL {
        same_without(&Presence {
            room: id.clone(),
            person: person(),
            change: *change,
        });
    }
}

#[test]
fn every_word_is_the_same_by_serde() {
    for kind in RoomKind::ALL {
        same(kind);
    }
    for code in RefusalCode::ALL {
        same(code);
    }
}

#[test]
fn answers_are_the_same_by_serde() {
    same(&Ok::<Sent, Refusal>(Sent { seq: 1, at: 2 }));
    same(&Ok::<(), Refusal>(()));
    same(&Err::<Person, Refusal>(refusal("3")));
}

#[test]
fn another_shape_is_nothing() {
    for value in [
        Value::Null,
        Value::from("text"),
        Value::Array(Vec::new()),
        Value::object([("room", Value::from(1))]),
    ] {
        assert_eq!(Message::read(value.clone()), None);
        assert_eq!(Typing::read(value.clone()), None);
        assert_eq!(<Result<Sent, Refusal>>::read(value), None);
    }
    assert_eq!(RoomKind::read(Value::from("Lobby")), None);
    assert_eq!(u32::read(Value::from(u64::MAX)), None);
    assert_eq!(
        u64::read(Value::from(1.0)),
        Some(1),
        "JavaScript has no other numbers"
    );
}
