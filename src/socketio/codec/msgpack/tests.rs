//! Bounds; what the official parser shares is checked against its recorded cases.

use super::*;

fn decoded(bytes: &[u8]) -> Result<Packet, DecodeError> {
    decode(bytes, &Limits::default())
}

/// `{type: 2, nsp: "/", data: ["a", …]}` with one argument.
fn event(arg: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a".to_vec();
    bytes.extend_from_slice(arg);
    bytes
}

fn argument(arg: &[u8]) -> Result<Value, DecodeError> {
    match decoded(&event(arg))?.body {
        Body::Event { mut args, .. } => Ok(args.remove(0)),
        other => panic!("not an event: {other:?}"),
    }
}

#[test]
fn a_length_that_the_bytes_do_not_bear_out_reserves_nothing() {
    for arg in [
        &[0xdd, 0xff, 0xff, 0xff, 0xff][..],
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0xdb, 0xff, 0xff, 0xff, 0xff],
        &[0xc6, 0xff, 0xff, 0xff, 0xff],
        &[0xc9, 0xff, 0xff, 0xff, 0xff, 0],
        &[0x91],
        &[0xcb, 0],
        &[],
    ] {
        assert_eq!(
            argument(arg),
            Err(DecodeError::Msgpack(MsgpackError::UnexpectedEnd)),
            "{arg:x?}"
        );
    }
}

#[test]
fn depth_is_capped_as_with_the_default_parser() {
    let nested = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
    assert!(argument(&nested(511)).is_ok());
    let error = DecodeError::Msgpack(MsgpackError::TooDeep { limit: 512 });
    assert_eq!(argument(&nested(512)), Err(error));
}

#[test]
fn the_deepest_packet_needs_little_stack() {
    let run = || {
        let bytes = event(&[vec![0x91; 511], vec![0xc0]].concat());
        let packet = decoded(&bytes).expect("within the limit");
        assert_eq!(encode(&packet).len(), bytes.len());
    };
    // An unoptimised build; a page has 1 MiB, a tokio worker 2 MiB.
    let thread = std::thread::Builder::new().stack_size(768 << 10).spawn(run);
    thread.expect("a thread").join().expect("the stack suffices");
}

#[test]
fn bytes_behind_the_packet_and_unknown_prefixes_are_refused() {
    let trailing = MsgpackError::TrailingBytes { count: 1 };
    assert_eq!(argument(&[0xc0, 0xc0]), Err(DecodeError::Msgpack(trailing)));
    let unknown = MsgpackError::UnknownPrefix(0xc1);
    assert_eq!(argument(&[0xc1]), Err(DecodeError::Msgpack(unknown)));
}

#[test]
fn keys_are_texts_or_numbers() {
    assert_eq!(
        argument(&[0x81, 0x07, 0xc3]),
        Ok(Value::object([("7", Value::Bool(true))]))
    );
    assert_eq!(
        argument(&[0x81, 0xc0, 0xc3]),
        Err(DecodeError::Msgpack(MsgpackError::Key))
    );
    assert_eq!(
        argument(&[0x81, 0x90, 0xc3]),
        Err(DecodeError::Msgpack(MsgpackError::Key))
    );
}

#[test]
fn whole_numbers_beyond_64_bits_stay_what_they_are() {
    for number in [
        1e300,
        -1e300,
        18_446_744_073_709_551_616.0,
        9_223_372_036_854_775_808.0,
        -1e19,
    ] {
        let packet = Packet::new("/", Body::event("a", vec![Value::from(number)]));
        assert_eq!(decoded(&encode(&packet)), Ok(packet), "{number}");
    }
}

#[test]
fn what_the_default_parser_refuses_is_refused() {
    let packet = |name: &str| encode(&Packet::new("/", Body::event(name, vec![])));
    assert_eq!(
        decoded(&packet("disconnect")),
        Err(DecodeError::ReservedName("disconnect"))
    );
    let long = format!("/{}", "n".repeat(1024));
    let packet = encode(&Packet::new(long, Body::Disconnect));
    assert_eq!(
        decoded(&packet),
        Err(DecodeError::NamespaceTooLong { limit: 1024 })
    );
    let packet = encode(&Packet::new("n", Body::Disconnect));
    assert!(matches!(decoded(&packet), Err(DecodeError::InvalidPacket(_))));
}

#[test]
fn a_frame_that_is_too_large_is_not_read() {
    let limits = Limits {
        max_frame_bytes: 3,
        ..Limits::default()
    };
    assert_eq!(
        decode(&[0; 4], &limits),
        Err(DecodeError::TooLarge { size: 4, limit: 3 })
    );
}
