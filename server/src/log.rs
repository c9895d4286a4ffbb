//! What the server says about itself: one line an event, as text or JSON, on standard error.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// How much is logged, and how it looks.
#[derive(Debug, Clone, Args)]
pub struct Log {
    /// What is logged: error, warn, info, debug or trace, or a filter like `info,pesan_server::http=debug`.
    #[arg(long, env = "PESAN_LOG", value_name = "FILTER", default_value = "info", value_parser = filter)]
    pub log: String,
    /// How a line looks.
    #[arg(long, env = "PESAN_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: Format,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Starts the log; the first caller in a process wins.
///
/// # Errors
/// When the filter cannot be read.
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
        tracing::debug!("the log was started before");
    }
    Ok(())
}

/// Reads a filter. A word alone must be a level: `wran` would be taken for the name of a module.
fn filter(text: &str) -> Result<String, String> {
    let levels = "error, warn, info, debug, trace or off";
    if text.trim().is_empty() {
        return Err(format!("names no level: {levels}"));
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
                "'{word}' is no level: {levels}; a module is named with its level, as pesan_server::http=debug"
            ));
        }
    }
    Ok(text.to_owned())
}
