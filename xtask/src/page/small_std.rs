//! A standard library for the page, built for size and without what a panic would say.
//!
//! The one that comes with the toolchain is built for speed, and names a place in the source for everything that could
//! panic: 11 kB of the gzipped page. Building another one needs unstable options, which the stable compiler takes when it
//! is told to. Where that is not to be had, the page is built with the library as it comes.

use std::env;
use std::path::Path;

use crate::failure::Failure;
use crate::job::Job;
use crate::project::Project;
use crate::tools::WASM;

/// What the compiler is told: end at once where a panic would begin; keep no places in the source and no `Debug`.
const FLAGS: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none";

/// Lets the stable compiler take unstable options.
const UNSTABLE: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

/// Variables that make cargo build the library with the page; none when it cannot.
#[derive(Debug, Clone, Default)]
pub(super) struct SmallStd(Vec<(&'static str, String)>);

impl SmallStd {
    /// Looks whether the toolchain can, and says so if it cannot.
    pub(super) fn find() -> Self {
        match possible() {
            Ok(()) => Self::new(),
            Err(why) => {
                println!(
                    "  ! the page is built with the standard library as it comes, some 11 kB larger: {why}"
                );
                Self::default()
            }
        }
    }

    fn new() -> Self {
        let own = env::var("RUSTFLAGS").unwrap_or_default();
        Self(vec![
            (UNSTABLE.0, UNSTABLE.1.to_owned()),
            ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort".to_owned()),
            (
                "CARGO_UNSTABLE_BUILD_STD_FEATURES",
                "optimize_for_size".to_owned(),
            ),
            ("RUSTFLAGS", format!("{own} {FLAGS}").trim_start().to_owned()),
        ])
    }

    /// What it comes to, as a text that differs when a build would.
    pub(super) fn describe(&self) -> String {
        format!("{:?}", self.0)
    }

    /// Gives the variables to a job.
    pub(super) fn set(&self, job: Job) -> Job {
        self.0.iter().fold(job, |job, (name, value)| job.env(name, value))
    }

    /// Gets what the library itself depends on, so that the build needs no network.
    pub(super) fn fetch(&self, project: &Project) -> Result<(), Failure> {
        if self.0.is_empty() {
            return Ok(());
        }
        let line = format!("fetch --locked --target {WASM}");
        let label = "fetch what the page is built of";
        self.set(Job::cargo(label, &project.root, &line)).run().map(drop)
    }
}

/// Makes sure of the library's source, and tries the options; says what is missing.
fn possible() -> Result<(), String> {
    let ask = |words: &str| {
        Job::new("rustc", "rustc")
            .env(UNSTABLE.0, UNSTABLE.1)
            .words(words)
            .quiet()
    };
    let sysroot = ask("--print sysroot").ok_or("rustc does not say where its library is")?;
    let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.lock");
    if !source.is_file() {
        let add = Job::new("rustup component add rust-src", "rustup").words("component add rust-src");
        add.run()
            .map_err(|failure| format!("its source is not there, and {}", failure.what()))?;
    }
    let options = format!("--print cfg --target {WASM} {FLAGS}");
    ask(&options)
        .map(drop)
        .ok_or_else(|| "this compiler does not take the options".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_it_nothing_is_set() {
        assert_eq!(SmallStd::default().describe(), "[]");
    }

    #[test]
    fn flags_of_the_user_stay() {
        let described = SmallStd::new().describe();
        assert!(described.contains(FLAGS) && described.contains("optimize_for_size"));
    }
}
