//! `pesan-server admin …`: asks the running server, and prints what it answers.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::Args;

use super::{Reply, Request};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Talks to the running server.
#[derive(Debug, Clone, Args)]
pub struct AdminCommand {
    /// Socket of the running server.
    #[arg(
        long,
        env = "PESAN_ADMIN_SOCKET",
        value_name = "PATH",
        default_value = "data/admin.sock",
        global = true
    )]
    pub admin_socket: PathBuf,
    /// What to ask for.
    #[command(subcommand)]
    pub request: Request,
}

impl AdminCommand {
    /// Asks, and prints the answer.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        match self.ask()? {
            Reply::Connections(list, load) => {
                writeln!(
                    out,
                    "{:<20}  {:<21}  {:<20}  NAME",
                    "CONNECTION", "ADDRESS", "PERSON"
                )?;
                for one in &list {
                    writeln!(
                        out,
                        "{:<20}  {:<21}  {:<20}  {}",
                        one.id, one.address, one.person, one.name
                    )?;
                }
                writeln!(out, "{} connections", list.len())?;
                writeln!(
                    out,
                    "this machine: {} sessions of at most {}, {} HTTP connections of at most {}",
                    load.sessions, load.max_sessions, load.connections, load.max_connections
                )?;
                if let Some(trouble) = load.trouble {
                    writeln!(out, "not ready: {trouble}")?;
                }
            }
            Reply::Rooms(list) => {
                writeln!(
                    out,
                    "{:<40}  {:>6}  {:>8}  {:>10}  NAME",
                    "ROOM", "PEOPLE", "MESSAGES", "QUIET FOR"
                )?;
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                for one in &list {
                    let quiet = one
                        .last
                        .map(|last| now.saturating_sub(Duration::from_millis(last)));
                    writeln!(
                        out,
                        "{:<40}  {:>6}  {:>8}  {:>10}  {}",
                        one.id,
                        one.people,
                        one.messages,
                        quiet.map(age).unwrap_or_default(),
                        one.name
                    )?;
                }
                writeln!(out, "{} rooms", list.len())?;
            }
            Reply::Done(words) => writeln!(out, "{words}")?,
            Reply::Failed(words) => bail!(words),
        }
        Ok(())
    }

    fn ask(&self) -> anyhow::Result<Reply> {
        let path = self.admin_socket.display();
        let mut stream = UnixStream::connect(&self.admin_socket).with_context(|| {
            format!("no server answers at {path}; is it running? --admin-socket names the socket of another --data")
        })?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(&self.request)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut answer = String::new();
        BufReader::new(stream)
            .read_line(&mut answer)
            .context("the server does not answer")?;
        serde_json::from_str(&answer).context("the server's answer cannot be read; has it another version?")
    }
}

/// Time in its largest unit.
fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
