//! Someone who writes without a pause, over the native client, and remembers what was answered and shown.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use pesan::protocol::{Auth, ChatErrorCode, Hello, History, LOBBY, Message, Send, VERSION};
use pesan::socketio::proto::TransportKind;
use pesan::socketio::{Options, Socket, to_value};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Messages that a bot has under way.
const WINDOW: usize = 4;
/// Longest wait for an answer; then the message is sent again, under the same id.
const ANSWER: Duration = Duration::from_secs(4);
/// Pause after a refusal.
const PAUSE: Duration = Duration::from_millis(50);

/// What all bots together are told and have done.
#[derive(Default)]
pub(crate) struct Score {
    /// Set when no more is to be written.
    pub(crate) over: AtomicBool,
    /// Messages that were answered.
    pub(crate) acked: AtomicUsize,
    /// Times that a message was refused, or not answered.
    pub(crate) failed: AtomicUsize,
    /// Connections that were opened.
    pub(crate) connected: AtomicUsize,
}

/// What a bot has sent and seen.
#[derive(Default)]
pub(crate) struct Story {
    /// Its messages, and the numbers that were answered.
    pub(crate) mine: BTreeMap<String, u64>,
    /// What it was shown, by number.
    pub(crate) seen: BTreeMap<u64, String>,
    /// Number of the last message that came by itself since it connected.
    last: u64,
}

pub(crate) struct Bot {
    socket: Socket,
    name: usize,
    score: Arc<Score>,
    story: Arc<Mutex<Story>>,
}

impl Bot {
    /// A bot that always comes to the same node, as long as that lives.
    pub(crate) fn start(address: SocketAddr, name: usize, score: &Arc<Score>) -> Self {
        let auth = Auth {
            pesan: VERSION,
            key: format!("key of the bot {name:04}"),
            name: Some(format!("bot {name}")),
            token: None,
            presence_batches: false,
            language: None,
        };
        let transports = if name.is_multiple_of(3) {
            vec![TransportKind::Polling, TransportKind::WebSocket]
        } else {
            vec![TransportKind::WebSocket]
        };
        let options = Options::new()
            .auth(to_value(&auth).expect("plain data"))
            .query("as", name.to_string())
            .transports(transports)
            .reconnection_delay(Duration::from_millis(50), Duration::from_millis(300))
            .force_new();
        let socket = Socket::open(&format!("http://{address}"), options).expect("an address");
        let story = Arc::<Mutex<Story>>::default();
        let (seen, told) = (Arc::clone(&story), Arc::clone(score));
        socket.on_event::<Hello, _>(move |_: Hello| {
            told.connected.fetch_add(1, Ordering::Relaxed);
            seen.lock().expect("no panic").last = 0;
        });
        let shown = Arc::clone(&story);
        socket.on_event::<Message, _>(move |message: Message| {
            if message.room == LOBBY {
                let mut story = shown.lock().expect("no panic");
                assert!(
                    message.seq > story.last,
                    "{} came after {}",
                    message.seq,
                    story.last
                );
                story.last = message.seq;
                story.see(&message);
            }
        });
        Self {
            socket,
            name,
            score: Arc::clone(score),
            story,
        }
    }

    fn story(&self) -> MutexGuard<'_, Story> {
        self.story.lock().expect("no panic")
    }

    /// Writes until it is over, then fills what it missed; what it has sent and seen.
    pub(crate) async fn run(self) -> Story {
        let bot = Arc::new(self);
        let mut writers = JoinSet::new();
        for writer in 0..WINDOW {
            writers.spawn(Arc::clone(&bot).write(writer));
        }
        while let Some(ended) = writers.join_next().await {
            ended.expect("no panic");
        }
        bot.catch_up().await;
        std::mem::take(&mut *bot.story())
    }

    async fn write(self: Arc<Self>, writer: usize) {
        for number in 0.. {
            if self.score.over.load(Ordering::Acquire) {
                return;
            }
            let id = format!("bot-{}-{writer}-{number}", self.name);
            let send = Send {
                room: LOBBY.to_owned(),
                id: id.clone(),
                text: id.clone(),
                reply_to: None,
            };
            // again and again, until it is answered
            let seq = loop {
                match self.socket.timeout(ANSWER).request(&send).await {
                    Ok(Ok(sent)) => break sent.seq,
                    Ok(Err(_)) | Err(_) => {
                        self.score.failed.fetch_add(1, Ordering::Relaxed);
                        sleep(PAUSE).await;
                    }
                }
            };
            self.story().mine.insert(id, seq);
            self.score.acked.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Fills what was missed from the history.
    async fn catch_up(&self) {
        loop {
            let after = self.story().gapless();
            let wanted = History {
                room: LOBBY.to_owned(),
                before: None,
                after: Some(after),
            };
            match self.socket.timeout(ANSWER).request(&wanted).await {
                Ok(Ok(page)) => {
                    let more = page.more;
                    page.messages.iter().for_each(|message| self.story().see(message));
                    if !more {
                        return;
                    }
                }
                Ok(Err(refusal)) => {
                    assert!(
                        matches!(
                            refusal.code,
                            ChatErrorCode::TooFast
                                | ChatErrorCode::StoreFailed
                                | ChatErrorCode::PersonUnknown
                        ),
                        "{refusal:?}"
                    );
                    sleep(PAUSE).await;
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

impl Story {
    fn see(&mut self, message: &Message) {
        let known = self.seen.insert(message.seq, message.id.clone());
        assert!(
            known.is_none_or(|known| known == message.id),
            "two messages have the number {}",
            message.seq
        );
    }

    /// Number up to which nothing is missing.
    fn gapless(&self) -> u64 {
        let whole = self
            .seen
            .keys()
            .zip(1..)
            .take_while(|(seq, number)| *seq == number);
        whole.last().map_or(0, |(seq, _)| *seq)
    }
}
