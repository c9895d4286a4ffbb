//! Where a connection stands, in the order in which it lives.

use super::upgrade::Upgrade;
use super::{Address, TransportId, TransportKind};
use crate::socketio::proto::session::Session;
use crate::socketio::proto::time::sooner;
use crate::socketio::{Decoder, Timestamp};

/// State of the one connection; what exists only in a state lives in its variant.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nobody wants a connection, or it was given up.
    Idle,
    /// A transport is being opened.
    Opening(Opening),
    /// The handshake is done.
    Open(Link),
    /// Between two attempts.
    Waiting {
        /// Number of the attempt to come, from 1.
        attempt: u32,
        /// When it begins.
        until: Timestamp,
    },
}

/// Transport whose handshake is not done.
#[derive(Debug)]
pub(super) struct Opening {
    /// Number of the attempt; 0 when this is no attempt to reconnect.
    pub(super) attempt: u32,
    pub(super) transport: TransportId,
    pub(super) kind: TransportKind,
    /// Where to, whatever the settings say by now: the session is that server's secret.
    pub(super) address: Address,
    /// Transports to try after this one, in order.
    pub(super) rest: Vec<TransportKind>,
    pub(super) session: Session,
    /// When this transport has had its time.
    pub(super) due: Option<Timestamp>,
    /// When all of them have.
    pub(super) overall: Option<Timestamp>,
}

/// Open connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) transport: TransportId,
    pub(super) kind: TransportKind,
    /// As in [`Opening`].
    pub(super) address: Address,
    pub(super) session: Session,
    pub(super) decoder: Decoder,
    /// Of the frames of a packet that is not whole yet.
    pub(super) bytes: usize,
    pub(super) upgrade: Upgrade,
}

/// Where the connection stands, as a program sees it.
///
/// ```
/// use pesan::socketio::proto::{Config, Machine, Status};
///
/// let machine = Machine::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// assert_eq!(machine.status(), Status::Idle);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nobody wants a connection, or it was given up.
    Idle,
    /// A transport is being opened.
    Opening {
        /// Number of the attempt to reconnect; 0 the first time.
        attempt: u32,
    },
    /// The connection is open; each socket connects on its own.
    Open,
    /// Between two attempts.
    Waiting {
        /// Number of the attempt to come, from 1.
        attempt: u32,
        /// When it begins, for a countdown.
        until: Timestamp,
    },
}

impl Phase {
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Idle => Status::Idle,
            Self::Opening(opening) => Status::Opening {
                attempt: opening.attempt,
            },
            Self::Open(_) => Status::Open,
            Self::Waiting { attempt, until } => Status::Waiting {
                attempt: *attempt,
                until: *until,
            },
        }
    }

    /// Earliest moment at which the connection itself has something to do.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Idle => None,
            Self::Opening(opening) => opening.due,
            Self::Open(link) => sooner(link.session.deadline(), link.upgrade.due()),
            Self::Waiting { until, .. } => Some(*until),
        }
    }
}
