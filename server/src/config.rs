//! Configuration: one struct per concern; every flag can also be set by an environment variable.
//!
//! [`Cli`](crate::cli::Cli) parses it, [`crate::app`] builds the server from it. An invalid value stops the start with a
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

/// Configuration of the server.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Listening addresses, certificate, origins and proxies.
    #[command(flatten)]
    pub listen: Listen,
    /// Page to serve.
    #[command(flatten)]
    pub page: Page,
    /// Storage of messages.
    #[command(flatten)]
    pub store: Store,
    /// Authentication.
    #[command(flatten)]
    pub access: AuthConfig,
    /// Limits of the chat.
    #[command(flatten)]
    pub chat: ChatLimits,
    /// Limits of connections.
    #[command(flatten)]
    pub sockets: SocketLimits,
    /// Logging.
    #[command(flatten)]
    pub log: Log,
}

impl Config {
    /// Parses arguments without the program's name; for tests and for embedding.
    ///
    /// # Errors
    /// Clap's message for the first invalid argument.
    pub fn from_args<'a>(args: impl IntoIterator<Item = &'a str>) -> Result<Self, clap::Error> {
        /// Only the flags, without the `admin` command.
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

/// Makes empty environment variables count as unset.
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

/// Listening addresses, certificate, origins and proxies.
#[derive(Debug, Clone, Args)]
pub struct Listen {
    /// Address to listen on, as host:port; port 0 takes a free one.
    #[arg(long, env = "PESAN_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:5000", value_parser = parse_address)]
    pub listen: SocketAddr,
    /// Port to listen on, instead of the one in --listen.
    #[arg(long, env = "PORT", value_name = "PORT")]
    pub port: Option<u16>,
    /// Separate address for /metrics, which is then no longer served on the public one.
    #[arg(long, env = "PESAN_ADMIN_LISTEN", value_name = "HOST:PORT", value_parser = parse_address)]
    pub admin_listen: Option<SocketAddr>,
    /// Certificate chain (PEM); enables HTTPS.
    #[arg(long, env = "PESAN_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM).
    #[arg(long, env = "PESAN_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Origins whose pages may connect, as https://host; repeat, or separate by commas; * for any. Without it, pages of
    /// the server's own host and of loopback addresses may connect. Clients other than browsers may always connect.
    #[arg(long, env = "PESAN_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', value_parser = allowed_origin)]
    pub origin: Vec<AllowedOrigin>,
    /// Trusted proxies, as addresses or networks: their X-Forwarded-For header gives the client address; repeat, or
    /// separate by commas.
    #[arg(
        long,
        env = "PESAN_TRUSTED_PROXY",
        value_name = "NETWORK",
        value_delimiter = ',',
        value_parser = parse_network
    )]
    pub trusted_proxy: Vec<IpNet>,
    /// Seconds to wait for connections to end after SIGTERM or SIGINT.
    #[arg(long, env = "PESAN_DRAIN", value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub drain: u64,
}

impl Listen {
    /// Address to listen on, with `--port` applied.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let mut address = self.listen;
        if let Some(port) = self.port {
            address.set_port(port);
        }
        address
    }
}

/// Origin whose pages may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// Any origin, including opaque ones.
    Any,
    /// One origin.
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

/// Parses `host:port`; resolves a host name.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .map_err(|error| format!("not an address of the form host:port ({error})"))?
        .next()
        .ok_or_else(|| "the host name has no address".to_owned())
}

/// Built page, and the servers that it may use.
#[derive(Debug, Clone, Args)]
pub struct Page {
    /// Folder of the built page.
    #[arg(long, env = "PESAN_ASSETS", value_name = "DIR", default_value = "dist")]
    pub assets: PathBuf,
    /// Other servers that links to the page may select with `?server=…`, as https://host or host; repeat, or separate by
    /// commas. The page shows the name of such a server and asks once. Without it, the page uses its own server only; on
    /// a loopback address, also other servers on loopback.
    #[arg(long, env = "PESAN_ALLOW_SERVER", value_name = "HOST", value_delimiter = ',', value_parser = Origin::of_server)]
    pub allow_server: Vec<Origin>,
    /// Earlier spelling of --allow-server.
    #[arg(long, env = "PESAN_CONNECT_TO", value_name = "HOST", value_delimiter = ',', value_parser = Origin::of_server, hide = true)]
    pub connect_to: Vec<Origin>,
    /// No effect; the default behaviour.
    #[arg(long, env = "PESAN_OWN_SERVER_ONLY", value_parser = clap::builder::BoolishValueParser::new(), hide = true)]
    pub own_server_only: bool,
}

