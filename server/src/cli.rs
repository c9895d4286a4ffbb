//! Command line of the binary: serve, or talk to a running server.

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::admin::{Reply, Request, StorePlace};
use crate::chat::history::{self, Contents};
use crate::config::{Config, without_empty_variables};

/// Serves the pesan chat: the page, Socket.IO, and the history.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "pesan-server",
    version,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub config: Config,
}

/// What the binary can do besides serving.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Talks to the running server: list, rooms, kick, announce, close.
    Admin(AdminCommand),
}

impl Cli {
    /// Reads the command line, its first word being the program's name, and the environment; an empty variable counts as
    /// unset.
    ///
    /// # Errors
    /// The message for the first value that is wrong, or the text that `--help` asks for.
    pub fn read<T: Into<OsString> + Clone>(args: impl IntoIterator<Item = T>) -> Result<Self, clap::Error> {
        let mut command = without_empty_variables(Self::command());
        let cli = Self::from_arg_matches_mut(&mut command.try_get_matches_from_mut(args)?)
            .map_err(|error| error.format(&mut command))?;
        match cli.config.check() {
            Err(why) if cli.command.is_none() => Err(command.error(ErrorKind::ValueValidation, why)),
            Err(_) | Ok(()) => Ok(cli),
        }
    }
}

/// Longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

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
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What the operator can do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Asks the running server.
    #[command(flatten)]
    Request(Request),
    /// Writes the history of the running server to a new file; it goes on meanwhile.
    Backup {
        /// File to write.
        file: PathBuf,
    },
    /// Puts a backup in the place of the history of a server that is stopped; the old history stays beside it.
    Restore {
        /// File that `backup` wrote.
        file: PathBuf,
        /// Folder of the history.
        #[arg(long, env = "PESAN_DATA", value_name = "DIR", default_value = "data")]
        data: PathBuf,
    },
}

impl AdminCommand {
    /// Asks, and prints the answer.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let request = match &self.action {
            Action::Request(request) => request,
            Action::Backup { file } => return self.back_up(file, out),
            Action::Restore { file, data } => return restore(file, data, out),
        };
        match self.send_request(request)? {
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
                if let Some(reason) = load.not_ready {
                    writeln!(out, "not ready: {reason}")?;
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
                        quiet.map(format_age).unwrap_or_default(),
                        one.name
                    )?;
                }
                writeln!(out, "{} rooms", list.len())?;
            }
            Reply::Restrictions(list) => {
                writeln!(out, "{:<5}  {:<43}  {:<10}  REASON", "KIND", "SUBJECT", "ENDS IN")?;
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                for one in &list {
                    let remaining = one
                        .until
                        .map(|until| Duration::from_millis(until).saturating_sub(now));
                    writeln!(
                        out,
                        "{:<5}  {:<43}  {:<10}  {}",
                        one.kind.name(),
                        one.subject.to_string(),
                        remaining.map_or("never".to_owned(), format_age),
                        one.reason
                    )?;
                }
                writeln!(out, "{} bans and mutes", list.len())?;
            }
            Reply::Messages(list) => {
                writeln!(out, "{:>8}  {:<20}  {:<20}  TEXT", "NUMBER", "PERSON", "NAME")?;
                for one in &list {
                    let text = if one.is_deleted() { "(deleted)" } else { &one.text };
                    writeln!(
                        out,
                        "{:>8}  {:<20}  {:<20}  {}",
                        one.seq,
                        one.author.id,
                        one.author.name,
                        text.replace('\n', " ⏎ ")
                    )?;
                }
            }
            Reply::Store(place) => writeln!(out, "{place:?}")?,
            Reply::Done(text) => writeln!(out, "{text}")?,
            Reply::Failed(text) => bail!(text),
        }
        Ok(())
    }

    fn back_up(&self, file: &Path, out: &mut impl Write) -> anyhow::Result<()> {
        let folder = match self.send_request(&Request::Store)? {
            Reply::Store(StorePlace::Folder(folder)) => folder,
            Reply::Store(StorePlace::Memory) => {
                bail!("the server keeps messages in memory only (--ephemeral)")
            }
            Reply::Store(StorePlace::Redis) => {
                bail!("the messages are in Redis (--redis): back up its files, or a replica of it")
            }
            Reply::Failed(text) => bail!(text),
            other => bail!("the server answers something else: {other:?}"),
        };
        let started = Instant::now();
        let contents = history::back_up(&folder, file)?;
        writeln!(
            out,
            "{}: {} in {:.1} s",
            file.display(),
            ContentsSummary(contents),
            started.elapsed().as_secs_f64()
        )?;
        Ok(())
    }

    fn send_request(&self, request: &Request) -> anyhow::Result<Reply> {
        let path = self.admin_socket.display();
        let mut stream = UnixStream::connect(&self.admin_socket).with_context(|| {
            format!("no server answers at {path}; is it running? --admin-socket names the socket of another --data")
        })?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let mut line = serde_json::to_vec(request)?;
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
fn format_age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn restore(file: &Path, data: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    let (contents, old) = history::restore(file, data)?;
    writeln!(out, "{} has {} now", data.display(), ContentsSummary(contents))?;
    if let Some(old) = old {
        writeln!(out, "what was there before is {}", old.display())?;
    }
    Ok(())
}

/// What a history holds, in words.
struct ContentsSummary(Contents);

impl fmt::Display for ContentsSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Contents {
            rooms,
            messages,
            bytes,
        } = self.0;
        write!(f, "{messages} messages in {rooms} rooms, {bytes} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_an_environment_variable() {
        for argument in Cli::command().get_arguments() {
            let plain = ["help", "version"].contains(&argument.get_id().as_str());
            assert!(plain || argument.get_env().is_some(), "{}", argument.get_id());
        }
    }
}
