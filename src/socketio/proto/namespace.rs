//! One namespace of the connection: how far its CONNECT has come, and what waits for it.

use super::pending_acks::Acks;
use super::recovery::Recovery;
use super::retries::Retries;
use super::send_buffer::Outbox;
use super::{Auth, Event};
use crate::socketio::Timestamp;
use crate::socketio::proto::time::sooner;

/// Namespace that a program has used.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: String,
    /// Own `auth`; `None` means the one of the settings.
    pub(super) auth: Option<Auth>,
    pub(super) standing: Standing,
    /// Counts CONNECTs and connections, so that what belongs to an old one is known.
    pub(super) epoch: u64,
    /// Whether the server may not have read our last DISCONNECT yet: what comes before it answers the next CONNECT
    /// belongs to the socket that was left.
    pub(super) left: bool,
    pub(super) recovery: Recovery,
    pub(super) acks: Acks,
    pub(super) outbox: Outbox,
    pub(super) retries: Retries,
}

/// How far a namespace has come, in the order in which it lives.
#[derive(Debug, Default)]
pub(super) enum Standing {
    /// Nobody wants it.
    #[default]
    Inactive,
    /// Wanted, and there is no connection.
    Away,
    /// The program was asked for its `auth`.
    Asking { patience: Patience },
    /// CONNECT was sent.
    Joining { patience: Patience, early: Early },
    /// CONNECT was sent and is not wanted any more. Its answer has to come before anything else is sent.
    Withdrawn {
        /// Whether the program wants to connect anew after it.
        again: bool,
        /// For that, if so.
        patience: Patience,
    },
    /// Connected.
    Joined {
        id: String,
        /// When the queue is to be sent, if that is put off.
        flush: Option<Timestamp>,
    },
}

/// How long the answer to a CONNECT is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    Until(Timestamp),
    Endless,
    /// The program has heard of the delay.
    Spent,
}

impl Patience {
    pub(super) fn until(due: Option<Timestamp>) -> Self {
        due.map_or(Self::Endless, Self::Until)
    }

    fn due(self) -> Option<Timestamp> {
        match self {
            Self::Until(due) => Some(due),
            Self::Endless | Self::Spent => None,
        }
    }

    fn has_hope(self) -> bool {
        match self {
            Self::Until(_) | Self::Endless => true,
            Self::Spent => false,
        }
    }
}

/// Events that came before the answer to CONNECT, as a recovered session sends them.
#[derive(Debug, Default)]
pub(super) struct Early {
    pub(super) events: Vec<Event>,
    pub(super) bytes: usize,
}

impl Namespace {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            auth: None,
            standing: Standing::default(),
            epoch: 0,
            left: false,
            recovery: Recovery::default(),
            acks: Acks::default(),
            outbox: Outbox::default(),
            retries: Retries::default(),
        }
    }

    /// Whether the program wants it.
    pub(super) fn is_active(&self) -> bool {
        match &self.standing {
            Standing::Inactive | Standing::Withdrawn { again: false, .. } => false,
            Standing::Away
            | Standing::Asking { .. }
            | Standing::Joining { .. }
            | Standing::Withdrawn { again: true, .. }
            | Standing::Joined { .. } => true,
        }
    }

    pub(super) fn is_joined(&self) -> bool {
        matches!(self.standing, Standing::Joined { .. })
    }

    /// Whether it is connected, or may still be in time.
    pub(super) fn has_hope(&self) -> bool {
        match &self.standing {
            Standing::Inactive => false,
            Standing::Away | Standing::Joined { .. } => true,
            Standing::Asking { patience } | Standing::Joining { patience, .. } => patience.has_hope(),
            Standing::Withdrawn { again, patience } => *again && patience.has_hope(),
        }
    }

    /// Moment by which its CONNECT has to be answered.
    pub(super) fn connect_due(&self) -> Option<Timestamp> {
        match &self.standing {
            Standing::Inactive | Standing::Away | Standing::Joined { .. } => None,
            Standing::Asking { patience }
            | Standing::Joining { patience, .. }
            | Standing::Withdrawn { patience, .. } => patience.due(),
        }
    }

    /// Moment at which a queue that was put off is to be sent.
    pub(super) fn flush_due(&self) -> Option<Timestamp> {
        match &self.standing {
            Standing::Joined { flush, .. } => *flush,
            Standing::Inactive
            | Standing::Away
            | Standing::Asking { .. }
            | Standing::Joining { .. }
            | Standing::Withdrawn { .. } => None,
        }
    }

    /// Earliest moment at which it has something to do.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let standing = sooner(self.connect_due(), self.flush_due());
        let queues = sooner(self.outbox.due(), self.retries.due());
        sooner(standing, sooner(self.acks.due(), queues))
    }
}

/// Whether a packet can name it.
pub(in crate::socketio) fn is_legal(name: &str, max_bytes: usize) -> bool {
    name.starts_with('/') && !name.contains(',') && name.len() <= max_bytes
}
