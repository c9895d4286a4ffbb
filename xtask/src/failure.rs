//! What went wrong in a step, and what a person can do about it.

use std::fmt;
use std::io;

/// Step that failed: what happened, the end of its output, and the way to do it by hand.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    what: String,
    output: String,
    by_hand: String,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            output: String::new(),
            by_hand: String::new(),
        }
    }

    /// Shows the last lines of what the step printed.
    pub(crate) fn output(mut self, output: impl Into<String>) -> Self {
        self.output = output.into();
        self
    }

    /// Says what to do.
    pub(crate) fn by_hand(mut self, advice: impl Into<String>) -> Self {
        self.by_hand = advice.into();
        self
    }

    /// What happened, in one line.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.output.is_empty() {
            writeln!(f, "{}", self.output.trim_end())?;
        }
        write!(f, "error: {}", self.what)?;
        if !self.by_hand.is_empty() {
            write!(f, "\n\nBy hand:\n{}", self.by_hand)?;
        }
        Ok(())
    }
}

/// Names what was being done when reading or writing failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("cannot {what}: {error}")))
    }
}
