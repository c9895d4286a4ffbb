//! The task that writes, one for each share of the connections.
//!
//! A message that is sent only joins the hub's list. Once woken, the hub yields, so that every connection that has
//! something to read is read first; then it takes the whole list and writes to each receiver once. The order of the
//! list is the order on every wire. The hub also keeps the heartbeat: all connections have the same interval, so two
//! queues of deadlines in the order of time take the place of a timer for each connection.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::yield_now;

use super::config::Limits;
use super::connection::Inner;
use super::group::{Group, Part};
use super::outgoing::Outgoing;
use super::reason::CloseReason;
use super::run::Run;
use super::sessions::Sessions;

/// Most yields before a batch is taken; each one only follows if the one before brought something new.
const MAX_YIELDS: usize = 8;

/// Connections that are looked at together before they are written to.
const NEAR: usize = 16;

/// What a hub is asked to do.
#[derive(Debug)]
pub(crate) enum Op {
    Send(Arc<Inner>, Outgoing),
    Broadcast {
        group: Arc<Group>,
        /// Index of the hub's part in the group.
        part: usize,
        message: Outgoing,
        except: Option<Arc<[Arc<Inner>]>>,
    },
    Close(Arc<Inner>, CloseReason),
    /// The next ping of a connection is due then.
    Beat(Weak<Inner>, Instant),
}

impl Op {
    /// What it counts for in [`Hub::weight`].
    fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Send(_, message) | Self::Broadcast { message, .. } => message.len(),
                Self::Close(..) | Self::Beat(..) => 0,
            }
    }
}

/// List of a hub, and how to wake it.
#[derive(Debug, Default)]
struct Waiting {
    ops: Vec<Op>,
    waker: Option<Waker>,
    /// Tasks of connections that are not read until the list is taken.
    readers: Vec<Waker>,
    stopped: bool,
}

/// What a hub and those who send through it share.
#[derive(Debug)]
pub(crate) struct Hub {
    waiting: Mutex<Waiting>,
    /// What the list weighs: bytes of its messages, and something for each entry.
    weight: AtomicUsize,
    started: OnceLock<()>,
    order: Arc<Order>,
    sessions: Weak<Sessions>,
    pub(crate) limits: Limits,
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
}

/// Held while a broadcast joins the lists of several hubs, so that two of them stand in the same order on each list.
#[derive(Debug, Default)]
pub(crate) struct Order(Mutex<()>);

impl Hub {
    /// Hubs of one engine share its `order`.
    pub(crate) fn new(
        limits: Limits,
        ping_interval: Duration,
        ping_timeout: Duration,
        order: Arc<Order>,
        sessions: Weak<Sessions>,
    ) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            weight: AtomicUsize::new(0),
            started: OnceLock::new(),
            order,
            sessions,
            limits,
            ping_interval,
            ping_timeout,
        })
    }

    /// Until the guard is dropped, no broadcast to several hubs begins.
    pub(crate) fn order(&self) -> std::sync::MutexGuard<'_, ()> {
        self.order.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the list.
    pub(crate) fn push(&self, op: Op) {
        if let Some(waker) = self.add(op) {
            waker.wake();
        }
    }

    /// Adds to the list; gives what is to be woken then.
    pub(crate) fn add(&self, op: Op) -> Option<Waker> {
        let mut waiting = self.waiting();
        if waiting.stopped {
            return None;
        }
        self.weight.fetch_add(op.weight(), Ordering::Relaxed);
        waiting.ops.push(op);
        waiting.waker.take()
    }

    /// Starts the task with the first connection, inside the runtime that serves it.
    pub(crate) fn start(self: &Arc<Self>) {
        self.started.get_or_init(|| {
            tokio::spawn(run(Arc::clone(self)));
        });
    }

    /// Ends the task once the list is empty; what is pushed later is dropped.
    pub(crate) fn stop(&self) {
        let mut waiting = self.waiting();
        waiting.stopped = true;
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
    }

    fn len(&self) -> usize {
        self.waiting().ops.len()
    }

    /// Takes the list, in exchange for an empty one, and lets the connections be read again.
    fn take(&self, empty: &mut Vec<Op>) {
        let mut waiting = self.waiting();
        std::mem::swap(empty, &mut waiting.ops);
        self.weight.store(0, Ordering::Relaxed);
        let readers = std::mem::take(&mut waiting.readers);
        drop(waiting);
        readers.into_iter().for_each(Waker::wake);
    }

    /// Whether the list has room; if not, the task is woken when the list has been taken.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let is_full = || self.weight.load(Ordering::Relaxed) > self.limits.max_waiting_bytes;
        if !is_full() {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting();
        // it may have been taken just now, and a stopped one is never taken
        if !is_full() || waiting.stopped {
            return Poll::Ready(());
        }
        waiting.readers.push(cx.waker().clone());
        Poll::Pending
    }
}

