//! Small hooks that several components use.

pub mod focus;
pub mod now;
pub mod row_signals;
pub mod today;
