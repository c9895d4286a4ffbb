//! Adds to an error what a person can do about it.

use std::fmt::Display;

use anyhow::{Result, anyhow};

pub(crate) trait ByHand<T> {
    /// Appends the steps to take by hand to an error.
    fn by_hand(self, steps: impl Display) -> Result<T>;
}

impl<T> ByHand<T> for Result<T> {
    fn by_hand(self, steps: impl Display) -> Self {
        self.map_err(|error| anyhow!("{error:#}\n\nBy hand:\n{steps}"))
    }
}
