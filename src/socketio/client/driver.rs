//! One connection: the machine, its transports, its timer, and who is to be told what.
//!
//! Everything happens in the same five steps: enter with the time, feed the machine under the lock, carry out what it
//! asks for, set the timer, and only after the lock is released tell the program. Events are told one at a time and
//! in order; whatever a listener causes queues behind them.

#[cfg(all(test, feature = "native", not(target_arch = "wasm32")))]
mod tests;

use std::collections::VecDeque;

use super::ack::Waiter;
use super::dispatch::{News, guarded};
use super::error::SendError;
use super::events::Lifecycle;
use super::listeners::Listeners;
use super::namespace::Namespace;
use super::options::{Asker, Options};
use super::settings::Settings;
use crate::socketio::proto::deadline_queue::Line;
use crate::socketio::proto::{
    AckToken, AuthRequest, CloseInfo, Emit, EmitId, Emitted, Event, Failure, Machine, Output, TransportId,
};
use crate::socketio::sync::{Callback, Guard, Lock, Name, Shared, Weak};
use crate::socketio::transport::{Clock, Platform, Timer, Transport, Wakeup, Wakeups};
use crate::socketio::transport::{Port, Report};
use crate::socketio::{Timestamp, Value};

/// Whether others may be at it while somebody calls.
const THREADS: bool = cfg!(all(feature = "native", not(target_arch = "wasm32")));

/// Machine and drivers of one connection; closed when the last handle is dropped.
pub(crate) struct Connection {
    state: Lock<State>,
    pub(super) platform: Platform,
    pub(super) settings: Shared<Settings>,
    /// Namespace of the address that it was opened with.
    pub(super) home: Name,
    _wakeups: Wakeups,
    myself: Weak<Self>,
}

/// What the lock protects.
pub(crate) struct State {
    pub(crate) machine: Machine,
    /// In the order of their first use.
    pub(super) namespaces: Vec<Namespace>,
    pub(super) listeners: Listeners,
    pub(super) asker: Option<Asker>,
    /// Who waits for the answer to which emit.
    pub(super) waiters: Line<Waiter>,
    /// Set by whatever may change how a socket stands.
    pub(super) unsettled: bool,
    /// Whether somebody wants to hear of it.
    pub(super) watches_status: bool,
    clock: Clock,
    transports: Vec<(TransportId, Transport)>,
    /// Those that have come to their end, to be dropped without the lock.
    gone: Vec<Transport>,
    timer: Timer,
    /// When the timer is due; earlier than needed does no harm.
    timer_due: Option<Timestamp>,
    pub(crate) to_tell: VecDeque<News>,
    /// What overtakes that, the latest first.
    to_tell_next: Vec<News>,
    telling: bool,
}

impl Connection {
    pub(super) fn new(platform: Platform, options: Options, home: &Name) -> Shared<Self> {
        let (config, settings, asker) = Settings::of(options);
        Shared::new_cyclic(|myself: &Weak<Self>| {
            let machine = Machine::new(config, platform.seed());
            let wake = myself.clone();
            let timer = platform.timer(move || {
                if let Some(connection) = wake.upgrade() {
                    connection.called_back(|state, now| {
                        state.timer_due = None;
                        state.machine.handle_timeout(now);
                    });
                }
            });
            let woken = myself.clone();
            let wakeups = platform.wakeups(move |wakeup| {
                if let Some(connection) = woken.upgrade() {
                    connection.wake(wakeup);
                }
            });
            Self {
                _wakeups: wakeups,
                state: Lock::new(State {
                    machine,
                    namespaces: Vec::new(),
                    listeners: Listeners::default(),
                    asker,
                    waiters: Line::default(),
                    unsettled: false,
                    watches_status: false,
                    clock: Clock::start(),
                    transports: Vec::new(),
                    gone: Vec::new(),
                    timer,
                    timer_due: None,
                    to_tell: VecDeque::new(),
                    to_tell_next: Vec::new(),
                    telling: false,
                }),
                platform,
                settings: Shared::new(settings),
                home: Shared::clone(home),
                myself: myself.clone(),
            }
        })
    }

    fn wake(&self, wakeup: Wakeup) {
        self.called_back(|state, now| {
            state.unsettled = true;
            match wakeup {
                Wakeup::Online => state.machine.network_online(now),
                Wakeup::Offline => state.machine.network_offline(now),
                Wakeup::Visible => state.machine.became_visible(now),
            }
        });
    }

    pub(crate) fn downgrade(&self) -> Weak<Self> {
        self.myself.clone()
    }

    /// Enters from a callback of the platform, which is never inside another one. If telling was cut short, by an
    /// exception that left through a listener, it goes on here.
    pub(crate) fn called_back<R>(&self, change: impl FnOnce(&mut State, Timestamp) -> R) -> R {
        let (mut state, now) = self.lock();
        if cfg!(target_arch = "wasm32") {
            state.telling = false;
        }
        let result = change(&mut state, now);
        let (state, most) = self.leave(state, now);
        self.tell(state, most);
        result
    }

