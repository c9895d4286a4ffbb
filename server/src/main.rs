//! The binary: configuration, state, routes, listening, shutdown.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use pesan_server::admin::AdminSocket;
use pesan_server::app::{AppState, admin_router, app};
use pesan_server::cli::{Cli, Command};
use pesan_server::config::{Config, Listen};
use pesan_server::http::health;
use pesan_server::http::serve::{ServeConfig, Tls, TrustedProxies, bind, serve};
use pesan_server::{log, shutdown};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pesan-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    if let Some(Command::Admin(admin)) = cli.command {
        return admin.run(&mut std::io::stdout().lock());
    }
    log::init(&cli.config.log).context("--log is not a valid filter")?;
    health::start_recording();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run(cli.config))
}

async fn run(config: Config) -> anyhow::Result<()> {
    let mut serving = serve_config(&config.listen)?;
    // the port first: a second server must not touch the data of the first
    let listener = listen("--listen", config.listen.address())?;
    let address = listener.local_addr()?;
    let mut state = AppState::new(&config).await?;
    state.tls.clone_from(&serving.tls);
    serving.limit = Some(Arc::clone(&state.connections));
    if let Some(path) = config.store.admin_socket() {
        tokio::spawn(AdminSocket::bind(&path)?.serve(state.clone()));
    }
    if let Some(address) = config.listen.admin_listen {
        let (listener, routes) = (listen("--admin-listen", address)?, admin_router(&state));
        tracing::info!("metrics on http://{}", listener.local_addr()?);
        tokio::spawn(serve(
            listener,
            routes,
            ServeConfig::default(),
            std::future::pending(),
        ));
    }
    let reloaded = state.clone();
    // failures are logged
    shutdown::signals(&state.stop, move || drop(reloaded.reload()))?;
    tokio::spawn(health::keep_aggregating());
    let scheme = if serving.tls.is_some() { "https" } else { "http" };
    tracing::info!("listening on {scheme}://{address}");
    let drain = serving.drain;
    serve(listener, app(&state), serving, state.stopped(drain)).await;
    tracing::info!("stopped");
    Ok(())
}

fn serve_config(config: &Listen) -> anyhow::Result<ServeConfig> {
    let mut serving = ServeConfig::default();
    serving.drain = Duration::from_secs(config.drain);
    serving.proxies = TrustedProxies::new(&config.trusted_proxy);
    if let (Some(certificate), Some(key)) = (&config.tls_cert, &config.tls_key) {
        serving.tls = Some(Tls::from_files(certificate, key)?);
    }
    Ok(serving)
}

fn listen(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    bind(address).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another program uses this port; stop it, or choose another port"
            }
            std::io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose another port",
            _ => "choose another address",
        };
        anyhow::anyhow!("cannot listen on {address}: {error}; {hint} with {flag}")
    })
}