/// Works until the hub is stopped.
async fn run(hub: Arc<Hub>) {
    let mut batch = Batch::default();
    let mut beats = Heartbeat::default();
    let mut ops = Vec::new();
    let mut sleep = Box::pin(tokio::time::sleep(Duration::ZERO));
    loop {
        let due = beats.next_due();
        if let Some(due) = due
            && sleep.deadline().into_std() != due
        {
            sleep.as_mut().reset(due.into());
        }
        let stopped = poll_fn(|cx| {
            let mut waiting = hub.waiting();
            if !waiting.ops.is_empty() || waiting.stopped {
                return Poll::Ready(waiting.stopped && waiting.ops.is_empty());
            }
            if due.is_some() && sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            if !waiting
                .waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
            {
                waiting.waker = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
        if stopped {
            return;
        }
        let mut before = 0;
        for _ in 0..MAX_YIELDS {
            let now = hub.len();
            if now <= before {
                break;
            }
            before = now;
            yield_now().await;
        }
        hub.take(&mut ops);
        batch.work(&hub, &ops);
        if let Some(sessions) = hub.sessions.upgrade() {
            sessions.relieve();
        }
        for op in ops.drain(..) {
            if let Op::Beat(connection, due) = op {
                beats.pings.push_back((due, connection));
            }
        }
        beats.work(&hub, Instant::now());
        if ops.capacity() > 4096 {
            ops = Vec::new();
        }
    }
}

/// What a connection gets in a batch beside the broadcasts, and before which of them.
enum Extra<'a> {
    Send(&'a Outgoing),
    /// Not the broadcast itself.
    Skip,
    Close(CloseReason),
}

/// A connection and what it gets beside the broadcasts, each with its place among them.
type Extras<'a> = (&'a Arc<Inner>, Vec<(usize, Extra<'a>)>);

/// Work on one list.
#[derive(Default)]
struct Batch {
    number: u32,
}

impl Batch {
    fn work(&mut self, hub: &Arc<Hub>, ops: &[Op]) {
        let mut target: Option<(&Arc<Group>, usize)> = None;
        let mut messages = 0usize;
        for op in ops {
            if let Op::Broadcast { group, part, .. } = op {
                messages += 1;
                match target {
                    None => target = Some((group, *part)),
                    Some((known, _)) if Arc::ptr_eq(known, group) => {}
                    Some(_) => return self.mixed(ops),
                }
            }
        }
        let started = Instant::now();
        match target.and_then(|(group, part)| group.parts.get(part)) {
            Some(part) => {
                self.joined(hub, part, ops);
                metrics::histogram!("engine_broadcast_seconds").record(started.elapsed());
                metrics::counter!("engine_deliveries_total")
                    .increment((messages * part.members.len()) as u64);
            }
            None => self.mixed(ops),
        }
    }

    /// All broadcasts go to one group: they are joined once; who gets more or less than that gets slices.
    fn joined(&mut self, hub: &Arc<Hub>, part: &Part, ops: &[Op]) {
        self.number = self.number.wrapping_add(1).max(1);
        let mut extras: HashMap<u64, Extras<'_>> = HashMap::new();
        let mut messages = Vec::new();
        let mut note = |connection, place, extra| {
            let connection: &Arc<Inner> = connection;
            connection.mark.store(self.number, Ordering::Relaxed);
            let entry = extras.entry(connection.id).or_insert((connection, Vec::new()));
            entry.1.push((place, extra));
        };
        for op in ops {
            match op {
                Op::Broadcast { message, except, .. } => {
                    // those of other hubs are theirs to mark
                    let own = except.iter().flat_map(|list| list.iter());
                    for connection in own.filter(|connection| Arc::ptr_eq(&connection.hub, hub)) {
                        note(connection, messages.len(), Extra::Skip);
                    }
                    messages.push(message.clone());
                }
                Op::Send(connection, message) => note(connection, messages.len(), Extra::Send(message)),
                Op::Close(connection, reason) => note(connection, messages.len(), Extra::Close(*reason)),
                Op::Beat(..) => {}
            }
        }
        let run = Run::new(messages);
        let mut marked = [false; NEAR];
        for near in part.members.chunks(NEAR) {
            // All of them before the first write: the waits for memory overlap here, and would not between two writes.
            for (marked, member) in marked.iter_mut().zip(near) {
                *marked = member.mark.load(Ordering::Relaxed) == self.number;
            }
            for (marked, member) in marked.iter().zip(near) {
                if !marked {
                    member.deliver(&run);
                    continue;
                }
                // Only this hub marks its connections, so a marked one is in the map.
                let (_, list) = extras.remove(&member.id).unwrap_or((member, Vec::new()));
                interleave(member, &run, true, &list);
            }
        }
        for (connection, list) in extras.into_values() {
            interleave(connection, &run, false, &list);
        }
    }

    /// Anything else: everyone's share is queued, then written once.
    fn mixed(&mut self, ops: &[Op]) {
        self.number = self.number.wrapping_add(1).max(1);
        let number = self.number;
        let mut touched: Vec<&Arc<Inner>> = Vec::new();
        let mut touch = |connection| {
            let connection: &Arc<Inner> = connection;
            if connection.mark.swap(number, Ordering::Relaxed) != number {
                touched.push(connection);
            }
        };
        let mut deliveries = 0u64;
        let mut rest = ops;
        while let Some((op, after)) = rest.split_first() {
            rest = after;
            match op {
                Op::Send(connection, message) => {
                    connection.out_of_hub(message);
                    connection.lock().push(message);
                    touch(connection);
                    deliveries += 1;
                }
                Op::Close(connection, reason) => {
                    touch(connection);
                    close(connection, *reason);
                }
                Op::Beat(..) => {}
                Op::Broadcast {
                    group,
                    part,
                    message,
                    except,
                } => {
                    let mut messages = vec![message.clone()];
                    if except.is_none() {
                        while let Some((
                            Op::Broadcast {
                                group: next,
                                message,
                                except: None,
                                ..
                            },
                            after,
                        )) = rest.split_first()
                            && Arc::ptr_eq(group, next)
                        {
                            rest = after;
                            messages.push(message.clone());
                        }
                    }
                    let Some(part) = group.parts.get(*part) else {
                        continue;
                    };
                    deliveries += (messages.len() * part.members.len()) as u64;
                    let run = Run::new(messages);
                    let except = except.as_deref().unwrap_or_default();
                    for member in &part.members {
                        if except.is_empty() || !except.iter().any(|other| Arc::ptr_eq(other, member)) {
                            member.lock().push_run(&run, run.all());
                            touch(member);
                        }
                    }
                }
            }
        }
        for connection in touched {
            connection.lock().flush();
        }
        if deliveries > 0 {
            metrics::counter!("engine_deliveries_total").increment(deliveries);
        }
    }
}

/// Sends a run with what belongs between its messages.
fn interleave(connection: &Arc<Inner>, run: &Run, is_member: bool, extras: &[(usize, Extra<'_>)]) {
    let mut state = connection.lock();
    let mut at = 0;
    for (place, extra) in extras {
        if is_member && at < *place {
            state.push_run(run, at..*place);
        }
        at = at.max(*place);
        match extra {
            Extra::Send(message) => {
                connection.out_of_hub(message);
                state.push(message);
            }
            Extra::Skip => at = at.max(place + 1),
            Extra::Close(reason) => {
                state.flush();
                state.fail(*reason);
            }
        }
    }
    if is_member && at < run.all().end {
        state.push_run(run, at..run.all().end);
    }
    state.flush();
}

fn close(connection: &Arc<Inner>, reason: CloseReason) {
    let mut state = connection.lock();
    state.flush();
    state.fail(reason);
}

/// Deadlines in the order of time.
#[derive(Default)]
struct Heartbeat {
    pings: VecDeque<(Instant, Weak<Inner>)>,
    checks: VecDeque<(Instant, Weak<Inner>)>,
}

/// The next entry that is due.
fn pop_due(queue: &mut VecDeque<(Instant, Weak<Inner>)>, now: Instant) -> Option<(Instant, Weak<Inner>)> {
    queue.pop_front_if(|(due, _)| *due <= now)
}

impl Heartbeat {
    fn next_due(&self) -> Option<Instant> {
        let first = |queue: &VecDeque<(Instant, Weak<Inner>)>| queue.front().map(|(due, _)| *due);
        match (first(&self.pings), first(&self.checks)) {
            (Some(ping), Some(check)) => Some(ping.min(check)),
            (ping, check) => ping.or(check),
        }
    }

    fn work(&mut self, hub: &Hub, now: Instant) {
        static PING: OnceLock<Outgoing> = OnceLock::new();
        while let Some((_, connection)) = pop_due(&mut self.pings, now) {
            let Some(inner) = connection.upgrade() else {
                continue;
            };
            let mut state = inner.lock();
            if state.closing.is_some() || inner.closed.load(Ordering::Relaxed) {
                continue;
            }
            // its time begins now: a ping may be late, where the whole process stood still
            state.beat.pinged = Some(now);
            state.beat.heard = None;
            state.beat.deadline = now + hub.ping_timeout;
            inner.account.take_progress();
            inner.awaiting_pong.store(true, Ordering::Relaxed);
            state.push_packet(PING.get_or_init(|| Outgoing::packet("2")));
            state.flush();
            self.checks.push_back((now + hub.ping_timeout, connection));
        }
        while let Some((_, connection)) = pop_due(&mut self.checks, now) {
            let Some(inner) = connection.upgrade() else {
                continue;
            };
            let mut state = inner.lock();
            let Some(pinged) = state.beat.pinged else { continue };
            let unread = inner.account.unread();
            let worth = (hub.limits.max_unread_bytes / 16).clamp(1, unread.max(1));
            let takes_more = unread > 0 && inner.account.take_progress() >= worth;
            if takes_more || state.session_full {
                // Its ping waits behind what it has not read, or it is not read itself: it lives as long as it takes what
                // comes before, or the session is full.
                state.beat.pinged = Some(now);
                self.checks.push_back((now + hub.ping_timeout, connection));
                continue;
            }
            if let Some(heard) = state.beat.heard.take() {
                // What the client sent may have delayed its pong: once more the whole time.
                state.beat.pinged = Some(heard);
                inner.awaiting_pong.store(false, Ordering::Relaxed);
                self.checks.push_back((heard + hub.ping_timeout, connection));
            } else if pinged + hub.ping_timeout <= now {
                state.fail(CloseReason::PingTimeout);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_full_list_holds_readers_up_until_it_is_taken() {
        let limits = Limits {
            max_waiting_bytes: 1000,
            ..Limits::default()
        };
        let second = Duration::from_secs(1);
        let hub = Hub::new(limits, second, second, Arc::default(), Weak::new());
        let broadcast = || Op::Broadcast {
            group: Group::new([]),
            part: 0,
            message: Outgoing::from_frame(&"x".repeat(600).into()),
            except: None,
        };
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let cx = Context::from_waker(&waker);
        hub.push(broadcast());
        assert!(hub.poll_room(&cx).is_ready());
        hub.push(broadcast());
        assert!(hub.poll_room(&cx).is_pending());
        assert!(!woken.0.load(Ordering::Relaxed));
        let mut ops = Vec::new();
        hub.take(&mut ops);
        assert_eq!(ops.len(), 2);
        assert!(woken.0.load(Ordering::Relaxed));
        assert!(hub.poll_room(&cx).is_ready());
    }
}
