//! `cargo xtask run`: from a fresh check-out to a chat at an address.

use std::env;
use std::net::TcpListener;
use std::process::ExitCode;

use crate::failure::Failure;
use crate::job::Job;
use crate::page;
use crate::project::Project;
use crate::server;

/// Where the chat is served when nothing else is said.
const ADDRESS: &str = "127.0.0.1:5000";

/// Builds page and server in release.
pub(crate) fn build(project: &Project) -> Result<(), Failure> {
    page::build(project)?;
    server::release(project).map(drop)
}

/// Builds what changed, then becomes the server: `args` are its arguments, Ctrl-C stops it.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<ExitCode, Failure> {
    let usual = usual_address(args);
    if usual {
        free(ADDRESS)?;
    }
    page::build(project)?;
    let program = server::release(project)?;
    let mut job = Job::new("the server", program).folder(&project.root).args(args);
    for (name, value) in [
        ("PESAN_LISTEN", ADDRESS),
        ("PESAN_ASSETS", "dist"),
        ("PESAN_DATA", "data"),
    ] {
        let taken = env::var_os(name).is_some() || (name == "PESAN_LISTEN" && !usual);
        if !taken {
            job = job.env(name, value);
        }
    }
    if usual {
        println!("\npesan is at http://localhost:5000 (Ctrl-C stops it)\n");
    }
    Err(job.become_it())
}

/// Whether neither the arguments nor the environment name another address.
fn usual_address(args: &[String]) -> bool {
    let named = args
        .iter()
        .any(|arg| arg == "-h" || arg == "--help" || arg.starts_with("--listen"));
    !named && env::var_os("PORT").is_none() && env::var_os("PESAN_LISTEN").is_none()
}

/// Says that the address is taken before anything is built for it.
fn free(address: &str) -> Result<(), Failure> {
    TcpListener::bind(address).map(drop).map_err(|error| {
        Failure::new(format!("cannot listen on {address}: {error}"))
            .by_hand("  cargo xtask run --listen 127.0.0.1:5001\nserves on another port.")
    })
}
