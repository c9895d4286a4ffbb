//! Rules of our own; those that the official parser shares are checked against its recorded cases.

use super::*;
use crate::socketio::value::{Value, json::JsonError};

fn decode(text: &str) -> Result<Decoded, DecodeError> {
    Decoder::new(Limits::default()).decode_text(text)
}

fn packet(text: &str) -> Packet {
    match decode(text) {
        Ok(Decoded::Packet(packet)) => packet,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn ids_are_exact_up_to_64_bits() {
    let Body::Event { id, .. } = packet(r#"218446744073709551615["a"]"#).body else {
        panic!("an event");
    };
    assert_eq!(id, Some(u64::MAX));
    assert_eq!(
        decode(r#"218446744073709551616["a"]"#),
        Err(DecodeError::AckIdOutOfRange)
    );
}

#[test]
fn white_space_is_no_ack_id() {
    for text in [
        "2 [\"a\"]",
        "2\n[\"a\"]",
        "2\u{feff}[\"a\"]",
        "2/n, 1[\"a\"]",
        "0 {}",
        "1 ",
    ] {
        assert!(
            matches!(decode(text), Err(DecodeError::InvalidPayload(_))),
            "{text:?}"
        );
    }
}

#[test]
fn counts_are_digits_only() {
    for count in ["", "1e0", "0x1", " 1", "+1", "1.0", "0", "-1"] {
        let text = format!("5{count}-[\"a\"]");
        assert_eq!(decode(&text), Err(DecodeError::IllegalAttachments), "{text}");
    }
    for count in ["11", "99999999999999999999999999"] {
        let text = format!("5{count}-[\"a\"]");
        assert_eq!(
            decode(&text),
            Err(DecodeError::TooManyAttachments { limit: 10 }),
            "{text}"
        );
    }
}

#[test]
fn events_and_acks_need_their_array_and_acks_their_id() {
    for text in ["2", "21", "3", "31", "31{}", "2{}"] {
        assert!(
            matches!(decode(text), Err(DecodeError::InvalidPayload(_))),
            "{text}"
        );
    }
    assert_eq!(decode(r#"3["a"]"#), Err(DecodeError::MissingAckId));
}

#[test]
fn ids_of_packets_without_answers_are_ignored() {
    assert_eq!(packet("0123").body, Body::Connect(None));
    assert_eq!(packet("15").body, Body::Disconnect);
    assert_eq!(
        packet(&format!("4{}", "9".repeat(30))).body,
        Body::ConnectError(None)
    );
}

#[test]
fn a_comma_is_the_only_end_of_a_namespace() {
    assert_eq!(packet(r#"0/admin{"t":1}"#).namespace, r#"/admin{"t":1}"#);
    assert_eq!(packet("0/a?b=c,").namespace, "/a?b=c");
    let long = format!("0/{},", "n".repeat(1024));
    assert_eq!(decode(&long), Err(DecodeError::NamespaceTooLong { limit: 1024 }));
}

#[test]
fn reserved_names_are_refused_with_the_name() {
    assert_eq!(
        decode(r#"2["disconnect"]"#),
        Err(DecodeError::ReservedName("disconnect"))
    );
}

#[test]
fn depth_is_capped() {
    let nested = |depth: usize| format!("2[\"a\",{}{}]", "[".repeat(depth), "]".repeat(depth));
    assert!(decode(&nested(511)).is_ok());
    let error = DecodeError::Json(JsonError::TooDeep { limit: 512 });
    assert_eq!(decode(&nested(512)), Err(error));
}

#[test]
fn sizes_are_capped() {
    let mut decoder = Decoder::new(Limits {
        max_frame_bytes: 50,
        max_attachment_bytes: 5,
        ..Limits::default()
    });
    let text = format!("2[\"{}\"]", "a".repeat(50));
    assert_eq!(
        decoder.decode_text(&text),
        Err(DecodeError::TooLarge { size: 55, limit: 50 })
    );
    assert_eq!(
        decoder.decode_text("52-[\"a\"]"),
        Ok(Decoded::Incomplete { missing: 2 })
    );
    assert_eq!(
        decoder.decode_binary(vec![0; 3]),
        Ok(Decoded::Incomplete { missing: 1 })
    );
    assert_eq!(
        decoder.decode_binary(vec![0; 3]),
        Err(DecodeError::AttachmentsTooLarge { limit: 5 })
    );
}

#[test]
fn an_error_or_a_reset_drops_what_was_pending() {
    let header = r#"51-["a",{"_placeholder":true,"num":0}]"#;
    let mut decoder = Decoder::new(Limits::default());
    for _ in 0..2 {
        assert_eq!(
            decoder.decode_text(header),
            Ok(Decoded::Incomplete { missing: 1 })
        );
        assert_eq!(decoder.missing(), 1);
        assert_eq!(
            decoder.decode_text("2[\"a\"]"),
            Err(DecodeError::UnexpectedText { missing: 1 })
        );
        assert_eq!(decoder.missing(), 0);
    }
    assert!(decoder.decode_text(header).is_ok());
    decoder.reset();
    assert_eq!(decoder.decode_binary(vec![1]), Err(DecodeError::UnexpectedBinary));
}

#[test]
fn a_name_that_is_no_finite_number_becomes_text() {
    let Body::Event { name, .. } = packet("2[1e400]").body else {
        panic!("an event");
    };
    assert_eq!((name.as_str(), name.is_numeric()), ("Infinity", false));
}

#[test]
fn the_deepest_packet_needs_little_stack() {
    let depth = Limits::default().max_depth - 2;
    let text = format!(
        "51-[\"a\",{}{{\"_placeholder\":true,\"num\":0}}{}]",
        "[".repeat(depth),
        "]".repeat(depth)
    );
    let run = move || {
        let mut decoder = Decoder::new(Limits::default());
        assert_eq!(decoder.decode_text(&text), Ok(Decoded::Incomplete { missing: 1 }));
        let Ok(Decoded::Packet(packet)) = decoder.decode_binary(vec![7]) else {
            panic!("the packet is whole");
        };
        assert_eq!(packet.clone().encode().text, text);
        let value = Value::Array(match packet.body {
            Body::Event { args, .. } => args,
            _ => Vec::new(),
        });
        assert!(value.has_binary());
    };
    // An unoptimised build; a page has 1 MiB, a tokio worker 2 MiB.
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(run);
    thread.expect("a thread").join().expect("the stack suffices");
}
