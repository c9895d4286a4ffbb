//! Runs a file of recorded codec cases: `cargo run -q --example vectors -- FILE`.
//!
//! The format is that of `tests/fixtures/codec-vectors.json`, made by `tests/peers/make-codec-vectors.mjs` from the
//! official packages. Prints the name of each failing case, each intended difference with its cases, and as the last line
//! `N passed, N failed`.

mod suite;

use std::process::ExitCode;

/// Stack size: cases may be nested too deeply for the default one. Unused memory is not allocated.
const STACK_BYTES: usize = 256 << 20;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: vectors FILE");
        return ExitCode::from(2);
    };
    let run = move || match std::fs::read_to_string(&path) {
        Ok(text) => suite::run(&text).map_err(|error| format!("{path}: {error}")),
        Err(error) => Err(format!("{path}: {error}")),
    };
    let worker = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run);
    match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(report))) => {
            print!("{report}");
            ExitCode::from(u8::from(!report.failed.is_empty()))
        }
        Ok(Ok(Err(error))) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
        Ok(Err(_)) | Err(_) => {
            eprintln!("the cases could not be run");
            ExitCode::from(2)
        }
    }
}
