//! Round trips through both directions, and what errors say.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;
use crate::socketio::codec::value::{Bytes, bytes, json, to_value};

fn json(text: &str) -> Value {
    json::parse(text, 64).expect("valid JSON")
}

/// The value goes both ways unchanged, and in the shape that `serde_json` gives it.
fn agrees<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let ours = to_value(value).expect("serializes");
    let theirs = serde_json::to_string(value).expect("serializes");
    assert_eq!(json::to_string(&ours), theirs);
    assert_eq!(&from_value::<T>(ours).expect("deserializes"), value);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    One(u8),
    Two(u8, String),
    Named { width: f64, height: Option<i64> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Tagged {
    FirstKind { number: i32 },
    Second,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
    Text(String),
    Many(Vec<Self>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    own: bool,
    #[serde(flatten)]
    rest: BTreeMap<String, i32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Binary {
    #[serde(with = "bytes")]
    field: Vec<u8>,
    list: Vec<Bytes>,
    maybe: Option<Bytes>,
}

#[test]
fn serde_shapes_equal_serde_json() {
    agrees(&Shape::Empty);
    agrees(&Shape::One(7));
    agrees(&Shape::Two(7, "x".to_owned()));
    agrees(&Shape::Named {
        width: 1.5,
        height: None,
    });
    agrees(&Tagged::FirstKind { number: -1 });
    agrees(&Tagged::Second);
    agrees(&Untagged::Many(vec![
        Untagged::Number(1),
        Untagged::Text("t".to_owned()),
    ]));
    agrees(&Unit);
    agrees(&());
    agrees(&(1, 'ü', "text".to_owned(), [1.5_f32, 2.25_f32]));
    agrees(&Ok::<i32, String>(3));
    agrees(&Err::<i32, String>("no".to_owned()));
    agrees(&Some(u64::MAX));
    agrees(&None::<u8>);
    agrees(&(i64::MIN, u128::from(u64::MAX), i128::from(i64::MIN)));
    agrees(&BTreeMap::from([(1_u16, "a".to_owned()), (300, "b".to_owned())]));
    agrees(&BTreeMap::from([(true, 1), (false, 0)]));
    agrees(&BTreeMap::from([('x', Some(1)), ('y', None)]));
    agrees(&Flat {
        own: true,
        rest: BTreeMap::from([("other".to_owned(), 1)]),
    });
}

#[test]
fn binary_at_any_depth_stays_binary() {
    let data = Binary {
        field: vec![1, 2],
        list: vec![Bytes(vec![]), Bytes(vec![3])],
        maybe: Some(Bytes(vec![4])),
    };
    let value = to_value(&data).expect("serializes");
    let expected = Value::object([
        ("field", Value::Binary(vec![1, 2])),
        (
            "list",
            Value::Array(vec![Value::Binary(vec![]), Value::Binary(vec![3])]),
        ),
        ("maybe", Value::Binary(vec![4])),
    ]);
    assert_eq!(value, expected);
    assert_eq!(from_value::<Binary>(value), Ok(data));
}

#[test]
fn value_through_serde_is_unchanged() {
    let value = Value::Array(vec![
        json(r#"{"a":[null,true,-1,1.5,18446744073709551615,"x"],"b":{}}"#),
        Value::Binary(vec![1]),
    ]);
    assert_eq!(to_value(&value), Ok(value.clone()));
    assert_eq!(from_value::<Value>(value.clone()), Ok(value));
}

#[test]
fn bytes_from_binary_or_numbers_are_read() {
    assert_eq!(from_value::<Vec<u8>>(Value::Binary(vec![1, 2])), Ok(vec![1, 2]));
    assert_eq!(from_value::<Bytes>(json("[1,2]")), Ok(Bytes(vec![1, 2])));
}

#[test]
fn float_without_fraction_is_read_as_integer() {
    assert_eq!(from_value::<u8>(json("1e2")), Ok(100));
    assert_eq!(from_value::<f32>(json("3")), Ok(3.0));
    assert!(from_value::<u8>(json("256")).is_err());
    assert!(from_value::<u8>(json("-1")).is_err());
    assert!(from_value::<i64>(json("1.5")).is_err());
    assert!(from_value::<f64>(json("-0")).is_ok_and(f64::is_sign_negative));
}

#[test]
fn from_value_error_has_path_and_cause() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Item {
        name: String,
        shape: Option<Shape>,
    }
    type Items = BTreeMap<String, Vec<Item>>;
    for (text, message) in [
        ("7", "expected a map, found number 7"),
        (r#"{"items":null}"#, "at .items: expected a sequence, found null"),
        (
            r#"{"items":[{"name":"a"},{"name":1.5}]}"#,
            "at .items[1].name: expected a string, found number 1.5",
        ),
        (r#"{"an item":[{}]}"#, "at [\"an item\"][0]: missing field `name`"),
        (
            r#"{"i":[{"name":"a","shape":{"Two":[1]}}]}"#,
            "at .i[0].shape.Two: invalid length 1, expected tuple variant Shape::Two with 2 elements",
        ),
        (
            r#"{"i":[{"name":"a","shape":{"Two":[1,[]]}}]}"#,
            "at .i[0].shape.Two[1]: expected a string, found an array",
        ),
        (
            r#"{"i":[{"name":"a","shape":"Round"}]}"#,
            "at .i[0].shape: unknown variant `Round`, expected one of [\"Empty\", \"One\", \"Two\", \"Named\"]",
        ),
    ] {
        let error = from_value::<Items>(json(text)).expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn to_value_error_has_path() {
    let odd = BTreeMap::from([("a", vec![BTreeMap::from([((1, 2), 3)])])]);
    let error = to_value(&odd).expect_err("a tuple is no key");
    assert_eq!(
        error.to_string(),
        "at .a[0]: a map key must be a string, a number or a boolean"
    );
    assert!(to_value(&u128::MAX).is_err());
}

#[test]
fn from_value_error_with_long_text_is_shortened() {
    let error = from_value::<u8>(Value::String("x".repeat(1000))).expect_err("a string");
    assert!(error.to_string().len() < 100, "{error}");
    let error = from_value::<Shape>(Value::String("x".repeat(1000))).expect_err("no variant");
    assert!(error.to_string().len() < 150, "{error}");
}

#[test]
fn value_of_maximum_depth_needs_little_stack() {
    let text = format!("{}{}", "[".repeat(512), "]".repeat(512));
    let run = move || {
        let value = json::parse(&text, 512).expect("within the limit");
        let read = from_value::<Value>(value.clone()).expect("any value");
        assert_eq!(to_value(&read), Ok(value));
    };
    // An unoptimised build; a page has 1 MiB, a tokio worker 2 MiB.
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run);
    thread.expect("a thread").join().expect("the stack suffices");
}
