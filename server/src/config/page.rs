//! Page that the server serves.

use std::path::PathBuf;

use clap::Args;

/// Folder of the built page, and what the page may reach.
#[derive(Debug, Clone, Args)]
pub struct Page {
    /// Folder of the built page.
    #[arg(long, env = "PESAN_ASSETS", value_name = "DIR", default_value = "dist")]
    pub assets: PathBuf,
    /// Other servers that the page may connect to, as https://host; repeat, or separate by commas.
    #[arg(long, env = "PESAN_CONNECT_TO", value_name = "ORIGIN", value_delimiter = ',')]
    pub connect_to: Vec<String>,
    /// Refuses the page's `?server=` unless it is named by --connect-to.
    #[arg(long, env = "PESAN_OWN_SERVER_ONLY", value_parser = clap::builder::BoolishValueParser::new())]
    pub own_server_only: bool,
}
