//! The server's decoders with every file of the fuzzing corpus and random mutations of it, checked by the properties of
//! the fuzz targets.
//!
//! `PESAN_FUZZ_SECONDS=60 cargo test -p pesan-server --test fuzz_replay` runs for a minute per target.

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
fn corpus_input_satisfies_the_decoder_properties() {
    replay::replay_corpus(&corpus(), &TARGETS);
}

#[test]
fn corpus_input_mutated_satisfies_the_decoder_properties() {
    replay::replay_mutations(&corpus(), &TARGETS);
}
