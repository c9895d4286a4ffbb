//! Reads the feed: hands on what all nodes said, in one order, and finds out that Redis is gone or has lost something.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{FromRedisValue, Pipeline};

use super::super::super::redis_client::{RETRY, store_error};
use super::super::{Committed, Deliver, LastError, Notify, RedisClient, StoreError, StoreEvent, Stored};
use super::codec::{self, Place};

/// Entries that are read at once, and how long one waits for some, in milliseconds.
const BATCH: usize = 512;
const WAIT: usize = 1000;

pub(super) struct FeedConsumer {
    link: RedisClient,
    ack_gate: Arc<AckGate>,
    notify: Notify,
    trouble: Arc<LastError>,
    /// Last entry that was handed on.
    place: Place,
    /// Which data it was an entry of.
    birth: String,
    up: metrics::Gauge,
}

/// Where the feed ends, and whether it is the one that a node has followed.
struct Feed {
    /// Which data it belongs to.
    birth: String,
    end: Place,
    /// Whether it has the entry that was asked for.
    has: bool,
}

impl FeedConsumer {
    /// Finds the end of the feed.
    pub(super) async fn begin(
        link: RedisClient,
        ack_gate: Arc<AckGate>,
        notify: Notify,
        trouble: Arc<LastError>,
    ) -> Result<Self, StoreError> {
        let mut connection = link.open().await?;
        let feed = feed(&link, &mut connection, Place::default()).await?;
        Ok(Self {
            link,
            ack_gate,
            notify,
            trouble,
            place: feed.end,
            birth: feed.birth,
            up: metrics::gauge!("pesan_redis_up"),
        })
    }

    /// Follows until it is aborted.
    pub(super) async fn run(mut self) {
        loop {
            let Err(error) = self.follow().await;
            self.up.set(0.0);
            self.trouble.note(Some(&error));
            self.ack_gate.lost();
            tokio::time::sleep(RETRY).await;
        }
    }

    /// One connection's life.
    async fn follow(&mut self) -> Result<Infallible, StoreError> {
        let mut connection = self.link.open().await?;
        self.find_place(&mut connection).await?;
        self.trouble.note(None);
        self.up.set(1.0);
        loop {
            let place = format!("{}-{}", self.place.0, self.place.1);
            let mut pipeline = redis::pipe();
            // a node that stood still for long finds that the feed has gone on without it
            pipeline
                .cmd("XRANGE")
                .arg(self.link.key("feed"))
                .arg(&place)
                .arg(&place);
            pipeline
                .cmd("XREAD")
                .arg("COUNT")
                .arg(BATCH)
                .arg("BLOCK")
                .arg(WAIT);
            pipeline.arg("STREAMS").arg(self.link.key("feed")).arg(&place);
            let (here, reply): (StreamRangeReply, Option<StreamReadReply>) =
                query(&pipeline, &mut connection).await?;
            let entries = reply.into_iter().flat_map(|reply| reply.keys);
            let entries: Vec<StreamId> = entries.flat_map(|stream| stream.ids).collect();
            if self.place > Place::default() && here.ids.is_empty() && !is_deleted(&place, &entries) {
                self.find_place(&mut connection).await?;
                continue;
            }
            self.hand_on(entries.into_iter());
        }
    }

    /// Goes on where this node was, or at the end when something is missing in between.
    async fn find_place(&mut self, connection: &mut MultiplexedConnection) -> Result<(), StoreError> {
        let feed = feed(&self.link, connection, self.place).await?;
        if let Some(why) = self.missed(&feed) {
            tracing::error!(
                why,
                "the history is not what it was: everyone here looks at it anew"
            );
            let rooms = codec::rooms(&self.link).await?;
            self.place = feed.end;
            self.birth = feed.birth;
            (self.notify)(StoreEvent::Reset(rooms));
        }
        self.ack_gate.reached(self.place, Vec::new());
        Ok(())
    }

