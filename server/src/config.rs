//! What the operator can set: one struct per concern, each flag also from the environment.
//!
//! [`Cli`](crate::cli::Cli) parses it, [`crate::app`] builds the server from it. A value that cannot work stops the start with a
//! message that names the flag.

mod origin;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser};
use ipnet::IpNet;

pub use origin::{Origin, OriginError, is_loopback};

use crate::auth::AuthConfig;
use crate::http::serve::parse_network;
use crate::log::Log;

/// Everything that the server needs to know.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Where it listens.
    #[command(flatten)]
    pub listen: Listen,
    /// Page that it serves.
    #[command(flatten)]
    pub page: Page,
    /// Where messages are kept.
    #[command(flatten)]
    pub store: Store,
    /// Who may come in.
    #[command(flatten)]
    pub access: AuthConfig,
    /// What one person may do.
    #[command(flatten)]
    pub chat: ChatLimits,
    /// What one connection may do.
    #[command(flatten)]
    pub sockets: SocketLimits,
    /// What it says about itself.
    #[command(flatten)]
    pub log: Log,
}

impl Config {
    /// Configuration of these arguments, as after the program's name; for tests and for embedding.
    ///
    /// # Errors
    /// What clap says about the first argument that is wrong.
    pub fn from_args<'a>(args: impl IntoIterator<Item = &'a str>) -> Result<Self, clap::Error> {
        /// The flags alone, without the commands of the operator.
        #[derive(Parser)]
        struct Flags {
            #[command(flatten)]
            config: Config,
        }
        let mut command = without_empty_variables(Flags::command());
        let args = std::iter::once("pesan-server").chain(args);
        let flags = Flags::from_arg_matches_mut(&mut command.try_get_matches_from_mut(args)?)
            .map_err(|error| error.format(&mut command))?;
        flags
            .config
            .check()
            .map_err(|why| command.error(ErrorKind::ValueValidation, why))?;
        Ok(flags.config)
    }

    /// Checks settings that depend on each other.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_store(&self.store)?;
        check_limits(&self.chat, &self.sockets)
    }
}

/// Command in which an empty environment variable counts as unset.
pub(crate) fn without_empty_variables(command: clap::Command) -> clap::Command {
    let unset = |arg: Arg| {
        let variable = arg.get_env().and_then(std::env::var_os);
        if variable.is_some_and(|value| value.is_empty()) {
            arg.env(None)
        } else {
            arg
        }
    };
    command.mut_args(unset).mut_subcommands(without_empty_variables)
}

/// Addresses, certificate and origins.
#[derive(Debug, Clone, Args)]
pub struct Listen {
    /// Address to listen on, as host:port; port 0 takes a free one.
    #[arg(long, env = "PESAN_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:5000", value_parser = resolve)]
    pub listen: SocketAddr,
    /// Port to listen on, instead of the one in --listen.
    #[arg(long, env = "PORT", value_name = "PORT")]
    pub port: Option<u16>,
    /// Second address for /metrics alone, which then leaves the public one.
    #[arg(long, env = "PESAN_ADMIN_LISTEN", value_name = "HOST:PORT", value_parser = resolve)]
    pub admin_listen: Option<SocketAddr>,
    /// Certificate chain (PEM); with it the server speaks HTTPS.
    #[arg(long, env = "PESAN_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM).
    #[arg(long, env = "PESAN_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Pages of other origins that may connect, as https://host; repeat, or separate by commas; * for any.
    /// Without it, pages of the server's own host and of loopback addresses may, and whatever is not a browser.
    #[arg(long, env = "PESAN_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', value_parser = allowed_origin)]
    pub origin: Vec<AllowedOrigin>,
    /// Proxies, as addresses or networks, that are believed when X-Forwarded-For says for whom they speak; repeat, or
    /// separate by commas.
    #[arg(
        long,
        env = "PESAN_TRUSTED_PROXY",
        value_name = "NETWORK",
        value_delimiter = ',',
        value_parser = parse_network
    )]
    pub trusted_proxy: Vec<IpNet>,
    /// Seconds that connections have to end after SIGTERM or SIGINT.
    #[arg(long, env = "PESAN_DRAIN", value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub drain: u64,
}

impl Listen {
    /// Address with the port that counts.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let mut address = self.listen;
        if let Some(port) = self.port {
            address.set_port(port);
        }
        address
    }
}

/// Pages that may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// All, also those without an origin of their own.
    Any,
    /// Those of one origin.
    Origin(Origin),
}

fn allowed_origin(text: &str) -> Result<AllowedOrigin, String> {
    if text.trim() == "*" {
        return Ok(AllowedOrigin::Any);
    }
    text.parse()
        .map(AllowedOrigin::Origin)
        .map_err(|error| format!("{error}, or *"))
}