impl Page {
    /// Servers other than its own that the page may use, without duplicates.
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

/// Storage and retention of messages.
#[derive(Debug, Clone, Args)]
pub struct Store {
    /// Folder of the history; created if missing.
    #[arg(long, env = "PESAN_DATA", value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// Stores messages in memory only: the newest 1,000 of each room (or --keep-messages).
    #[arg(long, env = "PESAN_EPHEMERAL", value_parser = clap::builder::BoolishValueParser::new())]
    pub ephemeral: bool,
    /// Redis or Valkey shared by the servers of one chat, as redis://user:password@host:port; rediss:// for TLS. Messages
    /// are stored there; --data then contains the operator's socket only.
    #[arg(long, env = "PESAN_REDIS", value_name = "URL", hide_env_values = true)]
    pub redis: Option<String>,
    /// Prefix of all keys and channels in Redis; servers with the same prefix form one chat.
    #[arg(long, env = "PESAN_REDIS_PREFIX", value_name = "TEXT", default_value = "pesan", value_parser = prefix)]
    pub redis_prefix: String,
    /// Days after which messages are removed; without it, never.
    #[arg(long, env = "PESAN_KEEP_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_days: Option<u32>,
    /// Maximum number of messages in each room, the oldest are removed; without it, unlimited.
    #[arg(long, env = "PESAN_KEEP_MESSAGES", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000))]
    pub keep_messages: Option<u64>,
    /// Maximum size of the history in bytes; defaults to 10,000,000,000 in a file and 134,217,728 in memory. At the limit,
    /// new messages are refused; in memory, the oldest are removed. Not for Redis, which has `maxmemory`.
    #[arg(long, env = "PESAN_MAX_STORE_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1_000_000..))]
    pub max_store_bytes: Option<u64>,
    /// Socket for `pesan-server admin`; defaults to `admin.sock` in --data.
    #[arg(long, env = "PESAN_ADMIN_SOCKET", value_name = "PATH")]
    pub admin_socket: Option<PathBuf>,
}

impl Store {
    /// Path of the operator's socket; with --ephemeral only if it is set.
    #[must_use]
    pub fn admin_socket(&self) -> Option<PathBuf> {
        self.admin_socket
            .clone()
            .or_else(|| (!self.ephemeral).then(|| self.data.join("admin.sock")))
    }
}

/// Checks for storage settings that exclude each other.
fn check_store(store: &Store) -> Result<(), String> {
    if store.ephemeral && store.redis.is_some() {
        return Err("--ephemeral stores messages in memory, --redis in Redis; remove one of them".to_owned());
    }
    if store.ephemeral && store.keep_days.is_some() {
        return Err(
            "--keep-days needs a stored history, --ephemeral stores none; remove one of them".to_owned(),
        );
    }
    Ok(())
}

/// Parses a key prefix: characters that have no special meaning in Redis patterns.
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
    /// Maximum length of a message, in characters.
    #[arg(long, env = "PESAN_TEXT_CHARS", value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub text_chars: u32,
    /// Maximum length of a person's or room's name, in characters.
    #[arg(long, env = "PESAN_NAME_CHARS", value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub name_chars: u32,
    /// Messages in one page of history.
    #[arg(long, env = "PESAN_PAGE_MESSAGES", value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub page_messages: u32,
    /// Messages per second that one person may send continuously.
    #[arg(long, env = "PESAN_RATE", value_name = "N", default_value_t = 10.0, value_parser = positive)]
    pub rate: f64,
    /// Messages that one person may send at once.
    #[arg(long, env = "PESAN_BURST", value_name = "N", default_value_t = 100.0, value_parser = at_least_one)]
    pub burst: f64,
    /// Average size of a message in bytes; --rate and --burst also limit the bytes, at this many per message.
    #[arg(long, env = "PESAN_MESSAGE_BYTES", value_name = "BYTES", default_value_t = 1000.0, value_parser = amount)]
    pub message_bytes: f64,
    /// Messages per second that one plain client may send, instead of --rate; 0 for no limit.
    #[arg(long, env = "PESAN_PLAIN_RATE", value_name = "N", value_parser = amount)]
    pub plain_rate: Option<f64>,
    /// Rate limit of one address, as a multiple of one person's; 0 for no limit. IPv6 addresses count by /64.
    #[arg(long, env = "PESAN_PEOPLE_PER_ADDRESS", value_name = "N", default_value_t = 10.0, value_parser = amount)]
    pub people_per_address: f64,
    /// Maximum number of open rooms; for direct rooms ten times as many.
    #[arg(long, env = "PESAN_MAX_ROOMS", value_name = "N", default_value_t = 1000, value_parser = count::<1, 1_000_000>)]
    pub max_rooms: usize,
    /// Open rooms that one person may create per hour; one address three times as many.
    #[arg(long, env = "PESAN_ROOMS_PER_HOUR", value_name = "N", default_value_t = 20.0, value_parser = amount)]
    pub rooms_per_hour: f64,
    /// Seconds after which an open room without people and messages is removed.
    #[arg(long, env = "PESAN_EMPTY_ROOM", value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub empty_room: u64,
    /// Days without a message after which a room may be removed to make room for a new one at --max-rooms; 0 for never.
    #[arg(long, env = "PESAN_IDLE_ROOM_DAYS", value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(..=36_500))]
    pub idle_room_days: u32,
}

