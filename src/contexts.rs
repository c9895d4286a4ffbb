//! State that the components share, as contexts of signals and actions.

pub mod chat;
pub mod connection;
pub mod i18n;
pub mod layout;
pub mod preferences;
