//! Where the server listens, and who may connect from where.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;

use super::Origin;
use crate::http::serve::parse_network;

/// Addresses, certificate and origins.
#[derive(Debug, Clone, Args)]
pub struct Listen {
    /// Address to listen on, as host:port; port 0 takes a free one.
    #[arg(long, env = "PESAN_LISTEN", value_name = "HOST:PORT", default_value = "127.0.0.1:5000", value_parser = resolve)]
    pub listen: SocketAddr,
    /// Port to listen on, instead of the one in --listen.
    #[arg(long, env = "PORT", value_name = "PORT")]
    pub port: Option<u16>,
    /// Second address for /metrics alone, which then leaves the public one.
    #[arg(long, env = "PESAN_ADMIN_LISTEN", value_name = "HOST:PORT", value_parser = resolve)]
    pub admin_listen: Option<SocketAddr>,
    /// Certificate chain (PEM); with it the server speaks HTTPS.
    #[arg(long, env = "PESAN_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM).
    #[arg(long, env = "PESAN_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Pages of other origins that may connect, as https://host; repeat, or separate by commas; * for any.
    /// Without it, pages of the server's own host and of loopback addresses may, and whatever is not a browser.
    #[arg(long, env = "PESAN_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', value_parser = allowed_origin)]
    pub origin: Vec<AllowedOrigin>,
    /// Proxies, as addresses or networks, that are believed when X-Forwarded-For says for whom they speak; repeat, or
    /// separate by commas.
    #[arg(
        long,
        env = "PESAN_TRUSTED_PROXY",
        value_name = "NETWORK",
        value_delimiter = ',',
        value_parser = parse_network
    )]
    pub trusted_proxy: Vec<IpNet>,
    /// Seconds that connections have to end after SIGTERM or SIGINT.
    #[arg(long, env = "PESAN_DRAIN", value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub drain: u64,
}

impl Listen {
    /// Address with the port that counts.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let mut address = self.listen;
        if let Some(port) = self.port {
            address.set_port(port);
        }
        address
    }
}

/// Pages that may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// All, also those without an origin of their own.
    Any,
    /// Those of one origin.
    Origin(Origin),
}

fn allowed_origin(text: &str) -> Result<AllowedOrigin, String> {
    if text.trim() == "*" {
        return Ok(AllowedOrigin::Any);
    }
    text.parse()
        .map(AllowedOrigin::Origin)
        .map_err(|error| format!("{error}, or *"))
}

/// Reads `host:port`, where host may be a name.
fn resolve(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .map_err(|error| format!("not an address of the form host:port ({error})"))?
        .next()
        .ok_or_else(|| "the name has no address".to_owned())
}