/// Reads `host:port`, where host may be a name.
fn resolve(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .map_err(|error| format!("not an address of the form host:port ({error})"))?
        .next()
        .ok_or_else(|| "the name has no address".to_owned())
}

/// Folder of the built page, and what the page may reach.
#[derive(Debug, Clone, Args)]
pub struct Page {
    /// Folder of the built page.
    #[arg(long, env = "PESAN_ASSETS", value_name = "DIR", default_value = "dist")]
    pub assets: PathBuf,
    /// Other servers that a link to the page may name as `?server=…`, as https://host or host; repeat, or separate by
    /// commas. The page names such a server and asks once. Without it, only its own server, and on this machine those
    /// of this machine.
    #[arg(long, env = "PESAN_ALLOW_SERVER", value_name = "HOST", value_delimiter = ',', value_parser = Origin::of_server)]
    pub allow_server: Vec<Origin>,
    /// Earlier spelling of --allow-server.
    #[arg(long, env = "PESAN_CONNECT_TO", value_name = "HOST", value_delimiter = ',', value_parser = Origin::of_server, hide = true)]
    pub connect_to: Vec<Origin>,
    /// What the server does anyway.
    #[arg(long, env = "PESAN_OWN_SERVER_ONLY", value_parser = clap::builder::BoolishValueParser::new(), hide = true)]
    pub own_server_only: bool,
}

impl Page {
    /// Servers besides its own that the page may use, each once.
    #[must_use]
    pub fn servers(&self) -> Vec<Origin> {
        let mut servers = Vec::new();
        for server in self.allow_server.iter().chain(&self.connect_to) {
            if !servers.contains(server) {
                servers.push(server.clone());
            }
        }
        servers
    }
}

/// Folder, and retention.
#[derive(Debug, Clone, Args)]
pub struct Store {
    /// Folder of the history; made when it is missing.
    #[arg(long, env = "PESAN_DATA", value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// Keeps messages in memory only, the newest 1,000 of a room (or --keep-messages).
    #[arg(long, env = "PESAN_EPHEMERAL", value_parser = clap::builder::BoolishValueParser::new())]
    pub ephemeral: bool,
    /// Redis or Valkey that the machines of one chat share, as redis://user:password@host:port; rediss: is TLS.
    /// Messages are kept there then, and --data holds the operator's socket only.
    #[arg(long, env = "PESAN_REDIS", value_name = "URL", hide_env_values = true)]
    pub redis: Option<String>,
    /// Beginning of all keys and channels in Redis; machines with the same one are one chat.
    #[arg(long, env = "PESAN_REDIS_PREFIX", value_name = "TEXT", default_value = "pesan", value_parser = prefix)]
    pub redis_prefix: String,
    /// Days that messages are kept; without it, for ever.
    #[arg(long, env = "PESAN_KEEP_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_days: Option<u32>,
    /// Messages that are kept of each room; without it, all.
    #[arg(long, env = "PESAN_KEEP_MESSAGES", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000))]
    pub keep_messages: Option<u64>,
    /// Bytes that the history may have: 10,000,000,000 in a file, 134,217,728 in memory. At the bound messages are
    /// refused; in memory the oldest ones go. Not for Redis, which has `maxmemory`.
    #[arg(long, env = "PESAN_MAX_STORE_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1_000_000..))]
    pub max_store_bytes: Option<u64>,
    /// Socket for `pesan-server admin`; by default `admin.sock` in --data.
    #[arg(long, env = "PESAN_ADMIN_SOCKET", value_name = "PATH")]
    pub admin_socket: Option<PathBuf>,
}

impl Store {
    /// Path of the operator's socket; none without a folder, unless it is named.
    #[must_use]
    pub fn admin_socket(&self) -> Option<PathBuf> {
        self.admin_socket
            .clone()
            .or_else(|| (!self.ephemeral).then(|| self.data.join("admin.sock")))
    }
}

/// Says which two settings exclude each other, if so.
fn check_store(store: &Store) -> Result<(), String> {
    if store.ephemeral && store.redis.is_some() {
        return Err(
            "--ephemeral keeps messages in memory and --redis in Redis; leave one of them out".to_owned(),
        );
    }
    if store.ephemeral && store.keep_days.is_some() {
        return Err(
            "--keep-days removes stored messages, and --ephemeral stores none; leave one of them out"
                .to_owned(),
        );
    }
    Ok(())
}

