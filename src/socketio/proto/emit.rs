//! Event to send, and what became of it at once.

use std::time::Duration;

use super::{EmitId, EmitState};
use crate::socketio::Value;
use crate::socketio::packet::{EventName, ROOT};

/// Event to send, with what the official client calls flags.
///
/// ```
/// use pesan::socketio::proto::Emit;
/// use std::time::Duration;
///
/// let plain = Emit::new("pesan").arg("halo");
/// let asking = Emit::new("save").to("/admin").arg(7).with_ack().timeout(Duration::from_secs(5));
/// # let _ = (plain, asking);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "it is sent by `Machine::emit`"]
pub struct Emit {
    pub(crate) namespace: String,
    pub(crate) name: EventName,
    pub(crate) args: Vec<Value>,
    pub(crate) volatile: bool,
    pub(crate) ack: bool,
    pub(crate) timeout: Option<Duration>,
}

impl Emit {
    /// Event without arguments, in the namespace `/`.
    pub fn new(name: impl Into<EventName>) -> Self {
        Self {
            namespace: ROOT.to_owned(),
            name: name.into(),
            args: Vec::new(),
            volatile: false,
            ack: false,
            timeout: None,
        }
    }

    /// The same in another namespace.
    pub fn to(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// The same with one more argument.
    pub fn arg(mut self, arg: impl Into<Value>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// The same with more arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = Value>) -> Self {
        self.args.extend(args);
        self
    }

    /// Dropped rather than queued when it cannot be sent at once; never retried.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Wants an answer; [`Event::Ack`](super::Event::Ack) brings it, or the reason why there is none, exactly once.
    pub fn with_ack(mut self) -> Self {
        self.ack = true;
        self
    }

    /// Time for the answer, in place of [`Config::ack_timeout`](super::Config::ack_timeout). It begins now, not when
    /// the event leaves; an event that still waits then is taken out of the queue. Without an ack it limits the
    /// waiting alone.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// What became of an event at once; changes come as [`Event::State`](super::Event::State).
///
/// ```
/// use pesan::socketio::proto::{Config, Emit, EmitState, Failure, Machine};
/// use pesan::socketio::Timestamp;
///
/// let mut machine = Machine::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// let now = Timestamp::from_millis(0);
/// let kept = machine.emit(now, Emit::new("pesan")).expect("there is room");
/// assert_eq!(kept.state, EmitState::Queued);
/// let lost = machine.emit(now, Emit::new("typing").volatile()).expect("legal");
/// assert_eq!(lost.state, EmitState::Failed(Failure::Dropped));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// Key for what comes later.
    pub id: EmitId,
    /// State now.
    pub state: EmitState,
}
