//! Authentication: none, a shared secret, or one token per person.
//!
//! Secrets are read from files or the environment, never from the command line, and are neither logged nor part of a
//! URL. The connect middleware of [`crate::chat`] calls [`Authenticator::check`].

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use subtle::ConstantTimeEq;

use crate::chat::names::comparison_keys;

/// Files with secrets. The variable `PESAN_SECRET` is a shared secret, too.
#[derive(Debug, Clone, Default, Args)]
pub struct AuthConfig {
    /// File with the shared secret in its first line, which every client needs (or set `PESAN_SECRET`).
    #[arg(long, env = "PESAN_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// File with a line `name token` for each person who may connect.
    #[arg(
        long,
        env = "PESAN_TOKEN_FILE",
        value_name = "FILE",
        conflicts_with = "secret_file"
    )]
    pub token_file: Option<PathBuf>,
}

/// Minimum length of a shared secret.
const MIN_SECRET_BYTES: usize = 12;

/// Who may connect.
pub enum Authenticator {
    /// Everyone.
    Open,
    /// Clients that know the secret.
    Secret(String),
    /// Clients with a token, which identifies the person.
    Tokens(Vec<(String, String)>),
}

/// Does not print the secrets.
impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Secret(_) => "Secret(…)",
            Self::Tokens(_) => "Tokens(…)",
        })
    }
}

/// Identity of an authenticated client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Anyone, with a name of their choice.
    Anyone,
    /// The person with this name, which belongs to the token.
    Named(String),
}

/// Why the secrets could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        reason: String,
    },
    /// The file contains no secret.
    #[error("{0} contains no secret")]
    Empty(PathBuf),
    /// A name in the token file is invalid or too long.
    #[error("{path}, line {line}: '{name}' is not a name of 1 to {max} visible characters (--name-chars)")]
    Name {
        /// The file.
        path: PathBuf,
        /// Number of the line.
        line: usize,
        /// The invalid name.
        name: String,
        /// Maximum length of a name.
        max: u32,
    },
    /// Two lines of the token file have the same name, names that look alike, or the same token.
    #[error(
        "{path}, lines {first} and {line}: {what} '{name}' and '{other}' are the same or look the same; change one of them"
    )]
    Collision {
        /// The file.
        path: PathBuf,
        /// Number of the first line.
        first: usize,
        /// Number of the second line.
        line: usize,
        /// What collides: names, or the tokens of names.
        what: &'static str,
        /// Name of the first line.
        name: String,
        /// Name of the second line.
        other: String,
    },
    /// Both `PESAN_SECRET` and a file are given.
    #[error("both PESAN_SECRET and {0} are set; remove one of them")]
    Both(&'static str),
    /// The secret is short enough to be guessed.
    #[error(
        "the secret of {0} is {1} bytes long; the minimum is {MIN_SECRET_BYTES}; create one with `openssl rand -hex 16`"
    )]
    Weak(String, usize),
    /// A line is not of the form `name token`.
    #[error("{path}, line {line}: not of the form `name token`, with a token of at least 16 characters")]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line.
        line: usize,
    },
}

impl Authenticator {
    /// Reads the secrets; `secret` comes from the environment, `name_chars` is the maximum length of a name.
    ///
    /// # Errors
    /// When a file cannot be read, is empty, or has invalid lines.
    pub fn load(config: &AuthConfig, secret: Option<String>, name_chars: u32) -> Result<Self, AuthError> {
        let secret = secret.filter(|secret| !secret.is_empty());
        let file = match config {
            AuthConfig {
                token_file: Some(_), ..
            } => Some("--token-file"),
            AuthConfig {
                secret_file: Some(_), ..
            } => Some("--secret-file"),
            AuthConfig {
                secret_file: None,
                token_file: None,
            } => None,
        };
        if let (Some(flag), Some(_)) = (file, &secret) {
            return Err(AuthError::Both(flag));
        }
        if let Some(path) = &config.token_file {
            return tokens(path, &read(path)?, name_chars).map(Self::Tokens);
        }
        if let Some(path) = &config.secret_file {
            let text = read(path)?;
            return match text.lines().next().map(str::trim) {
                Some(secret) if !secret.is_empty() => check_strength(secret, &path.display().to_string()),
                Some(_) | None => Err(AuthError::Empty(path.clone())),
            };
        }
        secret.map_or(Ok(Self::Open), |secret| check_strength(&secret, "PESAN_SECRET"))
    }

    /// Identity for a token, if it is valid. Takes the same time wherever the tokens differ.
    #[must_use]
    pub fn check(&self, token: Option<&str>) -> Option<Identity> {
        let token = token.unwrap_or_default().as_bytes();
        match self {
            Self::Open => Some(Identity::Anyone),
            Self::Secret(secret) => bool::from(secret.as_bytes().ct_eq(token)).then_some(Identity::Anyone),
            Self::Tokens(people) => {
                // no early return: the time must not reveal which line matches
                let mut found = None;
                for (name, known) in people {
                    if bool::from(known.as_bytes().ct_eq(token)) {
                        found = Some(Identity::Named(name.clone()));
                    }
                }
                found
            }
        }
    }
}

