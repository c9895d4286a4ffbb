//! What the operator can set: one struct per concern, each flag also from the environment.
//!
//! [`Cli`](crate::cli::Cli) parses it, [`crate::app`] builds the server from it. A value that cannot work stops the start with a
//! message that names the flag.

mod limits;
mod listen;
mod origin;
mod page;
mod store;

use clap::error::ErrorKind;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser};

pub use limits::{ChatLimits, SocketLimits};
pub use listen::{AllowedOrigin, Listen};
pub use origin::{Origin, OriginError, is_loopback};
pub use page::Page;
pub use store::Store;

use crate::auth::AuthConfig;
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
        store::check(&self.store)?;
        limits::check(&self.chat, &self.sockets)
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
