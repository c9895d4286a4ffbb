//! Replays the files of a corpus, and random changes of them, in an ordinary test.
//!
//! `PESAN_FUZZ_SECONDS=60` goes on for a minute a target.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Takes any bytes, panics when a rule is broken.
type Target = fn(&[u8]);

/// Changed inputs for each file of the corpus.
const CHANGES: usize = 100;

/// Small generator with a fixed seed, so that a failure happens again.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() % bound.max(1)
    }

    /// Input with a few bytes removed, doubled, replaced, or taken from another input.
    fn change(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        const TELLING: &[u8] = b"\"\\[]{},:-+.eE0159/u \x1e\x00\xff\xc1\xdd\xc7";
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
                2 => input.insert(at, TELLING[self.below(TELLING.len())]),
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

fn hold(target: &str, run: Target, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| run(input))).is_err() {
        panic!("{target} breaks a rule with b\"{}\"", input.escape_ascii());
    }
}

/// All files of the corpus keep the rules.
pub fn corpus_keeps_the_rules(folder: &Path, targets: &[(&str, Target)]) {
    for (target, run) in targets {
        let corpus = corpus(folder, target);
        assert!(!corpus.is_empty(), "{target} has no corpus");
        for (path, input) in corpus {
            assert!(catch_unwind(|| run(&input)).is_ok(), "{}", path.display());
        }
    }
}

/// Random changes of the files keep the rules.
pub fn changes_keep_the_rules(folder: &Path, targets: &[(&str, Target)]) {
    let seconds = std::env::var("PESAN_FUZZ_SECONDS").map_or(0, |text| text.parse().expect("seconds"));
    for (target, run) in targets {
        let seeds: Vec<Vec<u8>> = corpus(folder, target)
            .into_iter()
            .map(|(_, input)| input)
            .collect();
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut count = 0;
        while count < CHANGES * seeds.len() || Instant::now() < until {
            hold(target, *run, &chance.change(&seeds));
            count += 1;
        }
        println!("{target}: {count} inputs");
    }
}