/// Limits of connections.
#[derive(Debug, Clone, Copy, Args)]
pub struct SocketLimits {
    /// Maximum number of connections.
    #[arg(long, env = "PESAN_MAX_CONNECTIONS", value_name = "N", default_value_t = 20_000, value_parser = count::<1, 10_000_000>)]
    pub max_connections: usize,
    /// Maximum number of connections from one address, or from one IPv6 /64 network; 0 for no limit.
    #[arg(long, env = "PESAN_MAX_PER_ADDRESS", value_name = "N", default_value_t = 1000, value_parser = count::<0, 10_000_000>)]
    pub max_per_address: usize,
    /// Maximum size of a client's message, in bytes.
    #[arg(long, env = "PESAN_MAX_PAYLOAD", value_name = "BYTES", default_value_t = 1_000_000, value_parser = count::<1024, 1_000_000_000>)]
    pub max_payload: usize,
    /// Maximum number of bytes buffered for all clients together, for sending and for handling. Above it, the clients with
    /// the most buffered bytes are disconnected.
    #[arg(long, env = "PESAN_MAX_HELD_BYTES", value_name = "BYTES", default_value_t = 256 << 20, value_parser = count::<{ 16 << 20 }, 1_000_000_000_000>)]
    pub max_held_bytes: usize,
    /// Milliseconds between two pings.
    #[arg(long, env = "PESAN_PING_INTERVAL", value_name = "MS", default_value_t = 25_000, value_parser = clap::value_parser!(u64).range(100..=86_400_000))]
    pub ping_interval: u64,
    /// Milliseconds within which a client must answer a ping.
    #[arg(long, env = "PESAN_PING_TIMEOUT", value_name = "MS", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=86_400_000))]
    pub ping_timeout: u64,
}

/// Maximum bytes on the wire for each character of a text, when escaped; and for names and ids.
const BYTES_OF_CHAR: usize = 6;
const BYTES_OF_MESSAGE: usize = 1024;

/// Checks that the longest text fits into the largest payload.
fn check_limits(chat: &ChatLimits, sockets: &SocketLimits) -> Result<(), String> {
    let chars = usize::try_from(chat.text_chars).unwrap_or(usize::MAX);
    let least = chars.saturating_mul(BYTES_OF_CHAR) + BYTES_OF_MESSAGE;
    if sockets.max_payload < least {
        return Err(format!(
            "--max-payload {} is too small for --text-chars {}: the minimum is {least}",
            sockets.max_payload, chat.text_chars
        ));
    }
    Ok(())
}

/// Largest accepted rate.
const MAX_RATE: f64 = 1_000_000.0;

/// Parses a number of at least 0.
fn amount(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim().parse().map_err(|error| format!("{error}"))?;
    if (0.0..=MAX_RATE).contains(&number) {
        Ok(number)
    } else {
        Err(format!("not a number from 0 to {MAX_RATE}"))
    }
}

/// Parses a number above 0: with 0, nobody could send.
fn positive(text: &str) -> Result<f64, String> {
    match amount(text)? {
        number if number >= 0.001 => Ok(number),
        _ => Err(format!("not a number from 0.001 to {MAX_RATE}")),
    }
}

/// Parses a number of at least 1: one message must be possible.
fn at_least_one(text: &str) -> Result<f64, String> {
    match amount(text)? {
        number if number >= 1.0 => Ok(number),
        _ => Err(format!("not a number from 1 to {MAX_RATE}")),
    }
}

/// Parses an integer from `MIN` to `MAX`.
fn count<const MIN: usize, const MAX: usize>(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number) if (MIN..=MAX).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(format!("not a whole number from {MIN} to {MAX}")),
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
            ("--log", "wran", "'wran' is not a level"),
            ("--log", "info,pesan_server=verbose", "invalid"),
            ("--log", "", "no level"),
            ("--origin", "foo", "not an origin of the form https://host"),
            ("--origin", "https://a/path", "remove '/path'"),
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
    fn listen_address_invalid_is_refused_with_its_flag() {
        let error = Config::from_args(["--listen", "nowhere"]).expect_err("no port");
        assert!(error.to_string().contains("--listen"), "{error}");
    }
}
