//! Flags of an event, and the check of its name.

use std::time::Duration;

use pesan::socketio::packet::RESERVED;

use super::error::EmitError;
use crate::engineio::EncodedMessage;

/// Modifiers of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) volatile: bool,
    pub(super) local: bool,
    pub(super) compress: Option<bool>,
    pub(super) timeout: Option<Duration>,
}

impl Flags {
    /// Applies the flags that concern the transport.
    pub(super) fn apply(&self, message: EncodedMessage) -> EncodedMessage {
        message
            .volatile(self.volatile)
            .compress(self.compress.unwrap_or(true))
    }
}

/// Refuses event names that the protocol reserves.
pub(super) fn check_event_name(event: &str) -> Result<(), EmitError> {
    if RESERVED.contains(&event) {
        return Err(EmitError::Reserved(event.to_owned()));
    }
    Ok(())
}
