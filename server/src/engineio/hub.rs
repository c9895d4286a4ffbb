//! Hub: the task that writes to its share of the connections.
//!
//! Sending a message only appends a command to the hub's list. Once woken, the hub yields, so that every connection with
//! something to read is read first; then it takes the whole list and writes to each recipient once. The order of the list
//! is the order on every connection. The hub also keeps the heartbeat: all connections have the same interval, so that two
//! queues sorted by time replace a timer for each connection.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::task::yield_now;

use super::close_reason::CloseReason;
use super::config::EngineConfig;
use super::connection_state::ConnectionState;
use super::message::{EncodedMessage, MessageBatch};
use super::session_registry::SessionRegistry;

/// Most yields before the list is taken. Each yield after the first needs new commands since the last one.
const MAX_YIELDS: usize = 8;

/// Connections whose marks are read together before the first of them is written to.
const PREFETCH: usize = 16;

/// Members of a group that one hub writes to.
#[derive(Debug)]
pub(crate) struct HubShare {
    members: Vec<Arc<ConnectionState>>,
}

impl HubShare {
    pub(crate) fn new(mut members: Vec<Arc<ConnectionState>>) -> Self {
        // By age, as their sockets lie in the kernel's memory: neighbours share cache lines.
        members.sort_by_cached_key(|member| member.id);
        members.shrink_to_fit();
        Self { members }
    }
}

/// Work for a hub.
#[derive(Debug)]
pub(crate) enum HubCommand {
    Send(Arc<ConnectionState>, EncodedMessage),
    Broadcast {
        recipients: Arc<HubShare>,
        message: EncodedMessage,
        except: Option<Arc<[Arc<ConnectionState>]>>,
    },
    Close(Arc<ConnectionState>, CloseReason),
    /// Schedules the next ping of a connection.
    SchedulePing(Weak<ConnectionState>, Instant),
}

impl HubCommand {
    /// Share in [`Hub::weight`].
    fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Send(_, message) | Self::Broadcast { message, .. } => message.len(),
                Self::Close(..) | Self::SchedulePing(..) => 0,
            }
    }
}

/// Commands that the hub's task has not taken yet.
#[derive(Debug, Default)]
struct PendingCommands {
    commands: Vec<HubCommand>,
    waker: Option<Waker>,
    /// Session tasks that do not read until the list is taken.
    readers: Vec<Waker>,
    stopped: bool,
}

/// Handle of a hub: takes commands for its task.
#[derive(Debug)]
pub(crate) struct Hub {
    pending: Mutex<PendingCommands>,
    /// Weight of the list: bytes of its messages, plus a constant for each command.
    weight: AtomicUsize,
    started: OnceLock<()>,
    /// Unique in the process.
    id: u32,
    order: Arc<BroadcastOrder>,
    sessions: Weak<SessionRegistry>,
    config: Arc<EngineConfig>,
}

/// Lock held while a broadcast is added to several hubs, so that all hubs have broadcasts in the same order.
#[derive(Debug, Default)]
pub(crate) struct BroadcastOrder(Mutex<()>);

impl Hub {
    /// Hubs of one engine share its `order`.
    pub(crate) fn new(
        config: Arc<EngineConfig>,
        order: Arc<BroadcastOrder>,
        sessions: Weak<SessionRegistry>,
    ) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Arc::new(Self {
            pending: Mutex::default(),
            weight: AtomicUsize::new(0),
            started: OnceLock::new(),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            order,
            sessions,
            config,
        })
    }

    pub(crate) fn config(&self) -> &EngineConfig {
        &self.config
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Keeps broadcasts to several hubs out until the guard is dropped.
    pub(crate) fn lock_broadcast_order(&self) -> MutexGuard<'_, ()> {
        self.order.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, PendingCommands> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a command and wakes the task.
    pub(crate) fn push(&self, command: HubCommand) {
        if let Some(waker) = self.add(command) {
            waker.wake();
        }
    }

    /// Adds a command; returns the waker to call afterwards.
    pub(crate) fn add(&self, command: HubCommand) -> Option<Waker> {
        let mut pending = self.pending();
        if pending.stopped {
            return None;
        }
        self.weight.fetch_add(command.weight(), Ordering::Relaxed);
        pending.commands.push(command);
        pending.waker.take()
    }

    /// Starts the task with the first connection, inside the runtime that serves it.
    pub(crate) fn start(self: &Arc<Self>) {
        self.started.get_or_init(|| {
            tokio::spawn(run(Arc::clone(self)));
        });
    }

    /// Ends the task once the list is empty; later commands are dropped.
    pub(crate) fn stop(&self) {
        let mut pending = self.pending();
        pending.stopped = true;
        if let Some(waker) = pending.waker.take() {
            waker.wake();
        }
    }

    fn len(&self) -> usize {
        self.pending().commands.len()
    }

    /// Swaps the list with an empty one, and lets the connections be read again.
    fn take(&self, empty: &mut Vec<HubCommand>) {
        let mut pending = self.pending();
        std::mem::swap(empty, &mut pending.commands);
        self.weight.store(0, Ordering::Relaxed);
        let readers = std::mem::take(&mut pending.readers);
        drop(pending);
        readers.into_iter().for_each(Waker::wake);
    }

    /// Ready while the list is below its limit; otherwise the task is woken when the list has been taken.
    pub(crate) fn poll_capacity(&self, cx: &Context<'_>) -> Poll<()> {
        let is_full = || self.weight.load(Ordering::Relaxed) > self.config.limits.max_waiting_bytes;
        if !is_full() {
            return Poll::Ready(());
        }
        let mut pending = self.pending();
        // The list may have been taken just now, and that of a stopped hub is never taken.
        if !is_full() || pending.stopped {
            return Poll::Ready(());
        }
        pending.readers.push(cx.waker().clone());
        Poll::Pending
    }
}

