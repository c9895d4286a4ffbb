//! Where messages are kept, and for how long; and what connects the machines of one chat.

use std::path::PathBuf;

use clap::Args;

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
pub(super) fn check(store: &Store) -> Result<(), String> {
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
