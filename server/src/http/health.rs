//! Whether the server lives, whether it can serve, and what it counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::metric_help;
use crate::engineio::Engine;

/// Whether the server takes new connections, for load balancers.
#[derive(Debug, Default)]
pub struct Readiness {
    draining: AtomicBool,
}

impl Readiness {
    /// The server is going down: nothing new should come.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the server is going down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// Counters of the whole process, in the form that Prometheus reads.
#[must_use]
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                // seconds; from one fast disk write to one that hangs
                .set_buckets(&[
                    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
                ])
                .expect("a list that is not empty")
                .build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("something else counts in this process: /metrics stays empty");
            }
            metric_help::describe();
            handle
        })
        .clone()
}

/// Starts counting; what was counted before is lost.
pub fn start_counting() {
    metrics().run_upkeep();
}

/// How often what was measured is added up.
const ADD_UP: Duration = Duration::from_secs(5);

/// Adds up what was measured, for ever: until then each measurement takes memory, also where nobody asks for them.
pub async fn keep_counting() {
    add_up(&metrics(), ADD_UP).await;
}

async fn add_up(handle: &PrometheusHandle, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        handle.run_upkeep();
    }
}

/// Numbers of the process, as Prometheus names them.
fn process() -> &'static metrics_process::Collector {
    static COLLECTOR: LazyLock<metrics_process::Collector> = LazyLock::new(|| {
        let collector = metrics_process::Collector::default();
        collector.describe();
        collector
    });
    &COLLECTOR
}

/// `/metrics`.
pub(crate) fn metrics_page() -> Response {
    let handle = metrics();
    process().collect();
    // beyond 2^52 bytes a digit is lost
    metrics::gauge!("engine_held_bytes").set(Engine::held_bytes() as f64);
    handle.run_upkeep();
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        handle.render(),
    )
        .into_response()
}

/// `/healthz`: the process lives, which a restart would not make better; what is wrong stands behind it.
pub(crate) fn liveness(trouble: Option<&str>) -> Response {
    match trouble {
        None => "ok\n".into_response(),
        Some(trouble) => format!("ok, but {trouble}\n").into_response(),
    }
}

/// `/readyz`: a word, and a status that programs read.
pub(crate) fn readiness(trouble: Option<&str>) -> Response {
    match trouble {
        None => (StatusCode::OK, "ok\n").into_response(),
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n")).into_response(),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Memory of the process, in bytes.
    fn memory() -> usize {
        let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
        let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        4096 * pages.unwrap_or(0_usize)
    }

    #[tokio::test]
    async fn what_nobody_asks_for_takes_no_memory() {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&[1.0])
            .expect("a list that is not empty")
            .build_recorder();
        let handle = recorder.handle();
        let keeper = tokio::spawn(async move { add_up(&handle, Duration::from_millis(1)).await });
        let before = memory();
        for _ in 0..30 {
            metrics::with_local_recorder(&recorder, || {
                let histogram = metrics::histogram!("test_seconds");
                (0..200_000).for_each(|_| histogram.record(0.5));
            });
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // without it, 24 bytes each
        let more = memory().saturating_sub(before);
        assert!(more < 72 << 20, "{more} bytes");
        keeper.abort();
    }
}
