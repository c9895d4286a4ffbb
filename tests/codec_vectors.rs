//! What the official packages recorded, against our codecs. The recording is made by
//! `tests/peers/make-*-vectors.mjs`; the same cases run by hand with the example `vectors`.

#[path = "../examples/vectors/suite.rs"]
mod suite;

const FIXTURE: &str = include_str!("fixtures/codec-vectors.json");

#[test]
fn codec_vectors_match_official_parsers() {
    let report = suite::run(FIXTURE).expect("a readable fixture");
    assert!(report.failed.is_empty(), "{report}");
    assert!(report.passed > 400, "{report}");
}

#[cfg(feature = "msgpack")]
#[test]
fn msgpack_vectors_match_official_parser() {
    let report = suite::run(include_str!("fixtures/msgpack-vectors.json")).expect("a readable fixture");
    assert!(report.failed.is_empty(), "{report}");
    assert!(report.passed > 150, "{report}");
}

#[test]
fn vector_with_wrong_result_is_reported() {
    for section in [
        r#""sio_decode":[{"name":"x","feed":[{"text":"2[\"a\"]"}],"packets":[{"type":2,"nsp":"/","data":["b"]}]}]"#,
        r#""sio_decode":[{"name":"x","feed":[{"text":"2[\"a\"]"}],"packets":[],"error":"invalid payload"}]"#,
        r#""sio_decode":[{"name":"x","feed":[{"text":"9"}],"packets":[{"type":0,"nsp":"/"}]}]"#,
        r#""sio_encode":[{"name":"x","in":{"type":2,"nsp":"/","data":["a"]},"out":[{"text":"2[\"b\"]"}]}]"#,
        r#""eio_packet":[{"name":"x","in":{"text":"4a"},"packet":{"type":"message","data":"b"}}]"#,
        r#""eio_payload":[{"in":"4a","packets":[]}]"#,
        r#""eio_payload":[{"in":"4a","packets":[{"type":"message","data":"a"},{"type":"noop"}]}]"#,
    ] {
        let report = suite::run(&format!("{{{section}}}")).expect("a readable case");
        assert_eq!((report.passed, report.failed.len()), (0, 1), "{section}");
    }
}
