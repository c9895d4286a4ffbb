//! What the operator can set: one struct per concern, each flag also from the environment.
//!
//! `main` parses it, [`crate::state`] builds the server from it. A value that cannot work stops the start with a
//! message that names the flag.

mod limits;
mod listen;
mod page;
mod store;

use clap::{Args, Parser, Subcommand};

pub use limits::{ChatLimits, SocketLimits};
pub use listen::Listen;
pub use page::Page;
pub use store::Store;

use crate::access::AccessConfig;
use crate::admin::AdminCommand;
use crate::log::Log;

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
    pub access: AccessConfig,
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
        Cli::try_parse_from(std::iter::once("pesan-server").chain(args)).map(|cli| cli.config)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

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

    #[test]
    fn port_overrides_the_port_of_listen() {
        let config =
            Config::from_args(["--listen", "127.0.0.1:5000", "--port", "0"]).expect("good arguments");
        assert_eq!(config.listen.address().to_string(), "127.0.0.1:0");
    }

    #[test]
    fn a_value_that_cannot_work_is_named() {
        for (flag, value) in [
            ("--drain", "18446744073709551615"),
            ("--ping-interval", "18446744073709551615"),
            ("--ping-timeout", "99"),
            ("--rate", "nan"),
            ("--rate", "-1"),
            ("--burst", ""),
            ("--plain-rate", "x"),
        ] {
            let error = Config::from_args([format!("{flag}={value}").as_str()]).expect_err(value);
            assert!(error.to_string().contains(flag), "{error}");
        }
    }

    #[test]
    fn a_wrong_address_is_named() {
        let error = Config::from_args(["--listen", "nowhere"]).expect_err("no port");
        assert!(error.to_string().contains("--listen"), "{error}");
    }
}
