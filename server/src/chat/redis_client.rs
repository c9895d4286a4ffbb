//! Client of the Redis that the nodes of one chat share: address, keys, and connections that reconnect.
//!
//! The [history](super::history) and `name_registry` store their data with it. Broadcasts use the Redis adapter of
//! [`socketio`](crate::socketio) instead.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue, Pipeline, RedisError,
    RedisResult, ServerErrorKind,
};

use super::error::StoreError;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait for a response; longer than a blocking read of the feed.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause between two attempts to connect.
pub(super) const RETRY_DELAY: Duration = Duration::from_millis(250);

/// Client of a Redis, with a prefix for all keys; cheap to clone.
#[derive(Clone)]
pub struct RedisClient(Arc<Inner>);

struct Inner {
    client: Client,
    prefix: String,
    /// Connection for single queries; opened when it is needed.
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    connection: Option<MultiplexedConnection>,
    /// Time and error of the last failed attempt to open it.
    last_failure: Option<(Instant, StoreError)>,
}

impl fmt::Debug for RedisClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisClient({}, {})", self.address(), self.0.prefix)
    }
}

impl RedisClient {
    /// Client for an address; does not connect yet.
    ///
    /// # Errors
    /// When the address is invalid.
    pub fn new(url: &str, prefix: &str) -> Result<Self, String> {
        let client = Client::open(url).map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(Inner {
            client,
            prefix: prefix.to_owned(),
            shared: Mutex::default(),
        })))
    }

    /// Address without user and password.
    #[must_use]
    pub fn address(&self) -> String {
        match self.0.client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                format!("{host}:{port}")
            }
            other => other.to_string(),
        }
    }

    /// Full key for a name.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}:chat:{name}", self.0.prefix)
    }

    /// Opens a separate connection, for continuous reading or writing.
    pub(super) async fn open(&self) -> Result<MultiplexedConnection, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let opened = self
            .0
            .client
            .get_multiplexed_async_connection_with_config(&config);
        opened.await.map_err(|error| store_error(&error))
    }

    /// Runs a pipeline on the shared connection. If an open connection has failed, retries once with a new one.
    pub(super) async fn query<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        let reused = self.shared().connection.is_some();
        match self.query_once(pipeline).await {
            Err(StoreError::Unreachable(_)) if reused => self.query_once(pipeline).await,
            answer => answer,
        }
    }

    async fn query_once<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        let mut connection = self.connection().await?;
        let answer: RedisResult<T> = pipeline.query_async(&mut connection).await;
        answer.map_err(|error| {
            let error = store_error(&error);
            if matches!(error, StoreError::Unreachable(_)) {
                self.shared().connection = None;
            }
            error
        })
    }

    async fn connection(&self) -> Result<MultiplexedConnection, StoreError> {
        {
            let shared = self.shared();
            if let Some(connection) = &shared.connection {
                return Ok(connection.clone());
            }
            if let Some((at, error)) = &shared.last_failure
                && at.elapsed() < RETRY_DELAY
            {
                return Err(error.clone());
            }
        }
        // if two tasks open one at the same time, the second connection is kept
        let opened = self.open().await;
        let mut shared = self.shared();
        match opened {
            Ok(connection) => {
                shared.last_failure = None;
                shared.connection = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                shared.last_failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.0.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`StoreError`] for an error of Redis.
pub(super) fn store_error(error: &RedisError) -> StoreError {
    match (error.kind(), error.code()) {
        (_, Some("OOM")) => StoreError::Full,
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => StoreError::ReadOnly,
        // starting, and loading its data
        (ErrorKind::Io | ErrorKind::Server(ServerErrorKind::BusyLoading), _) => {
            StoreError::Unreachable(error.to_string())
        }
        _ => StoreError::Other(format!("redis: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_address_is_shown_without_password() {
        let client =
            RedisClient::new("redis://ana:rahasia@cache.example:6380/2", "pesan").expect("an address");
        assert_eq!(client.address(), "cache.example:6380");
        assert!(!format!("{client:?}").contains("rahasia"));
        assert_eq!(client.key("feed"), "pesan:chat:feed");
    }

    #[test]
    fn redis_address_invalid_is_refused() {
        assert!(RedisClient::new("http://cache.example", "pesan").is_err());
    }

    #[tokio::test]
    async fn redis_query_while_unreachable_fails_at_once() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let client =
            RedisClient::new(&format!("redis://{}", closed.expect("a port")), "pesan").expect("an address");
        for _ in 0..2 {
            let answer: Result<(), _> = client.query(redis::pipe().cmd("PING")).await;
            assert!(matches!(answer, Err(StoreError::Unreachable(_))), "{answer:?}");
        }
    }
}
