//! Forwards transport events to their connection. Events of a replaced transport are ignored, by id.

use crate::socketio::codec::Frame;
use crate::socketio::proto::{CloseInfo, TransportId};
use crate::socketio::sync::{MaybeSend, MaybeSync, Weak};

/// Pause between two checks whether the program has caught up.
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
const CAPACITY_CHECK_INTERVAL: std::time::Duration = std::time::Duration::from_millis(1);

/// Event of a transport.
pub(crate) enum TransportEvent {
    /// It is open.
    Opened,
    /// A frame was received.
    Frame(Frame),
    /// The body of a polling response was received.
    Payload(String),
    /// It was closed, or failed to open.
    Closed(CloseInfo),
    /// Polling has stopped, as requested.
    Paused,
}

/// Receiver of transport events: the client's side of a connection.
pub(crate) trait TransportHandler: MaybeSend + MaybeSync {
    /// Handles an event of the transport `id`. Must not be called while the connection is locked.
    fn on_transport_event(&self, id: TransportId, event: TransportEvent);

    /// URL of the next request of a polling transport; `None` when the transport is no longer in use.
    fn request_url(&self, id: TransportId) -> Option<String>;

    /// Whether so many events wait for the program that transports should stop reading.
    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    fn is_at_capacity(&self) -> bool;
}

/// Reports the events of one transport. Does not keep the connection alive.
#[derive(Clone)]
pub(crate) struct TransportEventSink {
    handler: Weak<dyn TransportHandler>,
    id: TransportId,
}

impl TransportEventSink {
    pub(crate) fn new(handler: Weak<dyn TransportHandler>, id: TransportId) -> Self {
        Self { handler, id }
    }

    /// Reports an event, if the connection still exists. Must not be called from `Platform::open`, where the
    /// connection is locked.
    pub(crate) fn send(&self, event: TransportEvent) {
        if let Some(handler) = self.handler.upgrade() {
            handler.on_transport_event(self.id, event);
        }
    }

    /// Waits while the program has too many events to process.
    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    pub(crate) async fn wait_for_capacity(&self) {
        while self.is_at_capacity() {
            tokio::time::sleep(CAPACITY_CHECK_INTERVAL).await;
        }
    }

    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    fn is_at_capacity(&self) -> bool {
        self.handler
            .upgrade()
            .is_some_and(|handler| handler.is_at_capacity())
    }

    /// URL of the next request of a polling transport; `None` when the transport is no longer in use.
    pub(super) fn request_url(&self) -> Option<String> {
        self.handler.upgrade()?.request_url(self.id)
    }
}

/// Change of the network or of the page's visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "only browsers report these events")
)]
pub(crate) enum NetworkEvent {
    /// The network is available again.
    Online,
    /// The network was lost.
    Offline,
    /// The page is visible again.
    Visible,
}