/// Reads the beginning of keys: a word that is also safe in patterns.
fn prefix(text: &str) -> Result<String, String> {
    let clean = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    if clean && (1..=64).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("not 1 to 64 of the characters a-z, A-Z, 0-9, '-', '_', '.' and ':'".to_owned())
    }
}

/// Limits of the chat.
#[derive(Debug, Clone, Copy, Args)]
pub struct ChatLimits {
    /// Longest text, in characters.
    #[arg(long, env = "PESAN_TEXT_CHARS", value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub text_chars: u32,
    /// Longest name of a person or a room, in characters.
    #[arg(long, env = "PESAN_NAME_CHARS", value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub name_chars: u32,
    /// Messages of one page of history.
    #[arg(long, env = "PESAN_PAGE_MESSAGES", value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub page_messages: u32,
    /// Messages a second that one person may send for long.
    #[arg(long, env = "PESAN_RATE", value_name = "N", default_value_t = 10.0, value_parser = positive)]
    pub rate: f64,
    /// Messages that one person may send at once.
    #[arg(long, env = "PESAN_BURST", value_name = "N", default_value_t = 100.0, value_parser = at_least_one)]
    pub burst: f64,
    /// Bytes that a message has on average; --rate and --burst count that many for each message, too.
    #[arg(long, env = "PESAN_MESSAGE_BYTES", value_name = "BYTES", default_value_t = 1000.0, value_parser = amount)]
    pub message_bytes: f64,
    /// Plain messages a second that one plain client may send, in place of --rate; 0 for no limit.
    #[arg(long, env = "PESAN_PLAIN_RATE", value_name = "N", value_parser = amount)]
    pub plain_rate: Option<f64>,
    /// People whose rates one address has, all its clients together; 0 for no limit. IPv6 addresses count by /64.
    #[arg(long, env = "PESAN_PEOPLE_PER_ADDRESS", value_name = "N", default_value_t = 10.0, value_parser = amount)]
    pub people_per_address: f64,
    /// Most open rooms; between two people ten times as many.
    #[arg(long, env = "PESAN_MAX_ROOMS", value_name = "N", default_value_t = 1000, value_parser = count::<1, 1_000_000>)]
    pub max_rooms: usize,
    /// Open rooms that one person may make in an hour; one address three times as many.
    #[arg(long, env = "PESAN_ROOMS_PER_HOUR", value_name = "N", default_value_t = 20.0, value_parser = amount)]
    pub rooms_per_hour: f64,
    /// Seconds after which an open room goes in which nobody is and nothing was said.
    #[arg(long, env = "PESAN_EMPTY_ROOM", value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub empty_room: u64,
    /// Days without a message after which a room makes way for a new one when there are too many; 0 for never.
    #[arg(long, env = "PESAN_IDLE_ROOM_DAYS", value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(..=36_500))]
    pub idle_room_days: u32,
}

/// Limits of connections.
#[derive(Debug, Clone, Copy, Args)]
pub struct SocketLimits {
    /// Most connections.
    #[arg(long, env = "PESAN_MAX_CONNECTIONS", value_name = "N", default_value_t = 20_000, value_parser = count::<1, 10_000_000>)]
    pub max_connections: usize,
    /// Most connections from one address, for IPv6 from one /64 network; 0 for no limit.
    #[arg(long, env = "PESAN_MAX_PER_ADDRESS", value_name = "N", default_value_t = 1000, value_parser = count::<0, 10_000_000>)]
    pub max_per_address: usize,
    /// Largest message of a client, in bytes.
    #[arg(long, env = "PESAN_MAX_PAYLOAD", value_name = "BYTES", default_value_t = 1_000_000, value_parser = count::<1024, 1_000_000_000>)]
    pub max_payload: usize,
    /// Most bytes held for all clients together: what waits to be sent to them, and what they sent that is not handled.
    /// Then those that hold the most are disconnected.
    #[arg(long, env = "PESAN_MAX_HELD_BYTES", value_name = "BYTES", default_value_t = 256 << 20, value_parser = count::<{ 16 << 20 }, 1_000_000_000_000>)]
    pub max_held_bytes: usize,
    /// Milliseconds between two pings.
    #[arg(long, env = "PESAN_PING_INTERVAL", value_name = "MS", default_value_t = 25_000, value_parser = clap::value_parser!(u64).range(100..=86_400_000))]
    pub ping_interval: u64,
    /// Milliseconds that a client has to answer a ping.
    #[arg(long, env = "PESAN_PING_TIMEOUT", value_name = "MS", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=86_400_000))]
    pub ping_timeout: u64,
}

/// Longest message over the wire for each character of a text: escaped, with room for names and ids.
const BYTES_OF_CHAR: usize = 6;
const BYTES_OF_MESSAGE: usize = 1024;

