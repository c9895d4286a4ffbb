//! Counts of passed and failed tests, parsed from the output of test programs.

use std::fmt;
use std::ops::Add;

use crate::cmd::{CmdOutput, tail};

/// Lines shown of the output of a program that failed.
const SHOWN_LINES: usize = 250;

/// Counts of a suite, and the names of the failed tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: u32,
    failed: u32,
    ignored: u32,
    failures: Vec<String>,
}

impl Tally {
    /// Tally of one passed check.
    pub(super) fn pass() -> Self {
        Self {
            passed: 1,
            ..Self::default()
        }
    }

    /// Tally of one failed check.
    pub(super) fn failure(name: impl Into<String>) -> Self {
        Self {
            failed: 1,
            failures: vec![name.into()],
            ..Self::default()
        }
    }

    /// Tally of one command; prints its output if it failed.
    pub(super) fn check(name: &str, output: &CmdOutput) -> Self {
        if output.status.success() {
            return Self::pass();
        }
        println!("{}", tail(&output.text, SHOWN_LINES));
        Self::failure(name)
    }

    /// Tally of a test program, counted by one of the functions below; prints its output if a test failed.
    pub(super) fn tests(name: &str, output: &CmdOutput, read: fn(&str) -> Self) -> Self {
        let mut tally = read(&output.text);
        if output.status.success() && tally.failed == 0 {
            return tally;
        }
        println!("{}", tail(&output.text, SHOWN_LINES));
        if tally.failed == 0 || output.timed_out {
            let why = if output.timed_out {
                "exceeded its time limit"
            } else {
                "failed outside of its tests"
            };
            tally = tally + Self::failure(format!("{name} {why}"));
        }
        tally
    }

    /// Adds a failure if no test ran: the tests of the suite were not found.
    pub(super) fn or_fail_if_empty(self) -> Self {
        if self.passed + self.failed == 0 {
            self + Self::failure("no test ran")
        } else {
            self
        }
    }

    pub(super) fn passed(&self) -> u32 {
        self.passed
    }

    pub(super) fn failed(&self) -> u32 {
        self.failed
    }

    pub(super) fn failures(&self) -> impl Iterator<Item = &str> {
        self.failures.iter().map(String::as_str)
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.failures.extend(other.failures);
        self
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.ignored > 0 {
            write!(f, ", {} ignored", self.ignored)?;
        }
        Ok(())
    }
}

/// Counts the output of `cargo test` on the host and in the browser: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
pub(super) fn of_cargo(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines() {
        if let Some(counts) = line.trim_start().strip_prefix("test result: ") {
            tally.passed += number_before(counts, " passed");
            tally.failed += number_before(counts, " failed");
            tally.ignored += number_before(counts, " ignored");
        } else if let Some(test) = line.strip_prefix("test ")
            && let Some((name, "FAILED" | "FAIL")) = test.rsplit_once(" ... ")
        {
            tally.failures.push(name.to_owned());
        }
    }
    tally
}

/// Counts the output of Node's test runner with the reporter `spec`.
pub(super) fn of_node(output: &str) -> Tally {
    let mut tally = Tally::default();
    let mut listing_failures = false;
    for line in output.lines() {
        let count = |name: &str| {
            let text = line.strip_prefix("ℹ ")?.strip_prefix(name)?.strip_prefix(' ')?;
            text.parse::<u32>().ok()
        };
        tally.passed += count("pass").unwrap_or(0);
        tally.failed += count("fail").unwrap_or(0) + count("cancelled").unwrap_or(0);
        tally.ignored += count("skipped").unwrap_or(0) + count("todo").unwrap_or(0);
        listing_failures |= line.starts_with("✖ failing tests");
        if listing_failures && let Some(name) = line.strip_prefix("✖ ") {
            tally
                .failures
                .extend((!name.starts_with("failing tests")).then(|| name.to_owned()));
        }
    }
    tally
}

/// Counts the last line `N passed, N failed`.
pub(super) fn of_closing_line(output: &str) -> Tally {
    let counts = output
        .lines()
        .rev()
        .find(|line| line.ends_with(" failed") && line.contains(" passed, "));
    let Some(counts) = counts else {
        return Tally::default();
    };
    let failed = number_before(counts, " failed");
    let failures = if failed == 0 {
        Vec::new()
    } else {
        vec![counts.to_owned()]
    };
    Tally {
        passed: number_before(counts, " passed"),
        failed,
        ignored: 0,
        failures,
    }
}

fn number_before(text: &str, word: &str) -> u32 {
    let Some((before, _)) = text.split_once(word) else {
        return 0;
    };
    before
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_output_with_several_programs_is_summed_up() {
        let tally = of_cargo(
            "running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\n\n\
             test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        );
        assert_eq!((tally.passed, tally.failed, tally.ignored), (13, 1, 3));
        assert_eq!(tally.failures, ["a::c"]);
    }

    #[test]
    fn node_output_with_summary_is_counted_with_each_failure_named_once() {
        let tally = of_node(
            "✔ one (1ms)\n✖ two (3ms)\nℹ tests 3\nℹ suites 0\nℹ pass 1\nℹ fail 1\nℹ cancelled 1\nℹ skipped 0\nℹ todo 0\n\
             ℹ duration_ms 10\n\n✖ failing tests:\n\ntest at a.mjs:1:1\n✖ two (3ms)\n  AssertionError\n",
        );
        assert_eq!((tally.passed, tally.failed), (1, 2));
        assert_eq!(tally.failures, ["two (3ms)"]);
    }

    #[test]
    fn closing_line_with_counts_is_parsed() {
        let tally = of_closing_line("case x: wrong\n120 passed, 2 failed\n");
        assert_eq!((tally.passed, tally.failed), (120, 2));
    }

    #[test]
    fn suite_without_tests_fails() {
        assert_eq!(Tally::default().or_fail_if_empty().failed(), 1);
        assert_eq!(Tally::pass().or_fail_if_empty().failed(), 0);
    }
}