    fn hand_on(&mut self, entries: impl Iterator<Item = StreamId>) {
        let mut messages = Vec::new();
        for entry in entries {
            let Some(place) = codec::place(&entry.id) else {
                continue;
            };
            if let Some(room) = entry.get::<String>("room") {
                let record: String = entry.get("record").unwrap_or_default();
                self.ack_gate.reached(self.place, std::mem::take(&mut messages));
                match codec::room(&room, &record) {
                    Some(room) => (self.notify)(StoreEvent::Room(Box::new(room))),
                    None => tracing::warn!(room, "a room in the feed cannot be read"),
                }
            } else if let Some(room) = entry.get::<String>("gone") {
                self.ack_gate.reached(self.place, std::mem::take(&mut messages));
                let into = entry.get::<String>("into").filter(|into| !into.is_empty());
                (self.notify)(StoreEvent::Gone { room, into });
            } else if let Some(room) = entry.get::<String>("deleted") {
                self.ack_gate.reached(self.place, std::mem::take(&mut messages));
                let seq = entry.get("s").unwrap_or_default();
                (self.notify)(StoreEvent::MessageDeleted { room, seq });
            } else if let Some(person) = entry.get::<String>("erased") {
                self.ack_gate.reached(self.place, std::mem::take(&mut messages));
                (self.notify)(StoreEvent::PersonErased(person));
            } else if let Some(message) = message(&entry) {
                messages.push(message);
            } else {
                tracing::warn!(id = entry.id, "an entry of the feed cannot be read");
            }
            self.place = place;
        }
        self.ack_gate.reached(self.place, messages);
    }

    /// Why the feed does not go on where this node was, if so.
    fn missed(&self, feed: &Feed) -> Option<&'static str> {
        if feed.birth != self.birth {
            return Some("redis has lost its data");
        }
        let gone = self.place > Place::default() && !feed.has;
        gone.then_some("redis went back to an earlier state, or this node was away for too long")
    }
}

/// Whether one of the entries says that the entry at this place was deleted.
fn is_deleted(place: &str, entries: &[StreamId]) -> bool {
    entries
        .iter()
        .filter_map(|entry| entry.get::<String>("was"))
        .any(|deleted| deleted.split(' ').any(|id| id == place))
}

fn message(entry: &StreamId) -> Option<Committed> {
    let room: String = entry.get("r")?;
    let message = codec::message(&room, entry.get("s")?, entry)?;
    Some(Committed {
        outcome: Ok(Stored::New(message)),
        completion: None,
    })
}

async fn feed(
    link: &RedisClient,
    connection: &mut MultiplexedConnection,
    place: Place,
) -> Result<Feed, StoreError> {
    let mut pipeline = redis::pipe();
    let birth = format!("{:032x}", rand::random::<u128>());
    pipeline
        .cmd("SET")
        .arg(link.key("birth"))
        .arg(birth)
        .arg("NX")
        .ignore();
    pipeline.cmd("GET").arg(link.key("birth"));
    codec::query_newest(&mut pipeline, &link.key("feed"));
    let place = format!("{}-{}", place.0, place.1);
    pipeline
        .cmd("XRANGE")
        .arg(link.key("feed"))
        .arg(&place)
        .arg(&place);
    let (birth, last, here): (String, StreamRangeReply, StreamRangeReply) =
        query(&pipeline, connection).await?;
    Ok(Feed {
        birth,
        end: codec::newest_place(&last).unwrap_or_default(),
        has: !here.ids.is_empty(),
    })
}

async fn query<T: FromRedisValue>(
    pipeline: &Pipeline,
    connection: &mut MultiplexedConnection,
) -> Result<T, StoreError> {
    let answer = pipeline.query_async(connection).await;
    answer.map_err(|error| store_error(&error))
}

/// How often one looks whether the last ones have passed.
const LOOK: Duration = Duration::from_millis(2);