fn check_strength(secret: &str, source: &str) -> Result<Authenticator, AuthError> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(AuthError::Weak(source.to_owned(), secret.len()));
    }
    Ok(Authenticator::Secret(secret.to_owned()))
}

fn read(path: &Path) -> Result<String, AuthError> {
    std::fs::read_to_string(path).map_err(|error| AuthError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn tokens(path: &Path, text: &str, name_chars: u32) -> Result<Vec<(String, String)>, AuthError> {
    let mut people: Vec<(String, String)> = Vec::new();
    // by part of the comparison key and by token: first line and name
    let mut seen: HashMap<(&str, String), (usize, String)> = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, token)) = line
            .rsplit_once(char::is_whitespace)
            .filter(|(_, token)| token.len() >= 16)
        else {
            return Err(AuthError::Line {
                path: path.to_owned(),
                line: number,
            });
        };
        let name = name.trim();
        let Some(keys) = comparison_keys(name, name_chars) else {
            return Err(AuthError::Name {
                path: path.to_owned(),
                line: number,
                name: name.to_owned(),
                max: name_chars,
            });
        };
        let names = keys.into_iter().map(|key| ("names", key));
        for part in names.chain([("the tokens of", token.to_owned())]) {
            let what = part.0;
            if let Some((first, earlier)) = seen.insert(part, (number, name.to_owned())) {
                return Err(AuthError::Collision {
                    path: path.to_owned(),
                    first,
                    line: number,
                    what,
                    name: earlier,
                    other: name.to_owned(),
                });
            }
        }
        people.push((name.to_owned(), token.to_owned()));
    }
    if people.is_empty() {
        return Err(AuthError::Empty(path.to_owned()));
    }
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authentication_without_secret_admits_everyone() {
        let authenticator = Authenticator::load(&AuthConfig::default(), None, 32).expect("nothing to read");
        assert_eq!(authenticator.check(None), Some(Identity::Anyone));
    }

    #[test]
    fn shared_secret_wrong_or_missing_is_refused() {
        let authenticator = Authenticator::load(&AuthConfig::default(), Some("sesame, open".into()), 32)
            .expect("nothing to read");
        assert_eq!(authenticator.check(Some("sesame, open")), Some(Identity::Anyone));
        assert_eq!(authenticator.check(Some("sesam")), None);
        assert_eq!(authenticator.check(None), None);
        assert!(!format!("{authenticator:?}").contains("sesame"));
    }

    #[test]
    fn shared_secret_too_short_is_refused() {
        let error =
            Authenticator::load(&AuthConfig::default(), Some("sesame".into()), 32).expect_err("too short");
        assert!(
            error
                .to_string()
                .starts_with("the secret of PESAN_SECRET is 6 bytes"),
            "{error}"
        );
    }

    #[test]
    fn token_valid_identifies_the_person() {
        let path = Path::new("tokens");
        let people = tokens(path, "# people\nSiti Aminah  0123456789abcdef\n", 32).expect("one line");
        let authenticator = Authenticator::Tokens(people);
        assert_eq!(
            authenticator.check(Some("0123456789abcdef")),
            Some(Identity::Named("Siti Aminah".into()))
        );
        assert_eq!(authenticator.check(Some("0123456789abcdeF")), None);
    }

    #[test]
    fn token_too_short_is_refused_with_its_line() {
        let error = tokens(Path::new("tokens"), "\nBudi short\n", 32).expect_err("too short");
        assert!(error.to_string().starts_with("tokens, line 2"), "{error}");
    }

    #[test]
    fn token_lines_that_collide_are_refused_with_both_lines() {
        for (text, words) in [
            (
                "Budi 0123456789abcdef\nBUDI 1123456789abcdef",
                "lines 1 and 2: names 'Budi' and 'BUDI'",
            ),
            (
                "Budi 0123456789abcdef\n\nB\u{443}di 1123456789abcdef\nBydi 2123456789abcdef",
                "lines 3 and 4",
            ),
            (
                "Budi 0123456789abcdef\nAna 0123456789abcdef",
                "the tokens of 'Budi' and 'Ana'",
            ),
            (
                "Budi 0123456789abcdef\n\u{200b} 1123456789abcdef",
                "line 2: '\u{200b}' is not a name",
            ),
        ] {
            let error = tokens(Path::new("tokens"), text, 32)
                .expect_err(words)
                .to_string();
            assert!(
                error.starts_with("tokens, line") && error.contains(words),
                "{error}"
            );
            assert!(!error.contains("23456789abcdef"), "no token in {error}");
        }
        let long = format!("{} 0123456789abcdef", "a".repeat(33));
        let error = tokens(Path::new("tokens"), &long, 32).expect_err("too long");
        assert!(error.to_string().contains("1 to 32"), "{error}");
    }

    #[test]
    fn secret_in_environment_and_file_is_refused() {
        let config = AuthConfig {
            secret_file: None,
            token_file: Some("tokens".into()),
        };
        let error =
            Authenticator::load(&config, Some("sesame".into()), 32).expect_err("two answers to one question");
        assert!(error.to_string().contains("--token-file"), "{error}");
    }
}