/// Body of the hub's task; returns when the hub is stopped.
async fn run(hub: Arc<Hub>) {
    let mut pass = DeliveryPass::default();
    let mut timers = HeartbeatTimers::default();
    let mut commands = Vec::new();
    let mut sleep = Box::pin(tokio::time::sleep(Duration::ZERO));
    loop {
        let due = timers.next_due();
        if let Some(due) = due
            && sleep.deadline().into_std() != due
        {
            sleep.as_mut().reset(due.into());
        }
        let stopped = poll_fn(|cx| {
            let mut pending = hub.pending();
            if !pending.commands.is_empty() || pending.stopped {
                return Poll::Ready(pending.stopped && pending.commands.is_empty());
            }
            if due.is_some() && sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            if !pending
                .waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
            {
                pending.waker = Some(cx.waker().clone());
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
        hub.take(&mut commands);
        pass.process(&hub, &commands);
        if let Some(sessions) = hub.sessions.upgrade() {
            sessions.enforce_memory_limit();
        }
        for command in commands.drain(..) {
            if let HubCommand::SchedulePing(connection, due) = command {
                timers.pings.push_back((due, connection));
            }
        }
        timers.process(&hub.config, Instant::now());
        if commands.capacity() > 4096 {
            commands = Vec::new();
        }
    }
}

/// What one connection gets in addition to the broadcasts.
enum Interleaved<'a> {
    Send(&'a EncodedMessage),
    /// Skips the broadcast at this position.
    Skip,
    Close(CloseReason),
}

/// A connection and its interleaved commands, each with its position among the broadcasts.
type InterleavedCommands<'a> = (&'a Arc<ConnectionState>, Vec<(usize, Interleaved<'a>)>);

/// Processes the lists of commands, one after the other.
#[derive(Default)]
struct DeliveryPass {
    number: u32,
}

impl DeliveryPass {
    fn process(&mut self, hub: &Arc<Hub>, commands: &[HubCommand]) {
        let mut target: Option<&Arc<HubShare>> = None;
        let mut messages = 0usize;
        for command in commands {
            if let HubCommand::Broadcast { recipients, .. } = command {
                messages += 1;
                match target {
                    None => target = Some(recipients),
                    Some(known) if Arc::ptr_eq(known, recipients) => {}
                    Some(_) => return self.process_mixed(commands),
                }
            }
        }
        let started = Instant::now();
        match target {
            Some(recipients) => {
                self.process_joined(hub, recipients, commands);
                crate::meter::histogram!("engine_broadcast_seconds").record(started.elapsed());
                crate::meter::counter!("engine_deliveries_total")
                    .increment((messages * recipients.members.len()) as u64);
            }
            None => self.process_mixed(commands),
        }
    }

    /// All broadcasts have the same recipients: they are joined once, and a connection with interleaved commands gets
    /// slices.
    fn process_joined(&mut self, hub: &Arc<Hub>, recipients: &HubShare, commands: &[HubCommand]) {
        self.number = self.number.wrapping_add(1).max(1);
        let mut interleaved: HashMap<u64, InterleavedCommands<'_>> = HashMap::new();
        let mut messages = Vec::new();
        let mut note = |connection, position, command| {
            let connection: &Arc<ConnectionState> = connection;
            connection.mark.store(self.number, Ordering::Relaxed);
            let entry = interleaved
                .entry(connection.id)
                .or_insert((connection, Vec::new()));
            entry.1.push((position, command));
        };
        for command in commands {
            match command {
                HubCommand::Broadcast { message, except, .. } => {
                    // Each hub marks only its own connections.
                    let all = except.iter().flat_map(|list| list.iter());
                    for connection in all.filter(|connection| connection.hub_id == hub.id) {
                        note(connection, messages.len(), Interleaved::Skip);
                    }
                    messages.push(message.clone());
                }
                HubCommand::Send(connection, message) => {
                    note(connection, messages.len(), Interleaved::Send(message));
                }
                HubCommand::Close(connection, reason) => {
                    note(connection, messages.len(), Interleaved::Close(*reason));
                }
                HubCommand::SchedulePing(..) => {}
            }
        }
        let batch = MessageBatch::new(messages);
        let mut marked = [false; PREFETCH];
        for chunk in recipients.members.chunks(PREFETCH) {
            // All marks before the first write: these cache misses overlap, and would not between two writes.
            for (marked, member) in marked.iter_mut().zip(chunk) {
                *marked = member.mark.load(Ordering::Relaxed) == self.number;
            }
            for (marked, member) in marked.iter().zip(chunk) {
                if !marked {
                    member.deliver(&batch);
                    continue;
                }
                // Only this hub marks its connections, so a marked one is in the map.
                let (_, list) = interleaved.remove(&member.id).unwrap_or((member, Vec::new()));
                deliver_interleaved(member, &batch, true, &list);
            }
        }
        for (connection, list) in interleaved.into_values() {
            deliver_interleaved(connection, &batch, false, &list);
        }
    }

    /// Any other list: messages are queued for each connection, then written once.
    fn process_mixed(&mut self, commands: &[HubCommand]) {
        self.number = self.number.wrapping_add(1).max(1);
        let number = self.number;
        let mut touched: Vec<&Arc<ConnectionState>> = Vec::new();
        let mut touch = |connection| {
            let connection: &Arc<ConnectionState> = connection;
            if connection.mark.swap(number, Ordering::Relaxed) != number {
                touched.push(connection);
            }
        };
        let mut deliveries = 0u64;
        let mut rest = commands;
        while let Some((command, after)) = rest.split_first() {
            rest = after;
            match command {
                HubCommand::Send(connection, message) => {
                    connection.leave_hub(message);
                    connection.lock().push(message);
                    touch(connection);
                    deliveries += 1;
                }
                HubCommand::Close(connection, reason) => {
                    touch(connection);
                    close(connection, *reason);
                }
                HubCommand::SchedulePing(..) => {}
                HubCommand::Broadcast {
                    recipients,
                    message,
                    except,
                } => {
                    let mut messages = vec![message.clone()];
                    if except.is_none() {
                        while let Some((
                            HubCommand::Broadcast {
                                recipients: next,
                                message,
                                except: None,
                                ..
                            },
                            after,
                        )) = rest.split_first()
                            && Arc::ptr_eq(recipients, next)
                        {
                            rest = after;
                            messages.push(message.clone());
                        }
                    }
                    deliveries += (messages.len() * recipients.members.len()) as u64;
                    let batch = MessageBatch::new(messages);
                    let except = except.as_deref().unwrap_or_default();
                    for member in &recipients.members {
                        if except.is_empty() || !except.iter().any(|other| Arc::ptr_eq(other, member)) {
                            member.lock().push_batch(&batch, batch.all());
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
            crate::meter::counter!("engine_deliveries_total").increment(deliveries);
        }
    }
}

/// Sends a batch together with the commands that belong between its messages.
fn deliver_interleaved(
    connection: &Arc<ConnectionState>,
    batch: &MessageBatch,
    is_member: bool,
    commands: &[(usize, Interleaved<'_>)],
) {
    let mut outbound = connection.lock();
    let mut at = 0;
    for (position, command) in commands {
        if is_member && at < *position {
            outbound.push_batch(batch, at..*position);
        }
        at = at.max(*position);
        match command {
            Interleaved::Send(message) => {
                connection.leave_hub(message);
                outbound.push(message);
            }
            Interleaved::Skip => at = at.max(position + 1),
            Interleaved::Close(reason) => {
                outbound.flush();
                outbound.fail(*reason);
            }
        }
    }
    if is_member && at < batch.all().end {
        outbound.push_batch(batch, at..batch.all().end);
    }
    outbound.flush();
}

fn close(connection: &Arc<ConnectionState>, reason: CloseReason) {
    let mut outbound = connection.lock();
    outbound.flush();
    outbound.fail(reason);
}

/// Queue of deadlines, sorted by time.
type Deadlines = VecDeque<(Instant, Weak<ConnectionState>)>;

/// Times at which pings are due and pongs are overdue.
#[derive(Default)]
struct HeartbeatTimers {
    pings: Deadlines,
    checks: Deadlines,
}

fn pop_due(queue: &mut Deadlines, now: Instant) -> Option<Weak<ConnectionState>> {
    let (_, connection) = queue.pop_front_if(|(due, _)| *due <= now)?;
    Some(connection)
}

impl HeartbeatTimers {
    fn next_due(&self) -> Option<Instant> {
        let first = |queue: &Deadlines| queue.front().map(|(due, _)| *due);
        match (first(&self.pings), first(&self.checks)) {
            (Some(ping), Some(check)) => Some(ping.min(check)),
            (ping, check) => ping.or(check),
        }
    }

    fn process(&mut self, config: &EngineConfig, now: Instant) {
        static PING: OnceLock<EncodedMessage> = OnceLock::new();
        while let Some(weak) = pop_due(&mut self.pings, now) {
            let Some(connection) = weak.upgrade() else {
                continue;
            };
            let mut outbound = connection.lock();
            if outbound.closing.is_some() || connection.closed.load(Ordering::Relaxed) {
                continue;
            }
            // The timeout begins now, not when the ping was due: the whole process may have been stopped.
            outbound.heartbeat.pinged = Some(now);
            outbound.heartbeat.last_activity = None;
            outbound.heartbeat.deadline = now + config.ping_timeout;
            connection.memory.take_progress();
            connection.awaiting_pong.store(true, Ordering::Relaxed);
            outbound.push_packet(PING.get_or_init(|| EncodedMessage::packet("2")));
            outbound.flush();
            drop(outbound);
            self.checks.push_back((now + config.ping_timeout, weak));
        }
        while let Some(weak) = pop_due(&mut self.checks, now) {
            let Some(connection) = weak.upgrade() else {
                continue;
            };
            let mut outbound = connection.lock();
            let Some(pinged) = outbound.heartbeat.pinged else {
                continue;
            };
            let unread = connection.memory.unread();
            let enough = (config.limits.max_unread_bytes / 16).clamp(1, unread.max(1));
            let takes_more = unread > 0 && connection.memory.take_progress() >= enough;
            if takes_more || outbound.session_full {
                // The ping waits behind messages that the client still reads, or the client itself is not read because
                // the session is full: both count as alive.
                outbound.heartbeat.pinged = Some(now);
                self.checks.push_back((now + config.ping_timeout, weak));
                continue;
            }
            if let Some(last_activity) = outbound.heartbeat.last_activity.take() {
                // Other packets may have delayed the pong: it gets its whole time once more.
                outbound.heartbeat.pinged = Some(last_activity);
                connection.awaiting_pong.store(false, Ordering::Relaxed);
                self.checks.push_back((last_activity + config.ping_timeout, weak));
            } else if pinged + config.ping_timeout <= now {
                outbound.fail(CloseReason::PingTimeout);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::task::Wake;

    use super::*;
    use crate::engineio::config::EngineLimits;

    #[derive(Default)]
    struct WakeFlag(AtomicBool);

    impl Wake for WakeFlag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn command_list_over_its_limit_blocks_readers_until_it_is_taken() {
        let config = EngineConfig {
            limits: EngineLimits {
                max_waiting_bytes: 1000,
                ..EngineLimits::default()
            },
            ..EngineConfig::default()
        };
        let hub = Hub::new(Arc::new(config), Arc::default(), Weak::new());
        let broadcast = || HubCommand::Broadcast {
            recipients: Arc::new(HubShare::new(Vec::new())),
            message: EncodedMessage::from_frame(&"x".repeat(600).into()),
            except: None,
        };
        let flag = Arc::new(WakeFlag::default());
        let waker = Waker::from(Arc::clone(&flag));
        let cx = Context::from_waker(&waker);
        hub.push(broadcast());
        assert!(hub.poll_capacity(&cx).is_ready());
        hub.push(broadcast());
        assert!(hub.poll_capacity(&cx).is_pending());
        assert!(!flag.0.load(Ordering::Relaxed));
        let mut commands = Vec::new();
        hub.take(&mut commands);
        assert_eq!(commands.len(), 2);
        assert!(flag.0.load(Ordering::Relaxed));
        assert!(hub.poll_capacity(&cx).is_ready());
    }
}
