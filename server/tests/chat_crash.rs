//! Nothing that was answered is lost, nothing is doubled, and everyone sees one order: with the real binary, killed
//! with SIGKILL again and again while bots write, whose wires are cut in the middle of it. `PESAN_KILLS` and
//! `PESAN_CUTS` say how often; 5 and 50 by default.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pesan_server::chat::history::{History, Range, Retention, Sqlite};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const BOTS: usize = 20;
/// Messages that a bot has under way.
const WINDOW: usize = 8;
/// Longer than a start of the server takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a bot has sent and seen.
#[derive(Default)]
struct Story {
    /// Ids of its messages, and the order numbers that were answered.
    mine: Vec<(String, Option<u64>)>,
    /// What it was shown, by order number.
    seen: BTreeMap<u64, String>,
}

struct Bot {
    name: usize,
    address: SocketAddr,
    /// Set when no more is to be written.
    over: Arc<AtomicBool>,
    acked: Arc<AtomicUsize>,
    /// Cuts that are still to come, of all bots together.
    cuts: Arc<AtomicUsize>,
    chance: StdRng,
    story: Story,
}

/// The connection has ended, or nothing came for too long.
struct Lost;

struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Wire {
    async fn open(address: SocketAddr, bot: usize) -> Result<Self, Lost> {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = connect_async(url).await.map_err(|_| Lost)?;
        let mut wire = Self { socket };
        let auth =
            json!({ "pesan": 1, "key": format!("key of the bot {bot:04}"), "name": format!("bot {bot}") });
        wire.write(format!("40{auth}")).await?;
        while !wire.read().await?.starts_with("40") {}
        Ok(wire)
    }

    async fn write(&mut self, frame: String) -> Result<(), Lost> {
        self.socket.send(Message::text(frame)).await.map_err(|_| Lost)
    }

    async fn read(&mut self) -> Result<String, Lost> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) if text.as_str() == "2" => {
                    self.write("3".to_owned()).await?;
                }
                Ok(Some(Ok(Message::Text(text)))) => return Ok(text.as_str().to_owned()),
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return Err(Lost),
                Ok(Some(Ok(_))) => {}
            }
        }
    }
}

impl Bot {
    async fn run(mut self) -> Story {
        loop {
            if self.live().await.is_ok() {
                return self.story;
            }
            // the server is starting again
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// One connection's life; good when everything is said and seen.
    async fn live(&mut self) -> Result<(), Lost> {
        let mut wire = Wire::open(self.address, self.name).await?;
        self.catch_up(&mut wire).await?;
        let mut wear = self.chance.random_range(1..400);
        loop {
            let over = self.over.load(Ordering::Acquire);
            let open: Vec<usize> = (0..self.story.mine.len())
                .filter(|place| self.story.mine[*place].1.is_none())
                .collect();
            if over && open.is_empty() {
                // what others have said until now
                return self.catch_up(&mut wire).await;
            }
            let fresh = if over {
                0
            } else {
                WINDOW.saturating_sub(open.len())
            };
            let begin = self.story.mine.len();
            for number in begin..begin + fresh {
                self.story
                    .mine
                    .push((format!("bot-{}-message-{number}", self.name), None));
            }
            let wanted: Vec<usize> = open.into_iter().chain(begin..begin + fresh).collect();
            for place in &wanted {
                let (id, _) = &self.story.mine[*place];
                let send = json!(["send", { "room": "lobby", "id": id, "text": id }]);
                wire.write(format!("42{place}{send}")).await?;
            }
            let mut left = wanted.len();
            while left > 0 {
                let frame = wire.read().await?;
                wear -= 1;
                if wear == 0 && self.takes_a_cut() {
                    // the socket is dropped with messages under way
                    return Err(Lost);
                }
                if let Some(answer) = frame.strip_prefix("43") {
                    left -= 1;
                    self.answered(answer);
                } else {
                    self.shown(&frame);
                }
            }
        }
    }

    /// Whether there is a cut left for this bot.
    fn takes_a_cut(&self) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        self.cuts
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less)
            .is_ok()
    }

