//! Logging to standard error, one line per event, as text or JSON; and a rate limit for log lines.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// Level and format of the log.
#[derive(Debug, Clone, Args)]
pub struct Log {
    /// Log level: error, warn, info, debug or trace; or a filter such as `info,pesan_server::http=debug`.
    #[arg(long, env = "PESAN_LOG", value_name = "FILTER", default_value = "info", value_parser = filter)]
    pub log: String,
    /// Format of a log line.
    #[arg(long, env = "PESAN_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: Format,
}

/// Format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Initializes logging; only the first call in a process has an effect.
///
/// # Errors
/// When the filter is invalid.
pub fn init(config: &Log) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(&config.log)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match config.log_format {
        Format::Text => lines.with_target(false).try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging is initialized already");
    }
    Ok(())
}

/// Parses a filter. A single word must be a level; otherwise `wran` would be taken for a module.
fn filter(text: &str) -> Result<String, String> {
    let levels = "error, warn, info, debug, trace or off";
    if text.trim().is_empty() {
        return Err(format!("contains no level: {levels}"));
    }
    EnvFilter::builder()
        .parse(text)
        .map_err(|error| error.to_string())?;
    for word in text
        .split(',')
        .filter(|word| !word.contains(['=', '[', ']', '{', '}']))
    {
        if word.trim().parse::<LevelFilter>().is_err() {
            return Err(format!(
                "'{word}' is not a level: {levels}; a module needs a level, as in pesan_server::http=debug"
            ));
        }
    }
    Ok(text.to_owned())
}
