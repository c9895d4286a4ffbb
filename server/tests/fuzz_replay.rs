//! The server's decoders: every file of the fuzzers' corpus, and random changes of it, through the fuzzers' own rules.
//!
//! `PESAN_FUZZ_SECONDS=60 cargo test -p pesan-server --test fuzz_replay` goes on for a minute a target.

#[expect(unreachable_pub, reason = "the file is shared with the tests of the codecs")]
#[path = "../../tests/fuzz/src/replay.rs"]
mod replay;

use std::path::{Path, PathBuf};

use pesan_server::engineio::fuzzing;
use pesan_server::http::serve::fuzzing::forwarded;

/// Function that decodes one input of a corpus.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 4] = [
    ("server_frames", fuzzing::frames),
    ("server_inflate", fuzzing::inflate),
    ("server_query", fuzzing::query),
    ("server_forwarded", forwarded),
];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus")
}

#[test]
fn corpus_keeps_the_rules() {
    replay::corpus_keeps_the_rules(&corpus(), &TARGETS);
}

#[test]
fn changes_of_the_corpus_keep_the_rules() {
    replay::changes_keep_the_rules(&corpus(), &TARGETS);
}
