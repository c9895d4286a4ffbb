//! Who may come in: everyone, those who know the shared secret, or those with a token of their own.
//!
//! The secrets come from files or the environment, never from the command line, and are neither logged nor part of
//! a URL. [`crate::chat`] asks [`Access::check`] in its connect middleware.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use subtle::ConstantTimeEq;

/// Where the secrets are. `PESAN_SECRET` in the environment is a shared secret, too.
#[derive(Debug, Clone, Default, Args)]
pub struct AccessConfig {
    /// File whose first line is the secret that everyone needs to come in (or `PESAN_SECRET`).
    #[arg(long, env = "PESAN_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// File with a line `name token` for each person who may come in.
    #[arg(
        long,
        env = "PESAN_TOKEN_FILE",
        value_name = "FILE",
        conflicts_with = "secret_file"
    )]
    pub token_file: Option<PathBuf>,
}

/// Who may come in.
pub enum Access {
    /// Everyone.
    Open,
    /// Who knows the secret.
    Secret(String),
    /// Who has a token; it says who they are.
    Tokens(Vec<(String, String)>),
}

/// Does not show the secrets.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Secret(_) => "Secret(…)",
            Self::Tokens(_) => "Tokens(…)",
        })
    }
}

/// Someone who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// Under the name of their choice.
    Anyone,
    /// Under the name that belongs to the token.
    Named(String),
}

/// Why the secrets could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file has nothing in it.
    #[error("{0} has no secret in it")]
    Empty(PathBuf),
    /// A line is not of the form `name token`.
    #[error("{path}, line {line}: not of the form `name token`, with a token of at least 16 characters")]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line.
        line: usize,
    },
}

impl Access {
    /// Reads the secrets; `secret` is what the environment has.
    ///
    /// # Errors
    /// When a file cannot be read or has nothing in it.
    pub fn load(config: &AccessConfig, secret: Option<String>) -> Result<Self, AccessError> {
        if let Some(path) = &config.token_file {
            return tokens(path, &read(path)?).map(Self::Tokens);
        }
        if let Some(path) = &config.secret_file {
            let text = read(path)?;
            return match text.lines().next().map(str::trim) {
                Some(secret) if !secret.is_empty() => Ok(Self::Secret(secret.to_owned())),
                Some(_) | None => Err(AccessError::Empty(path.clone())),
            };
        }
        Ok(secret
            .filter(|secret| !secret.is_empty())
            .map_or(Self::Open, Self::Secret))
    }

    /// Who comes with this token, if they may. Takes equally long wherever the difference is.
    #[must_use]
    pub fn check(&self, token: Option<&str>) -> Option<Admitted> {
        let token = token.unwrap_or_default().as_bytes();
        match self {
            Self::Open => Some(Admitted::Anyone),
            Self::Secret(secret) => bool::from(secret.as_bytes().ct_eq(token)).then_some(Admitted::Anyone),
            Self::Tokens(people) => {
                // no early end: the time must not tell which line fits
                let mut found = None;
                for (name, known) in people {
                    if bool::from(known.as_bytes().ct_eq(token)) {
                        found = Some(Admitted::Named(name.clone()));
                    }
                }
                found
            }
        }
    }
}

fn read(path: &Path) -> Result<String, AccessError> {
    std::fs::read_to_string(path).map_err(|error| AccessError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn tokens(path: &Path, text: &str) -> Result<Vec<(String, String)>, AccessError> {
    let mut people = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.rsplit_once(char::is_whitespace) {
            Some((name, token)) if token.len() >= 16 => {
                people.push((name.trim().to_owned(), token.to_owned()));
            }
            Some(_) | None => {
                return Err(AccessError::Line {
                    path: path.to_owned(),
                    line: index + 1,
                });
            }
        }
    }
    if people.is_empty() {
        return Err(AccessError::Empty(path.to_owned()));
    }
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_secret_everyone_comes_in() {
        let access = Access::load(&AccessConfig::default(), None).expect("nothing to read");
        assert_eq!(access.check(None), Some(Admitted::Anyone));
    }

    #[test]
    fn the_secret_must_be_right() {
        let access = Access::load(&AccessConfig::default(), Some("sesame".into())).expect("nothing to read");
        assert_eq!(access.check(Some("sesame")), Some(Admitted::Anyone));
        assert_eq!(access.check(Some("sesam")), None);
        assert_eq!(access.check(None), None);
        assert!(!format!("{access:?}").contains("sesame"));
    }

    #[test]
    fn a_token_says_who_comes() {
        let path = Path::new("tokens");
        let people = tokens(path, "# people\nSiti Aminah  0123456789abcdef\n").expect("one line");
        let access = Access::Tokens(people);
        assert_eq!(
            access.check(Some("0123456789abcdef")),
            Some(Admitted::Named("Siti Aminah".into()))
        );
        assert_eq!(access.check(Some("0123456789abcdeF")), None);
    }

    #[test]
    fn a_weak_token_stops_the_start_with_its_line() {
        let error = tokens(Path::new("tokens"), "\nBudi short\n").expect_err("too short");
        assert!(error.to_string().starts_with("tokens, line 2"), "{error}");
    }
}
