//! The binary: config, state, router, listen, stop.

use anyhow::Context;
use clap::Parser;
use pesan_server::config::{Cli, Config};
use pesan_server::state::{AppState, app};
use pesan_server::{http, log};
use tokio::net::TcpListener;

fn main() -> anyhow::Result<()> {
    let Cli { config } = Cli::parse();
    log::init(&config.log).context("--log")?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    // before anything counts
    http::health::start_counting();
    let state = AppState::new(&config)?;
    let router = app(&state);
    let listener = TcpListener::bind(config.listen.address()).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
