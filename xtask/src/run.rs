//! `cargo xtask run` and `build`: build and start everything, from a fresh clone on.

use std::env;
use std::net::TcpListener;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::advice::ByHand;
use crate::cmd::Cmd;
use crate::page;
use crate::project::Project;
use crate::server;

/// Address of the server, unless the arguments or the environment set another.
const ADDRESS: &str = "127.0.0.1:5000";

/// Builds the page and the server in release.
pub(crate) fn build(project: &Project) -> Result<ExitCode> {
    page::build(project)?;
    server::release(project)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds what has changed, then replaces this process by the server with these arguments.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<ExitCode> {
    let default_address = uses_default_address(args);
    if default_address {
        check_free(ADDRESS)?;
    }
    page::build(project)?;
    let program = server::release(project)?;
    let mut cmd = Cmd::new("the server", program)
        .current_dir(&project.root)
        .args(args);
    for (name, value) in [
        ("PESAN_LISTEN", ADDRESS),
        ("PESAN_ASSETS", "dist"),
        ("PESAN_DATA", "data"),
    ] {
        let overridden = env::var_os(name).is_some() || (name == "PESAN_LISTEN" && !default_address);
        if !overridden {
            cmd = cmd.env(name, value);
        }
    }
    if default_address {
        println!("\npesan is at http://localhost:5000 (Ctrl-C stops it)\n");
    }
    Err(cmd.exec())
}

/// Whether neither the arguments nor the environment set an address.
fn uses_default_address(args: &[String]) -> bool {
    let named = args
        .iter()
        .any(|arg| arg == "-h" || arg == "--help" || arg.starts_with("--listen"));
    !named && env::var_os("PORT").is_none() && env::var_os("PESAN_LISTEN").is_none()
}

/// Fails if the address is in use, before a build that takes minutes.
fn check_free(address: &str) -> Result<()> {
    TcpListener::bind(address)
        .map(drop)
        .with_context(|| format!("cannot listen on {address}"))
        .by_hand("  cargo xtask run --listen 127.0.0.1:5001\nserves on another port.")
}
