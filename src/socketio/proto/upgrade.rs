//! Upgrade from polling to WebSocket within one session, by the protocol's probe.
//!
//! ```text
//! WebSocket opens with the session's id   -> 2probe
//! 3probe                                  -> polling pauses; frames to send are held
//! the last GET and POST are done          -> 5, the held frames, polling is closed
//! ```
//!
//! A failure before `5` is harmless: the probe is dropped and polling continues. The pause has a time limit, because
//! nothing can be sent during it.

use super::connection::Connection;
use super::error::ConnectionError;
use super::event::{Event, Output, Reason};
use super::framing;
use super::session::{Session, SessionEvent};
use super::state::{CloseInitiator, State, Upgrade};
use super::time::{Timestamp, deadline_after};
use super::transport::{TransportId, TransportKind};
use super::transport_url::{self, cache_buster};
use crate::socketio::codec::{Frame, Packet};

impl Connection {
    /// Starts the probe if the server offers the upgrade and the settings allow it.
    pub(super) fn start_probe(&mut self, now: Timestamp) {
        let kind = TransportKind::WebSocket;
        if !self.config.upgrade || !self.config.transports.contains(&kind) {
            return;
        }
        let State::Established(open) = &mut self.state else {
            return;
        };
        let Some(handshake) = open.session.handshake() else {
            return;
        };
        let offered = handshake.upgrades.iter().any(|name| name == kind.as_str());
        if !open.kind.is_polling() || !offered {
            return;
        }
        let sid = Some(handshake.sid.as_str());
        let url = transport_url::url(&self.config, &open.address, kind, sid, || {
            cache_buster(&mut self.rng)
        });
        self.last_transport += 1;
        let id = TransportId(self.last_transport);
        let due = deadline_after(now, self.config.timeout);
        open.upgrade = Upgrade::Probing { transport: id, due };
        self.outputs.push_back(Output::Open { id, kind, url });
    }

    /// The WebSocket of the probe is open.
    pub(super) fn probe_opened(&mut self, id: TransportId) {
        self.transmit(id, Frame::from(framing::PROBE));
    }

    /// Handles a frame on the WebSocket of the probe.
    pub(super) fn probe_frame(&mut self, now: Timestamp, id: TransportId, frame: Frame) {
        self.count_in(&frame);
        let answered = matches!(Session::new().handle_frame(now, frame), Ok(SessionEvent::Probed));
        let State::Established(open) = &mut self.state else {
            return;
        };
        match &mut open.upgrade {
            Upgrade::None => {}
            // A second reply is ignored.
            Upgrade::Pausing { .. } if answered => {}
            Upgrade::Probing { .. } if answered => {
                let due = deadline_after(now, self.config.timeout);
                open.upgrade = Upgrade::Pausing {
                    transport: id,
                    due,
                    held: Vec::new(),
                };
                let id = open.transport;
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
        let State::Established(open) = &mut self.state else {
            return;
        };
        match std::mem::take(&mut open.upgrade) {
            Upgrade::None | Upgrade::Probing { .. } => {}
            // Polling is pausing, and a pause cannot be revoked.
            Upgrade::Pausing { .. } => self.upgrade_stalled(now),
        }
    }

    /// The probe timed out.
    pub(super) fn probe_timed_out(&mut self, now: Timestamp) {
        let State::Established(open) = &mut self.state else {
            return;
        };
        match open.upgrade {
            Upgrade::None => {}
            Upgrade::Probing { transport: id, .. } => {
                open.upgrade = Upgrade::None;
                self.outputs.push_back(Output::Close { id });
            }
            Upgrade::Pausing { .. } => self.upgrade_stalled(now),
        }
    }

    fn upgrade_stalled(&mut self, now: Timestamp) {
        let error = ConnectionError::UpgradeStalled;
        self.event(Event::Error(error.clone()));
        self.close(now, Reason::TransportError, Some(error), CloseInitiator::Client);
    }

    /// Removes a packet that is held while polling pauses.
    pub(super) fn remove_held(&mut self, packet: &Packet) {
        if let State::Established(open) = &mut self.state
            && let Upgrade::Pausing { held, .. } = &mut open.upgrade
            && let Ok(frames) = framing::encode(self.config.parser, packet, &self.config.limits)
        {
            held.retain(|frame| !frames.contains(frame));
        }
    }

    /// Polling has stopped: continues on the WebSocket.
    pub(super) fn complete_upgrade(&mut self, now: Timestamp) {
        self.remember_polling_session();
        let State::Established(open) = &mut self.state else {
            return;
        };
        let (transport, held) = match std::mem::take(&mut open.upgrade) {
            // Frames were discarded, so that sending the held ones would leave a gap.
            stalled @ Upgrade::Pausing { .. } if stalled.is_overfull() => {
                open.upgrade = stalled;
                self.upgrade_stalled(now);
                return;
            }
            Upgrade::Pausing { transport, held, .. } => (transport, held),
            // No pause was requested.
            other @ (Upgrade::None | Upgrade::Probing { .. }) => {
                open.upgrade = other;
                return;
            }
        };
        let old = std::mem::replace(&mut open.transport, transport);
        open.kind = TransportKind::WebSocket;
        self.websocket_worked = true;
        self.stats.upgrades += 1;
        self.transmit(transport, Frame::from(framing::UPGRADE));
        self.outputs.push_back(Output::Close { id: old });
        self.event(Event::Upgrade);
        self.send_frames(held);
        self.flush_all(now);
    }
}
