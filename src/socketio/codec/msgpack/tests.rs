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
fn msgpack_length_beyond_the_bytes_is_refused() {
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
fn msgpack_nested_too_deep_is_refused() {
    let nested = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
    assert!(argument(&nested(511)).is_ok());
    let error = DecodeError::Msgpack(MsgpackError::TooDeep { limit: 512 });
    assert_eq!(argument(&nested(512)), Err(error));
}

#[test]
fn packet_of_maximum_depth_needs_little_stack() {
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
fn msgpack_trailing_bytes_and_unknown_prefixes_are_refused() {
    let trailing = MsgpackError::TrailingBytes { count: 1 };
    assert_eq!(argument(&[0xc0, 0xc0]), Err(DecodeError::Msgpack(trailing)));
    let unknown = MsgpackError::UnknownPrefix(0xc1);
    assert_eq!(argument(&[0xc1]), Err(DecodeError::Msgpack(unknown)));
}

#[test]
fn msgpack_map_key_of_other_type_is_refused() {
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
fn msgpack_number_beyond_64_bits_is_unchanged() {
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
fn msgpack_invalid_packet_is_refused() {
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
fn msgpack_frame_too_large_is_refused() {
    let limits = Limits {
        max_frame_bytes: 3,
        ..Limits::default()
    };
    assert_eq!(
        decode(&[0; 4], &limits),
        Err(DecodeError::TooLarge { size: 4, limit: 3 })
    );
}
