//! Adds manual steps to errors.

use std::fmt::Display;

use anyhow::{Result, anyhow};

pub(crate) trait ByHand<T> {
    /// Appends the steps that solve the problem by hand.
    fn by_hand(self, steps: impl Display) -> Result<T>;
}

impl<T> ByHand<T> for Result<T> {
    fn by_hand(self, steps: impl Display) -> Self {
        self.map_err(|error| anyhow!("{error:#}\n\nBy hand:\n{steps}"))
    }
}
