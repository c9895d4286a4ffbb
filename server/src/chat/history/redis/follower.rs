//! Reads the feed: hands on what all nodes said, in one order, and finds out that Redis is gone or has lost something.

use std::convert::Infallible;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{FromRedisValue, Pipeline};

use super::super::super::link::{RETRY, store_error};
use super::super::{Link, News, Notify, Settled, StoreError, Stored, Trouble};
use super::Turnstile;
use super::records::{self, Place};

/// Entries that are read at once, and how long one waits for some, in milliseconds.
const BATCH: usize = 512;
const WAIT: usize = 1000;

pub(super) struct Follower {
    link: Link,
    turnstile: Arc<Turnstile>,
    notify: Notify,
    trouble: Arc<Trouble>,
    /// Last entry that was handed on.
    place: Place,
    /// Which data it was an entry of.
    birth: String,
    up: metrics::Gauge,
}

/// Where the feed begins and ends, and which data it belongs to.
struct Extent {
    birth: String,
    first: Option<Place>,
    last: Option<Place>,
}

impl Follower {
    /// Finds the end of the feed.
    pub(super) async fn begin(
        link: Link,
        turnstile: Arc<Turnstile>,
        notify: Notify,
        trouble: Arc<Trouble>,
    ) -> Result<Self, StoreError> {
        let mut connection = link.open().await?;
        let extent = extent(&link, &mut connection).await?;
        Ok(Self {
            link,
            turnstile,
            notify,
            trouble,
            place: extent.last.unwrap_or_default(),
            birth: extent.birth,
            up: metrics::gauge!("pesan_redis_up"),
        })
    }

    /// Follows until it is aborted.
    pub(super) async fn run(mut self) {
        loop {
            let Err(error) = self.follow().await;
            self.up.set(0.0);
            self.trouble.note(Some(&error));
            self.turnstile.lost();
            tokio::time::sleep(RETRY).await;
        }
    }

    /// One connection's life.
    async fn follow(&mut self) -> Result<Infallible, StoreError> {
        let mut connection = self.link.open().await?;
        let extent = extent(&self.link, &mut connection).await?;
        if let Some(why) = self.missed(&extent) {
            tracing::error!(
                why,
                "the history is not what it was: everyone here looks at it anew"
            );
            let rooms = records::rooms(&self.link).await?;
            self.place = extent.last.unwrap_or_default();
            self.birth = extent.birth;
            (self.notify)(News::Anew(rooms));
        }
        self.turnstile.reached(self.place, Vec::new());
        self.trouble.note(None);
        self.up.set(1.0);
        loop {
            let mut read = redis::cmd("XREAD");
            read.arg("COUNT").arg(BATCH).arg("BLOCK").arg(WAIT).arg("STREAMS");
            read.arg(self.link.key("feed"));
            read.arg(format!("{}-{}", self.place.0, self.place.1));
            let reply: Option<StreamReadReply> = read
                .query_async(&mut connection)
                .await
                .map_err(|error| store_error(&error))?;
            let entries = reply.into_iter().flat_map(|reply| reply.keys);
            self.hand_on(entries.flat_map(|stream| stream.ids));
        }
    }

    fn hand_on(&mut self, entries: impl Iterator<Item = StreamId>) {
        let mut messages = Vec::new();
        for entry in entries {
            let Some(place) = records::place(&entry.id) else {
                continue;
            };
            if let Some(room) = entry.get::<String>("room") {
                let record: String = entry.get("record").unwrap_or_default();
                self.turnstile.reached(self.place, std::mem::take(&mut messages));
                match records::room(&room, &record) {
                    Some(room) => (self.notify)(News::Room(Box::new(room))),
                    None => tracing::warn!(room, "a room in the feed cannot be read"),
                }
            } else if let Some(message) = message(&entry) {
                messages.push(message);
            } else {
                tracing::warn!(id = entry.id, "an entry of the feed cannot be read");
            }
            self.place = place;
        }
        self.turnstile.reached(self.place, messages);
    }

    /// Why the feed does not go on where this node was, if so.
    fn missed(&self, extent: &Extent) -> Option<&'static str> {
        if extent.birth != self.birth {
            return Some("redis has lost its data");
        }
        if extent.last.unwrap_or_default() < self.place {
            return Some("redis went back to an earlier state");
        }
        let begun = self.place > Place::default();
        (begun && extent.first.is_some_and(|first| first > self.place))
            .then_some("this node was away for too long")
    }
}

fn message(entry: &StreamId) -> Option<Settled> {
    let room: String = entry.get("r")?;
    let message = records::message(&room, entry.get("s")?, entry)?;
    Some(Settled {
        outcome: Ok(Stored::New(message)),
        ticket: None,
    })
}

async fn extent(link: &Link, connection: &mut MultiplexedConnection) -> Result<Extent, StoreError> {
    let mut pipeline = redis::pipe();
    let birth = format!("{:032x}", rand::random::<u128>());
    pipeline
        .cmd("SET")
        .arg(link.key("birth"))
        .arg(birth)
        .arg("NX")
        .ignore();
    pipeline.cmd("GET").arg(link.key("birth"));
    for (command, from, to) in [("XRANGE", "-", "+"), ("XREVRANGE", "+", "-")] {
        pipeline
            .cmd(command)
            .arg(link.key("feed"))
            .arg(from)
            .arg(to)
            .arg("COUNT")
            .arg(1);
    }
    let (birth, first, last): (String, StreamRangeReply, StreamRangeReply) =
        query(&pipeline, connection).await?;
    let place = |reply: &StreamRangeReply| reply.ids.first().and_then(|entry| records::place(&entry.id));
    Ok(Extent {
        birth,
        first: place(&first),
        last: place(&last),
    })
}

async fn query<T: FromRedisValue>(
    pipeline: &Pipeline,
    connection: &mut MultiplexedConnection,
) -> Result<T, StoreError> {
    let answer = pipeline.query_async(connection).await;
    answer.map_err(|error| store_error(&error))
}
