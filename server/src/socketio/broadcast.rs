//! Everyone, or those in some rooms: what `io.to(room)` gives.

use std::sync::Arc;
use std::time::Duration;

use pesan::socketio::Event;
use pesan::socketio::packet::{EventName, RESERVED};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::args::to_args;
use super::error::EmitError;
use super::namespace::Namespace;
use super::remote::FetchedSockets;
use super::responses::Responses;
use super::rooms::{RoomNames, Target};
use crate::engineio::EncodedMessage;

/// What modifies an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) volatile: bool,
    pub(super) local: bool,
    pub(super) compress: Option<bool>,
    pub(super) timeout: Option<Duration>,
}

impl Flags {
    /// A message that goes out as they say.
    pub(super) fn mark(&self, outgoing: EncodedMessage) -> EncodedMessage {
        outgoing
            .volatile(self.volatile)
            .compress(self.compress.unwrap_or(true))
    }
}

pub(super) fn check_name(event: &str) -> Result<(), EmitError> {
    if RESERVED.contains(&event) {
        return Err(EmitError::Reserved(event.to_owned()));
    }
    Ok(())
}

/// Sockets of a namespace, chosen by their rooms; each is meant once, in however many of the rooms it is.
///
/// ```
/// use pesan_server::socketio::Io;
///
/// let io = Io::default();
/// io.to("room1").to("room2").except("room3").volatile().emit("news", ("sport", 3)).expect("can be sent");
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `emit`"]
pub struct BroadcastOperator {
    namespace: Namespace,
    target: Target,
    flags: Flags,
}

impl BroadcastOperator {
    pub(super) fn new(namespace: &Namespace) -> Self {
        Self {
            namespace: namespace.clone(),
            target: Target::default(),
            flags: Flags::default(),
        }
    }

    pub(super) fn with_flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    /// Those in these rooms too.
    pub fn to(mut self, rooms: impl RoomNames) -> Self {
        rooms.append_to(&mut self.target.rooms);
        self
    }

    /// The same as [`to`](Self::to).
    pub fn in_(self, rooms: impl RoomNames) -> Self {
        self.to(rooms)
    }

    /// But not those in these rooms.
    pub fn except(mut self, rooms: impl RoomNames) -> Self {
        rooms.append_to(&mut self.target.except);
        self
    }

    /// Only those on this node.
    pub fn local(mut self) -> Self {
        self.flags.local = true;
        self
    }

    /// The event may be lost for clients that are not ready for it.
    pub fn volatile(mut self) -> Self {
        self.flags.volatile = true;
        self
    }

    /// Whether the event may be compressed, where compression is agreed on. Defaults to true; other nodes decide by size.
    pub fn compress(mut self, compress: bool) -> Self {
        self.flags.compress = Some(compress);
        self
    }

    /// Waits for answers at most this long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.flags.timeout = Some(timeout);
        self
    }

    /// Sends an event. It is encoded once.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitError> {
        check_name(event)?;
        let args = to_args(&args)?;
        self.namespace
            .broadcast(&self.target, EventName::from(event), args, &self.flags)
    }

    /// Sends the event `message`.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn send<T: Serialize>(&self, args: T) -> Result<(), EmitError> {
        self.emit("message", args)
    }

    /// Sends a typed event.
    ///
    /// # Errors
    /// As [`emit`](Self::emit).
    pub fn emit_event<E: Event>(&self, event: &E) -> Result<(), EmitError> {
        self.emit(E::NAME, (event,))
    }

    /// Sends an event, and gathers the clients' answers.
    ///
    /// It waits until all have answered or are gone, at most [`timeout`](Self::timeout), which defaults to
    /// [`IoConfig::request_timeout`](super::IoConfig::request_timeout).
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub async fn emit_with_ack<R: DeserializeOwned + 'static>(
        &self,
        event: &str,
        args: impl Serialize,
    ) -> Result<Responses<R>, EmitError> {
        check_name(event)?;
        let args = to_args(&args)?;
        let gathered = self
            .namespace
            .ask_all(&self.target, event, args, &self.flags)
            .await?;
        Ok(Responses::new(gathered))
    }

    /// The sockets themselves, with what is known about them, and how many nodes did not name theirs in time.
    pub async fn fetch_sockets(&self) -> FetchedSockets {
        self.namespace.fetch(&self.target, &self.flags).await
    }

    /// Makes them join rooms.
    pub fn sockets_join(&self, rooms: impl RoomNames) {
        self.namespace.join_all(&self.target, &rooms.names(), &self.flags);
    }

    /// Makes them leave rooms.
    pub fn sockets_leave(&self, rooms: impl RoomNames) {
        self.namespace
            .leave_all(&self.target, &rooms.names(), &self.flags);
    }

    /// Makes them leave the namespace; with `close` all namespaces, and closes their connections.
    pub fn disconnect_sockets(&self, close: bool) {
        self.namespace.disconnect_all(&self.target, close, &self.flags);
    }

    /// Ids of the sockets of this node that are meant.
    #[must_use]
    pub fn local_ids(&self) -> Vec<Arc<str>> {
        let sockets = self.namespace.rooms().select(&self.target);
        sockets.iter().map(super::socket::Socket::shared_id).collect()
    }
}
