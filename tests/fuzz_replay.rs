//! The decoders with every file of the fuzzing corpus and random mutations of it, checked by the properties of the fuzz
//! targets. The decoders of the server are in `server/tests/fuzz_replay.rs`.
//!
//! `PESAN_FUZZ_SECONDS=60 cargo test --features msgpack --test fuzz_replay` runs for a minute per target.
#![cfg(all(feature = "msgpack", not(target_arch = "wasm32")))]

#[expect(unreachable_pub, reason = "the file is shared with the server's tests")]
#[path = "fuzz/src/replay.rs"]
mod replay;
#[expect(unreachable_pub, reason = "the file is a crate of its own for the fuzzers")]
#[path = "fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

fn corpus() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}

#[test]
fn fuzz_corpus_keeps_invariants() {
    replay::replay_corpus(&corpus(), &targets::TARGETS);
}

#[test]
fn fuzz_corpus_mutations_keep_invariants() {
    replay::replay_mutations(&corpus(), &targets::TARGETS);
}
