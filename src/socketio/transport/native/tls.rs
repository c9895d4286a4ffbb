//! TLS configuration for WebSockets and requests: rustls on ring, with the bundled root certificates.
//!
//! The crypto provider is chosen here, because rustls has no default in a program with two providers.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Configuration that trusts the PEM certificates in `ca` in addition to the bundled ones.
pub(crate) fn config(ca: &[u8]) -> Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    if ca.is_empty() {
        CONFIG.get_or_init(|| build(bundled())).clone()
    } else {
        build(with(ca)?)
    }
}

fn bundled() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

fn with(ca: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = bundled();
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(ca) {
        let certificate =
            certificate.map_err(|error| format!("certificate in `ca` is unreadable: {error}"))?;
        let added = roots.add(certificate);
        added.map_err(|error| format!("certificate in `ca` is unusable: {error}"))?;
    }
    if roots.len() == before {
        return Err("`ca` contains no certificate".to_owned());
    }
    Ok(roots)
}

/// Fails only if the provider supports neither TLS 1.2 nor 1.3.
fn build(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(Arc::new(
        builder.with_root_certificates(roots).with_no_client_auth(),
    ))
}