    fn answered(&mut self, answer: &str) {
        let (place, outcome) = answer.split_at(answer.find('[').expect("an answer"));
        let outcome: Value = serde_json::from_str(outcome).expect("JSON");
        let place: usize = place.parse().expect("a number");
        // a refusal means to try again
        if let Some(seq) = outcome[0]["Ok"]["seq"].as_u64() {
            let known = self.story.mine[place].1.replace(seq);
            assert!(
                known.is_none_or(|known| known == seq),
                "a message has two numbers"
            );
            self.acked.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn shown(&mut self, frame: &str) {
        let Some(payload) = frame.strip_prefix("42") else {
            return;
        };
        let event: Value = serde_json::from_str(payload).expect("JSON");
        if event[0] == "message" {
            self.see(&event[1]);
        }
    }

    fn see(&mut self, message: &Value) {
        let seq = message["seq"].as_u64().expect("a number");
        let id = message["id"].as_str().expect("an id").to_owned();
        let known = self.story.seen.insert(seq, id.clone());
        assert!(
            known.is_none_or(|known| known == id),
            "two messages have the number {seq}"
        );
    }

    /// Number up to which nothing is missing.
    fn newest(&self) -> u64 {
        let gapless = self
            .story
            .seen
            .keys()
            .zip(1..)
            .take_while(|(seq, number)| *seq == number);
        gapless.last().map_or(0, |(seq, _)| *seq)
    }

    /// Fills what was missed from the history.
    async fn catch_up(&mut self, wire: &mut Wire) -> Result<(), Lost> {
        loop {
            let wanted = json!(["history", { "room": "lobby", "after": self.newest() }]);
            wire.write(format!("42999999{wanted}")).await?;
            let page = loop {
                let frame = wire.read().await?;
                match frame.strip_prefix("43999999") {
                    Some(answer) => break serde_json::from_str::<Value>(answer).expect("JSON")[0].clone(),
                    None => self.shown(&frame),
                }
            };
            if page["Err"]["code"] == "too-fast" {
                sleep(Duration::from_millis(100)).await;
                continue;
            }
            let page = &page["Ok"];
            for message in page["messages"].as_array().expect("a page") {
                self.see(message);
            }
            if page["more"] == false {
                return Ok(());
            }
        }
    }
}

fn start(folder: &Path, address: SocketAddr) -> Child {
    let mut server = Command::new(env!("CARGO_BIN_EXE_pesan-server"))
        .current_dir(folder)
        .args([
            "--listen",
            &address.to_string(),
            "--rate",
            "1000000",
            "--burst",
            "1000000",
            "--page-messages",
            "500",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut log = BufReader::new(server.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("listening on ") {
        line.clear();
        assert!(
            log.read_line(&mut line).expect("text") > 0,
            "ended before it listened"
        );
    }
    // a full pipe would stop it
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_messages_survive_a_killed_server() {
    let setting = |name, usual| std::env::var(name).map_or(usual, |text| text.parse().expect("a number"));
    let (kills, cut) = (setting("PESAN_KILLS", 5), setting("PESAN_CUTS", 50));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("dist")).expect("writable");
    std::fs::write(folder.path().join("dist/index.html"), "<title>pesan</title>").expect("writable");
    let address = TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a free port");
    let over = Arc::new(AtomicBool::new(false));
    let acked = Arc::new(AtomicUsize::new(0));
    let cuts = Arc::new(AtomicUsize::new(cut));

    let mut server = start(folder.path(), address);
    let bots: Vec<_> = (0..BOTS)
        .map(|name| {
            let bot = Bot {
                name,
                address,
                over: Arc::clone(&over),
                acked: Arc::clone(&acked),
                cuts: Arc::clone(&cuts),
                chance: StdRng::seed_from_u64(name as u64),
                story: Story::default(),
            };
            tokio::spawn(bot.run())
        })
        .collect();
    for _ in 0..kills {
        // in the middle of work: some more messages were answered since the last time
        let goal = acked.load(Ordering::Relaxed) + 100;
        while acked.load(Ordering::Relaxed) < goal {
            sleep(Duration::from_millis(1)).await;
        }
        server.kill().expect("is running");
        server.wait().expect("ends");
        server = start(folder.path(), address);
    }
    while cuts.load(Ordering::Acquire) > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    over.store(true, Ordering::Release);
    let mut stories = Vec::new();
    for bot in bots {
        stories.push(
            timeout(PATIENCE * 4, bot)
                .await
                .expect("ends in time")
                .expect("no panic"),
        );
    }
    server.kill().expect("is running");
    server.wait().expect("ends");

    let stored = stored(folder.path()).await;
    let sent: usize = stories.iter().map(|story| story.mine.len()).sum();
    let answered = acked.load(Ordering::Relaxed);
    println!(
        "{kills} kills, {cut} cuts, {BOTS} bots: {sent} messages sent, {answered} answers, {} stored",
        stored.len()
    );
    assert_eq!(stored.len(), sent, "every message is stored once");
    for story in &stories {
        for (id, seq) in &story.mine {
            let seq = seq.expect("every message was answered in the end");
            assert_eq!(stored.get(&seq), Some(id));
        }
        // the last ones that were said reach those who ended before only as far as they looked
        let missing = story
            .seen
            .iter()
            .zip(&stored)
            .find(|(seen, stored)| seen != stored);
        assert_eq!(missing, None, "everyone sees the store's order");
    }
}

async fn stored(folder: &Path) -> BTreeMap<u64, String> {
    let history = Sqlite::open(
        &folder.join("data"),
        Retention::default(),
        u64::MAX,
        Box::new(drop),
    )
    .expect("is whole");
    let mut stored = BTreeMap::new();
    loop {
        let after = stored.len() as u64;
        let page = history
            .page("lobby", Range::After(after), 500)
            .await
            .expect("readable");
        for (message, number) in page.messages.into_iter().zip(after + 1..) {
            assert_eq!(message.seq, number, "there is a gap");
            assert_eq!(stored.insert(message.seq, message.id), None);
        }
        if !page.more {
            return stored;
        }
    }
}