    /// Changes the machine, does what it asks for, and tells the program what came of it. What others caused is theirs
    /// to tell: whoever calls may hold what a listener waits for.
    pub(crate) fn enter<R>(&self, change: impl FnOnce(&mut State, Timestamp) -> R) -> R {
        let (mut state, now) = self.lock();
        let others = state.telling || !state.to_tell.is_empty();
        let result = change(&mut state, now);
        let (state, most) = self.leave(state, now);
        if !others {
            self.tell(state, most);
        }
        result
    }

    /// Looks at the state without changing what the machine does.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut State, Timestamp) -> R) -> R {
        let (mut state, now) = self.lock();
        look(&mut state, now)
    }

    fn lock(&self) -> (Guard<'_, State>, Timestamp) {
        let mut state = self.state.lock();
        let now = state.clock.now();
        (state, now)
    }

    /// Does what the machine asks for; says how much is the caller's to tell. Where there are threads, that ends: a flood
    /// must not keep the timer, nor whoever emits.
    fn leave<'l>(&'l self, mut state: Guard<'l, State>, now: Timestamp) -> (Guard<'l, State>, usize) {
        self.carry_out(&mut state, now);
        let most = if THREADS { state.to_tell.len() } else { usize::MAX };
        let gone = std::mem::take(&mut state.gone);
        if !gone.is_empty() {
            drop(state);
            drop(gone);
            state = self.state.lock();
        }
        (state, most)
    }

    /// A transport reports what became of it.
    pub(crate) fn reported(&self, id: TransportId, report: Report) {
        self.called_back(|state, now| match report {
            Report::Opened => state.machine.handle_opened(now, id),
            Report::Frame(frame) => state.machine.handle_frame(now, id, frame),
            Report::Payload(body) => state.machine.handle_payload(now, id, &body),
            Report::Closed(info) => state.closed(now, id, info),
            Report::Paused => state.machine.handle_paused(now, id),
        });
    }

    /// Does what the machine asks for.
    fn carry_out(&self, state: &mut State, now: Timestamp) {
        while let Some(output) = state.machine.poll_output() {
            match output {
                Output::Open { id, kind, url } => {
                    let port = Port::new(self.downgrade(), id);
                    match self.platform.open(kind, &url, &self.settings, port) {
                        Ok(transport) => state.transports.push((id, transport)),
                        Err(info) => state.machine.handle_closed(now, id, info),
                    }
                }
                Output::Send { id, frame } => {
                    if let Some(transport) = state.transport(id)
                        && let Err(info) = transport.send(frame)
                    {
                        state.closed(now, id, info);
                    }
                }
                Output::Pause { id } => {
                    if let Some(transport) = state.transport(id) {
                        transport.pause();
                    }
                }
                Output::Close { id } => state.let_go(id),
                Output::Event(event) => state.notice(event),
            }
        }
        if std::mem::take(&mut state.unsettled) && state.watches_status {
            state.tell_status(now);
        }
        for (id, transport) in &state.transports {
            transport.flush(&mut state.machine, *id);
        }
        if let Some(due) = state.machine.poll_timeout()
            && state.timer_due.is_none_or(|armed| due < armed)
        {
            state.timer_due = Some(due);
            state.timer.set(due.millis_since(now));
        }
    }

    /// Tells the program so much of what happened, unless somebody is at it already, who then tells this too.
    fn tell<'l>(&'l self, state: Guard<'l, State>, most: usize) {
        if !state.telling {
            let state = self.tell_some(state, most);
            #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
            self.hand_over(state);
            #[cfg(not(all(feature = "native", not(target_arch = "wasm32"))))]
            drop(state);
        }
    }

    fn tell_some<'l>(&'l self, mut state: Guard<'l, State>, mut most: usize) -> Guard<'l, State> {
        while let Some(news) = state.next_news(&mut most) {
            let Some(tale) = state.address(news, &self.myself) else {
                continue;
            };
            state.telling = true;
            drop(state);
            guarded(|| tale.tell(self));
            state = self.state.lock();
            state.telling = false;
        }
        state
    }

    /// What came meanwhile, from a listener or from those who saw that somebody was telling, is told by a task. For what
    /// comes while it does so it keeps nobody's connection open: a flood has no end.
    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    fn hand_over(&self, state: Guard<'_, State>) {
        let left = !state.to_tell.is_empty();
        drop(state);
        let mut kept = self.myself.upgrade().filter(|_| left);
        if kept.is_none() {
            return;
        }
        let myself = self.myself.clone();
        self.platform.soon(async move {
            while let Some(connection) = kept.take()
                && connection.tell_what_waits()
            {
                drop(connection);
                tokio::task::yield_now().await;
                kept = myself.upgrade();
            }
        });
    }

    /// Tells the program what waits now, unless somebody is at it already; says whether more came meanwhile.
    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    fn tell_what_waits(&self) -> bool {
        let state = self.state.lock();
        let most = state.to_tell.len();
        !state.telling && !self.tell_some(state, most).to_tell.is_empty()
    }

    /// Makes a namespace; says whether it was not there before.
    pub(super) fn claim(&self, namespace: &Name) -> bool {
        self.look(|state, _| {
            let before = state.namespaces.len();
            state.make(namespace);
            state.namespaces.len() > before
        })
    }

    /// Sends the answer to an event.
    pub(super) fn answer(&self, token: AckToken, args: Vec<Value>) -> Result<(), SendError> {
        self.enter(|state, now| state.machine.answer(now, token, args))
            .map_err(SendError::Answer)
    }

    /// Emits an event; the waiter, if there is one, hears of its answer.
    pub(super) fn emit(&self, emit: Emit, mut waiter: Option<Waiter>) -> Result<Emitted, SendError> {
        // What was refused leaves its waiter here, to be dropped without the lock.
        let sent = self.enter(|state, now| {
            let emitted = state.machine.emit(now, emit)?;
            if let Some(waiter) = waiter.take() {
                state.waiters.push(emitted.id.get(), None, waiter);
            }
            Ok(emitted)
        });
        sent.map_err(SendError::Emit)
    }

    /// Gives an answer up that nobody waits for any more; the event is sent all the same.
    pub(super) fn cancel_ack(&self, id: EmitId) {
        let waiter = self.enter(|state, _| {
            state.machine.cancel_ack(id);
            state.waiters.take(id.get())
        });
        drop(waiter);
    }

    /// Who is to be called with the answer to the question who a socket is.
    pub(super) fn hear_auth(&self, request: AuthRequest) -> Callback<Result<Value, String>> {
        let connection = self.downgrade();
        Box::new(move |answer| {
            if let Some(connection) = connection.upgrade() {
                connection
                    .called_back(|state, now| state.machine.provide_auth(now, request, answer.map(Some)));
            }
        })
    }

    /// A listener could not read an event: told as `error`.
    pub(super) fn unreadable(&self, namespace: &Name, lifecycle: Lifecycle) {
        let news = News::Lifecycle {
            namespace: Shared::clone(namespace),
            lifecycle,
        };
        // Whoever calls this is telling, and tells this next.
        self.state.lock().to_tell_next.push(news);
    }
}