/// Where messages and acknowledgements meet on their way to the chat.
pub(super) struct AckGate {
    deliver: Deliver,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Where this node is in the feed; none while it cannot follow.
    place: Option<Place>,
    /// Acknowledgements, in the order of the feed.
    waiting: VecDeque<(Place, Committed)>,
}

impl AckGate {
    pub(super) fn new(deliver: Deliver) -> Self {
        Self {
            deliver,
            inner: Mutex::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what became of messages; those that stand at a place wait until the feed has come there.
    pub(super) fn answer(&self, committed: Vec<(Option<Place>, Committed)>) {
        let mut inner = self.inner();
        let mut ready = Vec::new();
        for (place, committed) in committed {
            match (place, inner.place) {
                (Some(place), Some(reached)) if place > reached => {
                    inner.waiting.push_back((place, committed));
                }
                _ => ready.push(committed),
            }
        }
        self.hand_on(ready);
    }

    /// The feed has come to a place, with these messages on the way.
    pub(super) fn reached(&self, place: Place, messages: Vec<Committed>) {
        let mut inner = self.inner();
        inner.place = Some(place);
        let passed = inner.waiting.partition_point(|(at, _)| *at <= place);
        let answers = inner.waiting.drain(..passed).map(|(_, committed)| committed);
        let ready = messages.into_iter().chain(answers).collect();
        self.hand_on(ready);
    }

    /// Nothing more is written: waits for the feed, but not for ever, and then lets every answer pass.
    pub(super) async fn drain(&self, patience: Duration) {
        let until = Instant::now() + patience;
        while !self.inner().waiting.is_empty() && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
        self.lost();
    }

    /// The feed cannot be followed: what is stored is acknowledged without it.
    pub(super) fn lost(&self) {
        let mut inner = self.inner();
        inner.place = None;
        let ready = inner.waiting.drain(..).map(|(_, committed)| committed).collect();
        self.hand_on(ready);
    }

    /// Called under the lock, so that the chat gets everything in this order.
    fn hand_on(&self, ready: Vec<Committed>) {
        if !ready.is_empty() {
            (self.deliver)(ready);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pesan::protocol::Sent;

    use super::*;

    fn committed(seq: u64) -> Committed {
        Committed {
            outcome: Ok(Stored::Again(Sent { seq, at: 0 })),
            completion: None,
        }
    }

    /// A ack_gate, and the numbers that it let pass.
    fn ack_gate() -> (AckGate, Arc<Mutex<Vec<u64>>>) {
        let passed = Arc::<Mutex<Vec<u64>>>::default();
        let kept = Arc::clone(&passed);
        let deliver = move |batch: Vec<Committed>| {
            let numbers = batch.iter().map(|committed| match &committed.outcome {
                Ok(Stored::Again(sent)) => sent.seq,
                other => panic!("{other:?}"),
            });
            kept.lock().expect("no panic").extend(numbers);
        };
        (AckGate::new(Box::new(deliver)), passed)
    }

    #[test]
    fn an_answer_comes_after_what_was_said_before() {
        let (ack_gate, passed) = ack_gate();
        ack_gate.reached((1, 0), Vec::new());
        ack_gate.answer(vec![(Some((3, 0)), committed(30)), (Some((4, 0)), committed(40))]);
        assert!(passed.lock().expect("no panic").is_empty());
        ack_gate.reached((3, 0), vec![committed(2), committed(3)]);
        ack_gate.answer(vec![(None, committed(0))]);
        assert_eq!(*passed.lock().expect("no panic"), [2, 3, 30, 0]);
    }

    #[test]
    fn without_the_feed_no_answer_waits() {
        let (ack_gate, passed) = ack_gate();
        ack_gate.reached((1, 0), Vec::new());
        ack_gate.answer(vec![(Some((3, 0)), committed(30))]);
        ack_gate.lost();
        ack_gate.answer(vec![(Some((4, 0)), committed(40))]);
        assert_eq!(*passed.lock().expect("no panic"), [30, 40]);
    }
}
