//! State of the connection, and the credentials of this browser.

use leptos::prelude::*;

use super::preferences::{DisplayPreferences, use_preferences};
use crate::chat::connection_state::ConnectionState;
use crate::protocol::{Auth, VERSION};
use crate::services::server_target::{self, ServerTarget};
use crate::services::{clock, storage};

const KEY_KEY: &str = "pesan.key";
const TOKEN_KEY: &str = "pesan.token";

/// State of the connection; copy it into closures.
#[derive(Clone, Copy)]
pub struct Connection {
    /// State of the connection.
    pub state: RwSignal<ConnectionState>,
    /// Whether a token was sent since the last successful connection.
    pub token_sent: RwSignal<bool>,
    /// Secret that makes this browser the same person on each visit.
    key: StoredValue<String>,
    preferences: DisplayPreferences,
    /// Host of the server when it is not the page's own.
    pub foreign_host: StoredValue<Option<String>>,
}

impl Connection {
    /// Takes a new state of the connection.
    pub fn set(self, state: ConnectionState) {
        if state == ConnectionState::Connected {
            self.token_sent.set(false);
        }
        self.state.set(state);
    }

    /// Whether a token is stored.
    #[must_use]
    pub fn has_token(self) -> bool {
        self.stored_token().is_some()
    }

    fn stored_token(self) -> Option<String> {
        storage::get(&storage::for_server(TOKEN_KEY)).filter(|token| !token.is_empty())
    }

    /// Forgets the token.
    pub fn forget_token(self) {
        storage::set(&storage::for_server(TOKEN_KEY), None);
        self.token_sent.set(false);
    }

    /// Stores the token for the next connection.
    pub fn set_token(self, token: &str) {
        storage::set(&storage::for_server(TOKEN_KEY), Some(token.trim()));
        self.token_sent.set(true);
    }

    /// Whether the page may connect without asking the person.
    #[must_use]
    pub fn may_connect(self) -> bool {
        self.state.with_untracked(|state| {
            !matches!(
                state,
                ConnectionState::ConsentNeeded { .. }
                    | ConnectionState::ServerForbidden { .. }
                    | ConnectionState::InvalidAddress { .. }
            )
        })
    }

    /// Credentials of this browser, under a wished name.
    #[must_use]
    pub fn auth(self, name: Option<String>) -> Auth {
        Auth {
            pesan: VERSION,
            key: self.key.get_value(),
            name,
            token: self.stored_token(),
            presence_batches: true,
            language: Some(untrack(|| self.preferences.language()).tag().to_owned()),
        }
    }
}

/// Provides the state of the connection.
pub fn provide_connection() -> Connection {
    let stored = storage::for_server(KEY_KEY);
    let key = storage::get(&stored).unwrap_or_else(|| {
        let key = format!("{}{}", clock::random_id(), clock::random_id());
        storage::set(&stored, Some(&key));
        key
    });
    let (state, foreign_host) = match server_target::resolve() {
        ServerTarget::Own => (ConnectionState::Connecting, None),
        ServerTarget::Foreign {
            host,
            needs_consent: false,
        } => (ConnectionState::Connecting, Some(host)),
        ServerTarget::Foreign {
            host,
            needs_consent: true,
        } => (ConnectionState::ConsentNeeded { host: host.clone() }, Some(host)),
        ServerTarget::Forbidden { host } => (ConnectionState::ServerForbidden { host }, None),
        ServerTarget::Invalid { address } => (ConnectionState::InvalidAddress { address }, None),
    };
    let connection = Connection {
        state: RwSignal::new(state),
        foreign_host: StoredValue::new(foreign_host),
        token_sent: RwSignal::new(false),
        key: StoredValue::new(key),
        preferences: use_preferences(),
    };
    provide_context(connection);
    connection
}

/// State of the connection.
///
/// # Panics
/// Outside of the page's `App`, which provides it.
#[must_use]
pub fn use_connection() -> Connection {
    expect_context()
}
