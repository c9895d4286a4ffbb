//! Replays the files of a corpus and random mutations of them in an ordinary test.
//!
//! `PESAN_FUZZ_SECONDS=60` runs for a minute per target.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Function that decodes any bytes and panics if a property is violated.
type Target = fn(&[u8]);

/// Mutated inputs for each file of the corpus.
const MUTATIONS: usize = 100;

/// Random numbers (xorshift) from a fixed seed, so that failures are reproducible.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() % bound.max(1)
    }

    /// Returns a seed with some bytes removed, duplicated, replaced, or taken from another seed.
    fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        const SPECIAL: &[u8] = b"\"\\[]{},:-+.eE0159/u \x1e\x00\xff\xc1\xdd\xc7";
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(input.len() + 1);
            let end = at + self.below(input.len() - at + 1).min(16);
            match self.below(5) {
                0 => drop(input.drain(at..end)),
                1 => {
                    let part = input[at..end].to_vec();
                    input.splice(at..at, part);
                }
                2 => input.insert(at, SPECIAL[self.below(SPECIAL.len())]),
                3 if at < input.len() => input[at] = self.next() as u8,
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    input.splice(at.., other[from..].iter().copied());
                }
            }
            input.truncate(4096);
        }
        input
    }
}

fn corpus(folder: &Path, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = folder.join(target);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a readable file");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

fn assert_properties(target: &str, run: Target, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| run(input))).is_err() {
        panic!("{target} violates a property with b\"{}\"", input.escape_ascii());
    }
}

/// Runs each target with all files of its corpus.
pub fn replay_corpus(folder: &Path, targets: &[(&str, Target)]) {
    for (target, run) in targets {
        let corpus = corpus(folder, target);
        assert!(!corpus.is_empty(), "{target} has no corpus");
        for (path, input) in corpus {
            assert!(catch_unwind(|| run(&input)).is_ok(), "{}", path.display());
        }
    }
}

/// Runs each target with random mutations of its corpus.
pub fn replay_mutations(folder: &Path, targets: &[(&str, Target)]) {
    let seconds = std::env::var("PESAN_FUZZ_SECONDS").map_or(0, |text| text.parse().expect("seconds"));
    for (target, run) in targets {
        let seeds: Vec<Vec<u8>> = corpus(folder, target)
            .into_iter()
            .map(|(_, input)| input)
            .collect();
        let mut rng = Rng(0x9e37_79b9_7f4a_7c15);
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut count = 0;
        while count < MUTATIONS * seeds.len() || Instant::now() < until {
            assert_properties(target, *run, &rng.mutate(&seeds));
            count += 1;
        }
        println!("{target}: {count} inputs");
    }
}
