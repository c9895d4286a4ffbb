//! What the routes and the operator can reach: the page's files, the chat, and whether the server is going down.

use std::sync::Arc;

use axum::Router;

use crate::config::Config;
use crate::http::assets::Assets;
use crate::http::headers::Policy;
use crate::http::health::Readiness;
use crate::http::router;

/// The running server; cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    /// Files of the page.
    pub assets: Assets,
    /// What the page may do.
    pub policy: Policy,
    /// Whether new connections are welcome.
    pub readiness: Arc<Readiness>,
    /// Whether `/metrics` has an address of its own.
    pub metrics_elsewhere: bool,
}

impl AppState {
    /// Builds the server from its configuration: reads the page, opens the history.
    ///
    /// # Errors
    /// When something that the configuration names is not there or does not work.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            assets: Assets::load(&config.page.assets)?,
            policy: Policy {
                connect_to: config.page.connect_to.clone(),
                named_server: !config.page.own_server_only,
                secure: config.listen.tls_cert.is_some(),
            },
            readiness: Arc::default(),
            metrics_elsewhere: config.listen.admin_listen.is_some(),
        })
    }

    /// Why the server should get no new connections, if so.
    #[must_use]
    pub fn trouble(&self) -> Option<&'static str> {
        self.readiness.is_draining().then_some("going down")
    }
}

/// Everything that the public address serves.
pub fn app(state: &AppState) -> Router {
    router::router(state)
}
