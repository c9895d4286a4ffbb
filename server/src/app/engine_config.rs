//! Settings of the engine from those of the operator.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{AllowedOrigin, Config, Origin, is_loopback};
use crate::engineio::{Cors, EngineConfig, EngineLimits, HandshakeRequest, Origins};

/// Settings of the engine.
pub(super) fn engine_config(config: &Config) -> EngineConfig {
    let sockets = &config.sockets;
    let allowed = AllowedOrigins::new(&config.listen.origin);
    let mut limits = EngineLimits {
        max_sessions: sockets.max_connections,
        max_held_bytes: sockets.max_held_bytes,
        ..EngineLimits::default()
    };
    limits.max_sessions_per_address = match sockets.max_per_address {
        0 => sockets.max_connections,
        most => most,
    };
    EngineConfig {
        ping_interval: Duration::from_millis(sockets.ping_interval),
        ping_timeout: Duration::from_millis(sockets.ping_timeout),
        max_payload: sockets.max_payload,
        // scripts of other origins may read the answers; whether they may connect is decided below
        cors: Some(Cors::default()),
        origins: Origins::Any,
        allow_request: Some(Arc::new(move |request: Arc<HandshakeRequest>| {
            let verdict = allowed.verdict(request.headers.get("origin"), request.headers.get("host"));
            Box::pin(std::future::ready(verdict))
        })),
        limits,
        ..EngineConfig::default()
    }
}

/// Pages that may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
enum AllowedOrigins {
    /// Those of the server's own host, and of this machine: what a developer has.
    OwnAndLoopback,
    /// All.
    Any,
    /// Those of the server's own host, and of these origins.
    Listed(Vec<Origin>),
}

impl AllowedOrigins {
    fn new(origins: &[AllowedOrigin]) -> Self {
        if origins.is_empty() {
            return Self::OwnAndLoopback;
        }
        let listed = origins.iter().map(|origin| match origin {
            AllowedOrigin::Any => None,
            AllowedOrigin::Origin(origin) => Some(origin.clone()),
        });
        listed.collect::<Option<_>>().map_or(Self::Any, Self::Listed)
    }

    fn verdict(&self, origin: Option<&str>, host: Option<&str>) -> Result<(), String> {
        // only browsers say where a request comes from, and only there it is a page's doing
        let Some(origin) = origin else { return Ok(()) };
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let own = authority
            .zip(host)
            .is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host));
        let allowed = own
            || match self {
                Self::Any => true,
                Self::OwnAndLoopback => authority.is_some_and(is_loopback),
                Self::Listed(list) => list.iter().any(|one| one.as_str().eq_ignore_ascii_case(origin)),
            };
        if allowed {
            Ok(())
        } else {
            Err("origin not allowed".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(list: &[&str], origin: &str) -> bool {
        let list = list.iter().flat_map(|one| ["--origin", one]);
        let config = Config::from_args(list).expect("good origins");
        AllowedOrigins::new(&config.listen.origin)
            .verdict(Some(origin), Some("chat.example"))
            .is_ok()
    }

    #[test]
    fn pages_of_other_origins_need_to_be_named() {
        assert!(allows(&[], "https://chat.example"));
        assert!(allows(&[], "http://localhost:5173"));
        assert!(allows(&[], "http://[::1]:3000"));
        assert!(!allows(&[], "https://evil.example"));
        assert!(!allows(&[], "http://localhost.evil.example"));
        assert!(!allows(&[], "null"));
        assert!(allows(&["https://a.example/"], "https://a.example"));
        assert!(allows(&["https://A.example:443"], "https://a.example"));
        assert!(!allows(&["https://a.example"], "http://localhost:5173"));
        assert!(allows(&["*"], "null"));
        assert!(allows(
            &["https://a.example, https://b.example"],
            "https://b.example"
        ));
    }

    #[test]
    fn whoever_is_no_browser_may_connect() {
        assert!(AllowedOrigins::new(&[]).verdict(None, None).is_ok());
    }
}