impl State {
    fn next_news(&mut self, most: &mut usize) -> Option<News> {
        if let Some(next) = self.to_tell_next.pop() {
            return Some(next);
        }
        *most = most.checked_sub(1)?;
        self.to_tell.pop_front()
    }

    /// Queues an event for the program.
    fn notice(&mut self, event: Event) {
        match &event {
            Event::Message { .. }
            | Event::Ack { .. }
            | Event::State { .. }
            | Event::Outgoing { .. }
            | Event::Frame { .. } => {}
            Event::Connect { namespace, .. }
            | Event::ConnectError { namespace, .. }
            | Event::Disconnect { namespace, .. } => {
                self.unsettled = true;
                if let Some(known) = self
                    .namespaces
                    .iter_mut()
                    .find(|known| *known.name == **namespace)
                {
                    known.notice(&event);
                }
            }
            _ => self.unsettled = true,
        }
        self.to_tell.push_back(News::Event(event));
    }

    fn transport(&self, id: TransportId) -> Option<&Transport> {
        self.transports
            .iter()
            .find(|(open, _)| *open == id)
            .map(|(_, transport)| transport)
    }

    /// A transport has ended by itself.
    fn closed(&mut self, now: Timestamp, id: TransportId, info: CloseInfo) {
        self.let_go(id);
        self.machine.handle_closed(now, id, info);
    }

    /// Nobody needs a transport any more.
    fn let_go(&mut self, id: TransportId) {
        if let Some(place) = self.transports.iter().position(|(open, _)| *open == id) {
            let (_, transport) = self.transports.swap_remove(place);
            self.gone.push(transport);
        }
    }

    pub(super) fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.iter().find(|known| *known.name == *name)
    }

    /// A namespace, which is there from its first use on; and the machine.
    pub(super) fn make(&mut self, name: &Name) -> (&mut Namespace, &mut Machine) {
        let place = self.namespaces.iter().position(|known| known.name == *name);
        let place = place.unwrap_or_else(|| {
            self.namespaces.push(Namespace::new(Shared::clone(name)));
            self.namespaces.len() - 1
        });
        (&mut self.namespaces[place], &mut self.machine)
    }
}

impl Drop for Connection {
    /// Closes; whoever waits for an answer learns that there will be none.
    ///
    /// A WebSocket just closes, after what was sent has left: the official server forgets events that it has received
    /// but not dispatched when a DISCONNECT follows at once. A polling session has to be told that it is over.
    fn drop(&mut self) {
        let mut state = self.state.lock();
        let now = state.clock.now();
        if state.machine.polls() {
            let State {
                namespaces, machine, ..
            } = &mut *state;
            for known in namespaces {
                machine.disconnect(now, &known.name);
            }
        }
        self.carry_out(&mut state, now);
        let gone = std::mem::take(&mut state.gone);
        let open = std::mem::take(&mut state.transports);
        let mut waiters = std::mem::take(&mut state.waiters);
        drop(state);
        drop((gone, open));
        while let Some((_, waiter)) = waiters.take_first() {
            guarded(|| waiter(Err(Failure::Disconnected)));
        }
    }
}
