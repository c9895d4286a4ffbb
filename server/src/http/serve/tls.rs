//! TLS: certificate and private key, with reload.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::{fmt, io};

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Connection after its TLS handshake.
pub(super) type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// TLS configuration, by rustls; cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<Files>);

/// Paths of certificate and key, and the loaded configuration.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or is not PEM.
    #[error("cannot read '{path}': {error}")]
    Read {
        /// File.
        path: PathBuf,
        /// What is wrong with it.
        error: pem::Error,
    },
    /// The file contains no certificate.
    #[error("no certificate in '{0}'")]
    Empty(PathBuf),
    /// Certificate and key do not match.
    #[error("certificate and key cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
}

impl Tls {
    /// Reads a certificate chain and its private key from PEM files.
    ///
    /// # Errors
    /// When a file is invalid; [`TlsError`] names it.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let config = RwLock::new(load(certificate, key)?);
        Ok(Self(Arc::new(Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            config,
        })))
    }

    /// Reads the files again, for new connections; keeps the earlier ones if that fails.
    ///
    /// # Errors
    /// As [`Tls::from_files`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = load(&self.0.certificate, &self.0.key)?;
        *self.0.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    pub(super) async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream> {
        let config = self
            .0
            .config
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        TlsAcceptor::from(config).accept(stream).await
    }
}

fn load(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let read = |path: &Path| {
        let path = path.to_owned();
        move |error| TlsError::Read { path, error }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(read(certificate))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(certificate.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(read(key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_file_missing_is_named() {
        let error = Tls::from_files(Path::new("/nowhere/cert.pem"), Path::new("/nowhere/key.pem"))
            .expect_err("there is no such file");
        assert!(
            error.to_string().starts_with("cannot read '/nowhere/cert.pem'"),
            "{error}"
        );
    }
}
