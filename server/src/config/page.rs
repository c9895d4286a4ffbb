//! Page that the server serves.

use std::path::PathBuf;

use clap::Args;

use super::Origin;

/// Folder of the built page, and what the page may reach.
#[derive(Debug, Clone, Args)]
pub struct Page {
    /// Folder of the built page.
    #[arg(long, env = "PESAN_ASSETS", value_name = "DIR", default_value = "dist")]
    pub assets: PathBuf,
    /// Other servers that a link to the page may name as `?server=…`, as https://host or host; repeat, or separate by
    /// commas. The page names such a server and asks once. Without it, only its own server, and on this machine those
    /// of this machine.
    #[arg(long, env = "PESAN_ALLOW_SERVER", value_name = "HOST", value_delimiter = ',', value_parser = Origin::of_server)]
    pub allow_server: Vec<Origin>,
    /// Earlier spelling of --allow-server.
    #[arg(long, env = "PESAN_CONNECT_TO", value_name = "HOST", value_delimiter = ',', value_parser = Origin::of_server, hide = true)]
    pub connect_to: Vec<Origin>,
    /// What the server does anyway.
    #[arg(long, env = "PESAN_OWN_SERVER_ONLY", value_parser = clap::builder::BoolishValueParser::new(), hide = true)]
    pub own_server_only: bool,
}

impl Page {
    /// Servers besides its own that the page may use, each once.
    #[must_use]
    pub fn servers(&self) -> Vec<Origin> {
        let mut servers = Vec::new();
        for server in self.allow_server.iter().chain(&self.connect_to) {
            if !servers.contains(server) {
                servers.push(server.clone());
            }
        }
        servers
    }
}
