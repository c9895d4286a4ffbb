//! From polling to WebSocket within one session, by the protocol's probe.
//!
//! ```text
//! WebSocket opens with the session's id   -> 2probe
//! 3probe                                  -> polling pauses; what is to be sent is held
//! the last GET and POST are done          -> 5, the held frames, polling is closed
//! ```
//!
//! Until `5` is sent a failure costs nothing: the probe is dropped and polling goes on. While polling pauses, the
//! wait has a limit, because nothing can be sent meanwhile.

use super::reconnect::Told;
use super::session::{Session, Step};
use super::state::{Link, Phase};
use super::{
    ConnectionError, Event, Machine, Output, Reason, TransportId, TransportKind, framing, transport_url,
};
use crate::socketio::proto::time::after;
use crate::socketio::{Frame, Packet, Timestamp};

/// How far the change has come.
#[derive(Debug, Default)]
pub(super) enum Upgrade {
    /// Not under way.
    #[default]
    None,
    /// The WebSocket opens, or its probe is not answered yet.
    Probing {
        transport: TransportId,
        due: Option<Timestamp>,
    },
    /// The probe was answered; polling comes to rest.
    Pausing {
        transport: TransportId,
        due: Option<Timestamp>,
        held: Vec<Frame>,
    },
}

impl Upgrade {
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::None => None,
            Self::Probing { due, .. } | Self::Pausing { due, .. } => *due,
        }
    }

    /// Whether more came to be held than may be.
    fn is_overfull(&self) -> bool {
        matches!(self, Self::Pausing { held, .. } if held.len() > MAX_HELD)
    }

    /// Transport that is to take over.
    pub(super) fn transport(&self) -> Option<TransportId> {
        match self {
            Self::None => None,
            Self::Probing { transport, .. } | Self::Pausing { transport, .. } => Some(*transport),
        }
    }
}

/// Frames that may be held while polling pauses; more only come from a server that floods.
const MAX_HELD: usize = 4096;

impl Machine {
    /// Begins the probe if the server offers it and the program wants it.
    pub(super) fn probe(&mut self, now: Timestamp) {
        let kind = TransportKind::WebSocket;
        if !self.config.upgrade || !self.config.transports.contains(&kind) {
            return;
        }
        let Phase::Open(link) = &mut self.phase else {
            return;
        };
        let Some(handshake) = link.session.handshake() else {
            return;
        };
        let offered = handshake.upgrades.iter().any(|name| name == kind.as_str());
        if !link.kind.is_polling() || !offered {
            return;
        }
        let sid = Some(handshake.sid.as_str());
        let url = transport_url::url(&self.config, &link.address, kind, sid, || {
            super::polling::unique(&mut self.chance)
        });
        self.last_transport += 1;
        let id = TransportId(self.last_transport);
        let due = after(now, self.config.timeout);
        link.upgrade = Upgrade::Probing { transport: id, due };
        self.outputs.push_back(Output::Open { id, kind, url });
    }

    /// The WebSocket of the probe is open.
    pub(super) fn probe_opened(&mut self, id: TransportId) {
        self.transmit(id, Frame::from(framing::PROBE));
    }

    /// A frame came on the WebSocket of the probe.
    pub(super) fn probe_frame(&mut self, now: Timestamp, id: TransportId, frame: Frame) {
        self.count_in(&frame);
        let answered = matches!(Session::new().handle_frame(now, frame), Ok(Step::Probed));
        let Phase::Open(link) = &mut self.phase else {
            return;
        };
        match &mut link.upgrade {
            Upgrade::None => {}
            // A second answer changes nothing.
            Upgrade::Pausing { .. } if answered => {}
            Upgrade::Probing { .. } if answered => {
                let due = after(now, self.config.timeout);
                link.upgrade = Upgrade::Pausing {
                    transport: id,
                    due,
                    held: Vec::new(),
                };
                let id = link.transport;
                self.outputs.push_back(Output::Pause { id });
            }
            Upgrade::Probing { .. } | Upgrade::Pausing { .. } => {
                self.outputs.push_back(Output::Close { id });
                self.probe_closed(now);
            }
        }
    }

    /// The WebSocket of the probe failed.
    pub(super) fn probe_closed(&mut self, now: Timestamp) {
        let Phase::Open(link) = &mut self.phase else {
            return;
        };
        match std::mem::take(&mut link.upgrade) {
            Upgrade::None | Upgrade::Probing { .. } => {}
            // Polling has been told to stop, and there is no way to tell it to go on.
            Upgrade::Pausing { .. } => self.upgrade_stalled(now),
        }
    }

    /// The probe ran out of time.
    pub(super) fn probe_timed_out(&mut self, now: Timestamp) {
        let Phase::Open(link) = &mut self.phase else {
            return;
        };
        match link.upgrade {
            Upgrade::None => {}
            Upgrade::Probing { transport: id, .. } => {
                link.upgrade = Upgrade::None;
                self.outputs.push_back(Output::Close { id });
            }
            Upgrade::Pausing { .. } => self.upgrade_stalled(now),
        }
    }

    fn upgrade_stalled(&mut self, now: Timestamp) {
        let error = ConnectionError::UpgradeStalled;
        self.event(Event::Error(error.clone()));
        self.close(now, Reason::TransportError, Some(error), Told::No);
    }

    /// Takes a packet back that is held while polling pauses.
    pub(super) fn unhold(&mut self, packet: &Packet) {
        if let Phase::Open(link) = &mut self.phase
            && let Upgrade::Pausing { held, .. } = &mut link.upgrade
            && let Ok(frames) = framing::encode(self.config.parser, packet, &self.config.limits)
        {
            held.retain(|frame| !frames.contains(frame));
        }
    }

    /// Polling has come to rest: the WebSocket takes over.
    pub(super) fn take_over(&mut self, now: Timestamp) {
        self.stop_polling();
        let Phase::Open(link) = &mut self.phase else {
            return;
        };
        let (transport, held) = match std::mem::take(&mut link.upgrade) {
            // More was to be held than was: what would be sent has a gap.
            stalled @ Upgrade::Pausing { .. } if stalled.is_overfull() => {
                link.upgrade = stalled;
                self.upgrade_stalled(now);
                return;
            }
            Upgrade::Pausing { transport, held, .. } => (transport, held),
            // Nobody asked for a pause.
            other @ (Upgrade::None | Upgrade::Probing { .. }) => {
                link.upgrade = other;
                return;
            }
        };
        let old = std::mem::replace(&mut link.transport, transport);
        link.kind = TransportKind::WebSocket;
        self.websocket_worked = true;
        self.stats.upgrades += 1;
        self.transmit(transport, Frame::from(framing::UPGRADE));
        self.outputs.push_back(Output::Close { id: old });
        self.event(Event::Upgrade);
        self.send_frames(held);
        self.flush_all(now);
    }
}

impl Link {
    /// Whether events may be sent, rather than queued.
    pub(super) fn is_writable(&self) -> bool {
        !matches!(self.upgrade, Upgrade::Pausing { .. })
    }

    /// Holds a frame if nothing can be sent; hands it back if it can.
    pub(super) fn hold(&mut self, frame: Frame) -> Option<Frame> {
        match &mut self.upgrade {
            Upgrade::Pausing { held, due, .. } => {
                if held.len() <= MAX_HELD {
                    held.push(frame);
                }
                if held.len() > MAX_HELD {
                    // The connection is given up at the next timeout, which is due at once.
                    *due = Some(Timestamp::default());
                }
                None
            }
            Upgrade::None | Upgrade::Probing { .. } => Some(frame),
        }
    }
}
