//! What a namespace has beside its state in the machine: how it stands, and who says who it is.

use super::dispatch::News;
use super::driver::State;
use super::options::Asker;
use super::status::{Ended, Standing, Status};
use crate::socketio::Timestamp;
use crate::socketio::proto::{EmitId, EmitState, Event, Machine};
use crate::socketio::sync::{MaybeSend, Name, Shared};

/// An emitted event is in another state.
///
/// ```no_run
/// # use pesan::socketio::Socket;
/// # fn watch(socket: &Socket) -> Result<(), pesan::socketio::SendError> {
/// let sent = socket.emit("pesan", "halo")?;
/// socket
///     .on_emit_change(move |change| {
///         if change.id == sent.id {
///             println!("now {:?}", change.state);
///         }
///     })
///     .forget();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EmitChange {
    /// Which event: what `emit` returned.
    pub id: EmitId,
    /// Its state now.
    pub state: EmitState,
}

/// Namespace that a program has asked for.
pub(super) struct Namespace {
    pub(super) name: Name,
    pub(super) asker: Option<Asker>,
    /// Dropped, it ends the asking that is under way.
    pub(super) asking: Option<Box<dyn MaybeSend>>,
    ended: Ended,
    /// What was told last.
    standing: Standing,
    /// Whether there was a refusal since.
    refused: bool,
}

impl Namespace {
    pub(super) fn new(name: Name) -> Self {
        Self {
            name,
            asker: None,
            asking: None,
            ended: Ended::default(),
            standing: Standing::default(),
            refused: false,
        }
    }

    /// Takes notice of what ends a socket.
    pub(super) fn notice(&mut self, event: &Event) {
        match event {
            Event::Disconnect { reason, .. } => self.ended = Ended::Disconnected(*reason),
            Event::ConnectError { error, .. } if !error.will_retry() => {
                self.ended = Ended::Refused(error.clone());
                self.refused = true;
            }
            _ => {}
        }
    }

    /// How it stands now.
    pub(super) fn status(&self, machine: &Machine, now: Timestamp) -> Status {
        Standing::of(machine, &self.name, &self.ended).at(now, &self.ended)
    }

    /// Status to tell, if it is another one than was told last.
    pub(super) fn news(&mut self, machine: &Machine, now: Timestamp) -> Option<Status> {
        let standing = Standing::of(machine, &self.name, &self.ended);
        let told = std::mem::replace(&mut self.standing, standing);
        // A second refusal may say something else.
        let again = standing == Standing::Refused && std::mem::take(&mut self.refused);
        (standing != told || again).then(|| standing.at(now, &self.ended))
    }
}

impl State {
    /// From now on it is told how a socket stands, whenever that changes.
    pub(super) fn watch(&mut self, now: Timestamp) {
        if !self.watches_status {
            self.watches_status = true;
            for known in &mut self.namespaces {
                known.news(&self.machine, now);
            }
        }
    }

    pub(super) fn tell_status(&mut self, now: Timestamp) {
        for known in &mut self.namespaces {
            if let Some(status) = known.news(&self.machine, now) {
                let namespace = Shared::clone(&known.name);
                self.to_tell.push_back(News::Status { namespace, status });
            }
        }
    }
}
