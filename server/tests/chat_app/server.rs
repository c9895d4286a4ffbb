//! A server of its own for each test, on a free port, with a folder that goes with it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use pesan_server::app::{AppState, app};
use pesan_server::config::Config;
use pesan_server::http::serve::{ServeConfig, bind, serve};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::peer::{ChatPage, Peer};

pub(crate) struct Server {
    pub(crate) state: AppState,
    pub(crate) address: SocketAddr,
    folder: TempDir,
    serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(args: &[&str]) -> Self {
        Self::within(tempfile::tempdir().expect("a folder"), args).await
    }

    async fn within(folder: TempDir, args: &[&str]) -> Self {
        let (dist, data) = (folder.path().join("dist"), folder.path().join("data"));
        std::fs::create_dir_all(&dist).expect("writable");
        std::fs::write(dist.join("index.html"), "<!doctype html><title>pesan</title>").expect("writable");
        let own = [
            "--port",
            "0",
            "--assets",
            text(&dist),
            "--data",
            text(&data),
            "--drain",
            "1",
        ];
        let config = Config::from_args(own.iter().chain(args).copied()).expect("good arguments");
        let state = AppState::new(&config).await.expect("starts");
        let listener = bind(config.listen.address()).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = state.clone().stopped(Duration::from_secs(1));
        let serving = tokio::spawn(serve(listener, app(&state), ServeConfig::default(), stop));
        Self {
            state,
            address,
            folder,
            serving,
        }
    }

    /// Stops as a signal would, and starts again with the same data.
    pub(crate) async fn restart(self) -> Self {
        self.state.stop.within(Duration::ZERO);
        self.serving.await.expect("ends without a panic");
        drop(self.state);
        Self::within(self.folder, &[]).await
    }

    pub(crate) async fn page(&self, name: &str) -> ChatPage {
        ChatPage::open(self.address, name).await
    }

    pub(crate) async fn plain(&self) -> Peer {
        let mut peer = Peer::open(self.address, "").await.expect("may come in");
        peer.event("welcome_message").await;
        peer
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("plain letters")
}
