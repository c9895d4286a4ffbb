//! Measures how fast messages are acknowledged, where every ack means that the message is on the disk.
//!
//! `cargo run --release -p pesan-server --example ack_rate -- [DIR | redis://HOST:PORT]` starts a server whose history is
//! below `DIR` (by default the current folder; a memory disk would measure nothing) or in that Redis, and 20 bots in the
//! same process, and prints two lines: all that goes, and the times of answers at 1,000 messages a second. In Redis it
//! leaves what it wrote, under the prefix `ack_rate`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use pesan_server::app::{AppState, app};
use pesan_server::config::Config;
use pesan_server::http::serve::{ServeConfig, bind, serve};
use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

const BOTS: usize = 20;
/// Messages in flight of each bot at full speed.
const WINDOW: usize = 32;
const TIME: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let redis = place.contains("://");
    let folder = if redis {
        tempfile::tempdir()?
    } else {
        tempfile::tempdir_in(&place)?
    };
    std::fs::create_dir(folder.path().join("dist"))?;
    std::fs::write(folder.path().join("dist/index.html"), "<title>pesan</title>")?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (assets, data) = (path("dist"), path("data"));
    let mut args = vec![
        "--port", "0", "--rate", "1e9", "--burst", "1e9", "--assets", &assets, "--data", &data,
    ];
    if redis {
        args.extend(["--redis", &place, "--redis-prefix", "ack_rate"]);
    }
    let config = Config::from_args(args)?;
    let state = AppState::new(&config).await?;
    let listener = bind(config.listen.address())?;
    let address = listener.local_addr()?;
    let stop = state.clone().stopped(Duration::from_secs(1));
    let serving = tokio::spawn(serve(listener, app(&state), ServeConfig::default(), stop));

    let times = round(address, "all", None).await?;
    println!(
        "{BOTS} bots, {WINDOW} messages under way each: {:.0} answers/s, p99 {:.1} ms",
        times.len() as f64 / TIME.as_secs_f64(),
        percentile(&times, 99.0)
    );
    let times = round(address, "paced", Some(1000 / BOTS)).await?;
    println!(
        "{BOTS} bots, 1000 messages a second: p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
        percentile(&times, 50.0),
        percentile(&times, 99.0),
        percentile(&times, 100.0)
    );
    state.stop.within(Duration::ZERO);
    serving.await?;
    Ok(())
}

/// Times of all answers in milliseconds, sorted; `rate` is that of each bot, without one it writes all it can.
async fn round(address: SocketAddr, name: &'static str, rate: Option<usize>) -> anyhow::Result<Vec<f64>> {
    let bots: Vec<_> = (0..BOTS)
        .map(|bot| tokio::spawn(write(address, format!("{name}-{bot:02}"), rate)))
        .collect();
    let mut times = Vec::new();
    for bot in bots {
        times.extend(bot.await??);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

async fn write(address: SocketAddr, name: String, rate: Option<usize>) -> anyhow::Result<Vec<f64>> {
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let (mut socket, _) = connect_async(url).await?;
    let auth = json!({ "pesan": 1, "key": format!("the key of bot {name}"), "name": name });
    socket.send(Message::text(format!("40{auth}"))).await?;
    while let Some(frame) = socket.next().await {
        if frame?.to_text()?.starts_with("40") {
            break;
        }
    }
    let begun = Instant::now();
    let mut sent: Vec<Instant> = Vec::new();
    let mut times = Vec::new();
    let mut ticks = tokio::time::interval(rate.map_or(TIME, |rate| {
        Duration::from_secs(1) / u32::try_from(rate).unwrap_or(1)
    }));
    // The last acks count too.
    while begun.elapsed() < TIME || times.len() < sent.len() {
        let open = begun.elapsed() < TIME;
        let wanted = match rate {
            None if open => WINDOW.saturating_sub(sent.len() - times.len()),
            None | Some(_) => 0,
        };
        for _ in 0..wanted {
            let frame = draft(&name, sent.len());
            sent.push(Instant::now());
            socket.feed(Message::text(frame)).await?;
        }
        if wanted > 0 {
            socket.flush().await?;
        }
        tokio::select! {
            _ = ticks.tick(), if rate.is_some() && open => {
                let frame = draft(&name, sent.len());
                sent.push(Instant::now());
                socket.send(Message::text(frame)).await?;
            }
            frame = socket.next() => {
                let Some(frame) = frame else { anyhow::bail!("the connection ended") };
                let frame = frame?;
                let text = frame.to_text()?;
                if text == "2" {
                    socket.send(Message::text("3")).await?;
                } else if let Some(answer) = text.strip_prefix("43") {
                    anyhow::ensure!(answer.contains("\"Ok\""), "refused: {answer}");
                    let id = answer.split('[').next().unwrap_or_default().parse::<usize>()?;
                    times.extend(sent.get(id).map(|sent| sent.elapsed().as_secs_f64() * 1000.0));
                }
            }
        }
    }
    Ok(times)
}

fn draft(name: &str, number: usize) -> String {
    let text = "a message of sixty-four characters, as people write them in chats";
    let send = json!(["send", { "room": "lobby", "id": format!("{name}-{number:08}"), "text": text }]);
    format!("42{number}{send}")
}

fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let place = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
