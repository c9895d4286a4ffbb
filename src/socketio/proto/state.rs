//! State of the connection and of its upgrade. Data only: the transitions are in `reconnect` and `upgrade`.

use super::address::Address;
use super::error::ConnectionError;
use super::session::Session;
use super::time::{Timestamp, earliest};
use super::transport::{TransportId, TransportKind};
use crate::socketio::codec::{Decoder, Frame};

/// State of the connection; what exists only in a state is in its variant.
#[derive(Debug)]
pub(super) enum State {
    /// No namespace wants a connection, or the last attempt failed.
    Idle,
    /// A transport is being opened.
    Connecting(Connecting),
    /// The handshake is complete.
    Established(Established),
    /// Waiting before the next attempt.
    Backoff {
        /// Number of the next attempt, from 1.
        attempt: u32,
        /// When it begins.
        until: Timestamp,
    },
}

/// Transport whose handshake is not complete.
#[derive(Debug)]
pub(super) struct Connecting {
    /// Number of the reconnection attempt; 0 for the first connection.
    pub(super) attempt: u32,
    pub(super) transport: TransportId,
    pub(super) kind: TransportKind,
    /// Server of this connection. The settings may change meanwhile, and another server must not see the session id.
    pub(super) address: Address,
    /// Transports to try after this one, in order.
    pub(super) fallbacks: Vec<TransportKind>,
    /// Errors of the transports that were tried before this one, the last one first.
    pub(super) failed: Vec<ConnectionError>,
    pub(super) session: Session,
    /// Deadline of this transport.
    pub(super) due: Option<Timestamp>,
    /// Deadline of all transports together.
    pub(super) overall: Option<Timestamp>,
}

/// Open connection.
#[derive(Debug)]
pub(super) struct Established {
    pub(super) transport: TransportId,
    pub(super) kind: TransportKind,
    /// As in [`Connecting`].
    pub(super) address: Address,
    pub(super) session: Session,
    pub(super) decoder: Decoder,
    /// Bytes of the frames of an incomplete packet.
    pub(super) bytes: usize,
    pub(super) upgrade: Upgrade,
}

/// Who ends a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloseInitiator {
    /// The transport has ended by itself, and the driver knows.
    Transport,
    /// The client; the driver must close the transport.
    Client,
}

/// Polling session whose requests may still need a URL.
#[derive(Debug, Clone)]
pub(super) struct PollingSession {
    pub(super) kind: TransportKind,
    pub(super) address: Address,
    /// `None` before the handshake.
    pub(super) sid: Option<String>,
}

/// Progress of the upgrade from polling to WebSocket.
#[derive(Debug, Default)]
pub(super) enum Upgrade {
    /// No upgrade is in progress.
    #[default]
    None,
    /// The WebSocket is opening, or its probe is not answered yet.
    Probing {
        transport: TransportId,
        due: Option<Timestamp>,
    },
    /// The probe was answered; polling is finishing its last requests.
    Pausing {
        transport: TransportId,
        due: Option<Timestamp>,
        held: Vec<Frame>,
    },
}

/// Frames that may be held while polling pauses; only a server that floods the client leads to more.
const MAX_HELD: usize = 4096;

impl Upgrade {
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::None => None,
            Self::Probing { due, .. } | Self::Pausing { due, .. } => *due,
        }
    }

    /// Whether more frames were to be held than allowed.
    pub(super) fn is_overfull(&self) -> bool {
        matches!(self, Self::Pausing { held, .. } if held.len() > MAX_HELD)
    }

    /// Transport that the connection is upgrading to.
    pub(super) fn transport(&self) -> Option<TransportId> {
        match self {
            Self::None => None,
            Self::Probing { transport, .. } | Self::Pausing { transport, .. } => Some(*transport),
        }
    }
}

impl Established {
    /// Whether events can be sent now; otherwise they are queued.
    pub(super) fn is_writable(&self) -> bool {
        !matches!(self.upgrade, Upgrade::Pausing { .. })
    }

    /// Holds a frame while polling pauses; returns it when it can be sent now.
    pub(super) fn hold(&mut self, frame: Frame) -> Option<Frame> {
        match &mut self.upgrade {
            Upgrade::Pausing { held, due, .. } => {
                if held.len() <= MAX_HELD {
                    held.push(frame);
                }
                if held.len() > MAX_HELD {
                    // The next timeout, due immediately, closes the connection.
                    *due = Some(Timestamp::default());
                }
                None
            }
            Upgrade::None | Upgrade::Probing { .. } => Some(frame),
        }
    }
}

/// State of the connection, as the program sees it.
///
/// ```
/// use pesan::socketio::proto::{Config, Connection, Status};
///
/// let connection = Connection::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// assert_eq!(connection.status(), Status::Idle);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// No namespace wants a connection, or the last attempt failed.
    Idle,
    /// A transport is being opened.
    Connecting {
        /// Number of the reconnection attempt; 0 for the first connection.
        attempt: u32,
    },
    /// The connection is open; each socket connects on its own.
    Open,
    /// Waiting before the next attempt.
    Backoff {
        /// Number of the next attempt, from 1.
        attempt: u32,
        /// When it begins, for a countdown.
        until: Timestamp,
    },
}

impl State {
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Idle => Status::Idle,
            Self::Connecting(connecting) => Status::Connecting {
                attempt: connecting.attempt,
            },
            Self::Established(_) => Status::Open,
            Self::Backoff { attempt, until } => Status::Backoff {
                attempt: *attempt,
                until: *until,
            },
        }
    }

    /// Earliest deadline of the connection itself.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Idle => None,
            Self::Connecting(connecting) => connecting.due,
            Self::Established(open) => earliest(open.session.deadline(), open.upgrade.due()),
            Self::Backoff { until, .. } => Some(*until),
        }
    }
}
