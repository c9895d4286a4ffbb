//! Command line of the binary: the flags of the server, and `pesan-server admin`, which talks to a running server.

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::admin::{Reply, Request, StoreLocation};
use crate::chat::history::{self, Contents};
use crate::config::{Config, without_empty_variables};

/// Serves the pesan chat: page, Socket.IO and history.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "pesan-server",
    version,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// Command instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Configuration of the server.
    #[command(flatten)]
    pub config: Config,
}

/// Command other than serving.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Administers the running server: connections, rooms, bans, messages, backups, shutdown.
    Admin(AdminCommand),
}

impl Cli {
    /// Parses the command line, starting with the program's name, and the environment; an empty variable counts as unset.
    ///
    /// # Errors
    /// Message for the first invalid value, or the text of `--help`.
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

/// Longest wait for an answer of the server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Administers the running server: connections, rooms, bans, messages, backups, shutdown.
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
    /// Command.
    #[command(subcommand)]
    pub action: Action,
}

/// Command of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Sends a request to the running server.
    #[command(flatten)]
    Request(Request),
    /// Writes the history to a new file while the server runs.
    Backup {
        /// File to write.
        file: PathBuf,
    },
    /// Replaces the history of a stopped server by a backup; keeps the old history beside it.
    Restore {
        /// File that `backup` wrote.
        file: PathBuf,
        /// Folder of the history.
        #[arg(long, env = "PESAN_DATA", value_name = "DIR", default_value = "data")]
        data: PathBuf,
    },
}

impl AdminCommand {
    /// Sends the request and prints the answer.
    ///
    /// # Errors
    /// When no server answers, or it reports a failure.
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
                    "this node: {} sessions (maximum {}), {} HTTP connections (maximum {})",
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
            Reply::Store(StoreLocation::Folder(folder)) => folder,
            Reply::Store(StoreLocation::Memory) => {
                bail!("messages are stored in memory only (--ephemeral)")
            }
            Reply::Store(StoreLocation::Redis) => {
                bail!("messages are stored in Redis (--redis); back up its files or a replica")
            }
            Reply::Failed(text) => bail!(text),
            other => bail!("unexpected answer of the server: {other:?}"),
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
            format!("no server answers at {path}; is it running? With another --data, set --admin-socket")
        })?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut answer = String::new();
        BufReader::new(stream)
            .read_line(&mut answer)
            .context("no answer of the server")?;
        serde_json::from_str(&answer)
            .context("cannot decode the server's answer; does it have another version?")
    }
}

/// Duration in its largest unit.
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
    writeln!(
        out,
        "{} now contains {}",
        data.display(),
        ContentsSummary(contents)
    )?;
    if let Some(old) = old {
        writeln!(out, "the old history is {}", old.display())?;
    }
    Ok(())
}

/// Contents of a history as text.
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
    fn command_line_definition_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_all_have_an_environment_variable() {
        for argument in Cli::command().get_arguments() {
            let plain = ["help", "version"].contains(&argument.get_id().as_str());
            assert!(plain || argument.get_env().is_some(), "{}", argument.get_id());
        }
    }
}
