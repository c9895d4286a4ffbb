//! One TLS configuration for sockets and requests: rustls on ring, with the bundled roots.
//!
//! The provider is named here, because a program that has two of them in its tree must name one.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};

/// Configuration of every connection; an error only when the provider lacks TLS 1.2 and 1.3.
pub(crate) fn config() -> Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    CONFIG.get_or_init(build).clone()
}

fn build() -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(Arc::new(
        builder.with_root_certificates(roots).with_no_client_auth(),
    ))
}
