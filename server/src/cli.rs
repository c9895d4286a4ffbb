//! Command line of the binary: serve, or talk to a running server.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::admin::AdminCommand;
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