/// Says why a text of the longest kind could not be sent, if so.
fn check_limits(chat: &ChatLimits, sockets: &SocketLimits) -> Result<(), String> {
    let chars = usize::try_from(chat.text_chars).unwrap_or(usize::MAX);
    let least = chars.saturating_mul(BYTES_OF_CHAR) + BYTES_OF_MESSAGE;
    if sockets.max_payload < least {
        return Err(format!(
            "--max-payload {} is too small for texts of --text-chars {}: at least {least} is needed",
            sockets.max_payload, chat.text_chars
        ));
    }
    Ok(())
}

/// Largest number of messages a second that means anything.
const MOST: f64 = 1_000_000.0;

/// Reads a number from 0 on.
fn amount(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim().parse().map_err(|error| format!("{error}"))?;
    if (0.0..=MOST).contains(&number) {
        Ok(number)
    } else {
        Err(format!("not a number from 0 to {MOST}"))
    }
}

/// Reads a number above 0: with 0, nobody could ever send.
fn positive(text: &str) -> Result<f64, String> {
    match amount(text)? {
        number if number >= 0.001 => Ok(number),
        _ => Err(format!("not a number from 0.001 to {MOST}")),
    }
}

/// Reads a number from 1 on: one message must be possible.
fn at_least_one(text: &str) -> Result<f64, String> {
    match amount(text)? {
        number if number >= 1.0 => Ok(number),
        _ => Err(format!("not a number from 1 to {MOST}")),
    }
}

/// Reads a whole number from `LEAST` to `MOST`.
fn count<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number) if (LEAST..=MOST).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(format!("not a whole number from {LEAST} to {MOST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_overrides_the_port_of_listen() {
        let config =
            Config::from_args(["--listen", "127.0.0.1:5000", "--port", "0"]).expect("good arguments");
        assert_eq!(config.listen.address().to_string(), "127.0.0.1:0");
    }

    #[test]
    fn value_that_cannot_work_is_refused_with_flag_value_and_reason() {
        for (flag, value, reason) in [
            ("--drain", "18446744073709551615", "..=86400"),
            ("--ping-interval", "18446744073709551615", "100..="),
            ("--ping-timeout", "99", "100"),
            ("--rate", "nan", "from 0"),
            ("--rate", "-1", "from 0"),
            ("--rate", "0", "from 0.001"),
            ("--rate", "inf", "from 0"),
            ("--burst", "0", "from 1"),
            ("--burst", "", "empty string"),
            ("--plain-rate", "x", "invalid float"),
            ("--max-rooms", "0", "from 1"),
            ("--max-connections", "0", "from 1"),
            ("--max-connections", "99999999999", "to 10000000"),
            ("--max-per-address", "-1", "from 0"),
            ("--max-payload", "0", "from 1024"),
            ("--keep-days", "0", "1..="),
            ("--keep-days", "4000000", "36500"),
            ("--keep-messages", "0", "1..="),
            ("--log", "wran", "'wran' is no level"),
            ("--log", "info,pesan_server=verbose", "invalid"),
            ("--log", "", "no level"),
            ("--origin", "foo", "not an origin of the form https://host"),
            ("--origin", "https://a/path", "leave out '/path'"),
            ("--origin", "https://a,", "not an origin"),
            ("--connect-to", "x;script-src *", "is not a host"),
            ("--allow-server", "x;script-src *", "is not a host"),
            ("--allow-server", "ftp://a", "not http or https"),
            ("--redis-prefix", "", "not 1 to 64"),
            ("--redis-prefix", "a b*", "not 1 to 64"),
            ("--data", "", "required"),
            ("--admin-socket", "", "required"),
        ] {
            let error = Config::from_args([format!("{flag}={value}").as_str()]).expect_err(value);
            let text = error.to_string();
            assert!(
                text.contains(flag) && text.contains(reason),
                "{flag}={value}: {text}"
            );
            // a list is refused for the one value that is wrong
            let value = value.rsplit(',').next().unwrap_or_default();
            assert!(text.contains(value), "{flag}={value}: {text}");
        }
    }

    #[test]
    fn settings_that_exclude_each_other_are_refused() {
        for (args, reason) in [
            (vec!["--ephemeral", "--redis", "redis://a"], "--redis"),
            (vec!["--ephemeral", "--keep-days", "3"], "--keep-days"),
            (vec!["--max-payload", "2000"], "--text-chars 4000"),
        ] {
            let error = Config::from_args(args).expect_err(reason);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn a_wrong_address_is_named() {
        let error = Config::from_args(["--listen", "nowhere"]).expect_err("no port");
        assert!(error.to_string().contains("--listen"), "{error}");
    }
}
