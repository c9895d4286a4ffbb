//! Health and metrics: `/healthz`, `/readyz` and `/metrics` for Prometheus, with the help text of each metric.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::engineio::Engine;

/// Whether the server is shutting down, for load balancers.
#[derive(Debug, Default)]
pub struct Readiness {
    draining: AtomicBool,
}

impl Readiness {
    /// Marks the server as shutting down.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the server is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// Metrics of the process, in the Prometheus format.
#[must_use]
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                // in seconds; from a fast disk write to a blocked one
                .set_buckets(&[
                    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
                ])
                .expect("a list that is not empty")
                .build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed; /metrics stays empty");
            }
            describe();
            handle
        })
        .clone()
}

/// Starts recording metrics; earlier values are lost.
pub fn start_recording() {
    metrics().run_upkeep();
}

/// Time between two aggregations of histograms.
const AGGREGATION_INTERVAL: Duration = Duration::from_secs(5);

/// Task: aggregates histograms regularly. Until then, each recorded value takes memory, even if nobody reads `/metrics`.
pub async fn keep_aggregating() {
    aggregate(&metrics(), AGGREGATION_INTERVAL).await;
}

async fn aggregate(handle: &PrometheusHandle, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        handle.run_upkeep();
    }
}

/// Standard process metrics.
fn process() -> &'static metrics_process::Collector {
    static COLLECTOR: LazyLock<metrics_process::Collector> = LazyLock::new(|| {
        let collector = metrics_process::Collector::default();
        collector.describe();
        collector
    });
    &COLLECTOR
}

/// Response of `/metrics`.
pub(crate) fn metrics_page() -> Response {
    let handle = metrics();
    process().collect();
    // precise up to 2^52 bytes
    metrics::gauge!("engine_held_bytes").set(Engine::held_bytes() as f64);
    handle.run_upkeep();
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        handle.render(),
    )
        .into_response()
}

/// Response of `/healthz`: always 200, since a restart would not help; the text contains the reason if not ready.
pub(crate) fn liveness(health: &Result<(), String>) -> Response {
    match health {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => format!("ok, but {reason}\n").into_response(),
    }
}

/// Response of `/readyz`: 200 or 503, with the reason.
pub(crate) fn readiness(health: &Result<(), String>) -> Response {
    match health {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

/// Kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// All metrics of the server: kind, name and help text.
const METRICS: &[(Kind, &str, &str)] = &[
    (
        Kind::Gauge,
        "engine_sessions",
        "Open Engine.IO sessions, by transport.",
    ),
    (
        Kind::Counter,
        "engine_opened_total",
        "Engine.IO sessions opened, by transport.",
    ),
    (
        Kind::Counter,
        "engine_closed_total",
        "Engine.IO sessions closed, by reason.",
    ),
    (
        Kind::Counter,
        "engine_refused_total",
        "Engine.IO requests refused, by error code.",
    ),
    (
        Kind::Counter,
        "engine_upgrades_total",
        "Sessions upgraded from polling to WebSocket.",
    ),
    (
        Kind::Counter,
        "engine_deliveries_total",
        "Messages queued for connections by broadcasts.",
    ),
    (
        Kind::Counter,
        "engine_volatile_dropped_total",
        "Volatile messages dropped for slow clients.",
    ),
    (
        Kind::Counter,
        "engine_overload_total",
        "Connections closed because of a limit, by cause.",
    ),
    (
        Kind::Gauge,
        "engine_held_bytes",
        "Bytes buffered for clients, for sending and for handling.",
    ),
    (
        Kind::Histogram,
        "engine_broadcast_seconds",
        "Time to queue one broadcast for all its recipients, in seconds.",
    ),
    (
        Kind::Counter,
        "http_accept_errors_total",
        "Failed attempts to accept a connection.",
    ),
    (
        Kind::Counter,
        "http_connections_refused_total",
        "Connections refused because of the connection limit.",
    ),
    (
        Kind::Gauge,
        "http_connections",
        "Open HTTP connections, without those upgraded to WebSocket.",
    ),
    (
        Kind::Counter,
        "pesan_http_requests_total",
        "HTTP requests answered, by status.",
    ),
    (
        Kind::Gauge,
        "pesan_build_info",
        "Always 1; the labels name the version of the server and the build of the page.",
    ),
    (Kind::Gauge, "pesan_ready", "1 while /readyz answers 200."),
    (
        Kind::Gauge,
        "pesan_store_failed",
        "1 while messages cannot be stored.",
    ),
    (
        Kind::Gauge,
        "pesan_people",
        "People with a connection to this node.",
    ),
    (Kind::Gauge, "pesan_rooms", "Rooms of the chat."),
    (Kind::Gauge, "pesan_other_nodes", "Other nodes of the chat."),
    (Kind::Gauge, "pesan_redis_up", "1 while Redis can be reached."),
    (Kind::Gauge, "pesan_sockets", "Connected sockets, by namespace."),
    (
        Kind::Counter,
        "pesan_events_in_total",
        "Events from clients, by namespace.",
    ),
    (
        Kind::Counter,
        "pesan_events_out_total",
        "Events to clients, by namespace.",
    ),
    (
        Kind::Counter,
        "pesan_acks_in_total",
        "Acknowledgements from clients, by namespace.",
    ),
    (
        Kind::Counter,
        "pesan_connect_errors_total",
        "CONNECT packets refused.",
    ),
    (
        Kind::Counter,
        "pesan_reconnects_total",
        "Attempts to recover a session, by outcome.",
    ),
    (
        Kind::Counter,
        "pesan_errors_total",
        "Errors of handlers and clients, by kind.",
    ),
    (Kind::Counter, "pesan_messages_total", "Messages stored."),
    (
        Kind::Counter,
        "pesan_plain_messages_not_kept_total",
        "Plain messages sent to others, but not stored.",
    ),
    (
        Kind::Counter,
        "pesan_history_writes_total",
        "Writes to the history.",
    ),
    (
        Kind::Histogram,
        "pesan_history_commit_seconds",
        "Time of one commit to the history, in seconds.",
    ),
    (Kind::Gauge, "pesan_store_bytes", "Size of the history in bytes."),
    (
        Kind::Gauge,
        "pesan_store_max_bytes",
        "Maximum size of the history in bytes.",
    ),
    (
        Kind::Gauge,
        "pesan_disk_free_bytes",
        "Free bytes on the disk of the history.",
    ),
    (
        Kind::Gauge,
        "pesan_locked_out_addresses",
        "Addresses locked out after wrong secrets.",
    ),
    (
        Kind::Counter,
        "pesan_refused_total",
        "CONNECT packets refused by the chat, by reason.",
    ),
];

/// Registers the help texts.
fn describe() {
    for (kind, name, help) in METRICS {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *help),
            Kind::Gauge => metrics::describe_gauge!(*name, *help),
            Kind::Histogram => metrics::describe_histogram!(*name, *help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Names of the metrics in all sources below a folder.
    fn counted(folder: &Path, names: &mut Vec<(Kind, String)>) {
        for entry in std::fs::read_dir(folder).expect("the sources") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                counted(&path, names);
                continue;
            }
            let source = std::fs::read_to_string(&path).expect("text");
            let (source, _) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
            for (kind, word) in [
                (Kind::Counter, "counter!("),
                (Kind::Gauge, "gauge!("),
                (Kind::Histogram, "histogram!("),
            ] {
                for (position, _) in source.match_indices(word) {
                    let rest = source.get(position + word.len()..).unwrap_or_default();
                    let name = rest
                        .trim_start()
                        .strip_prefix('"')
                        .and_then(|rest| rest.split('"').next());
                    names.extend(name.map(|name| (kind, name.to_owned())));
                }
            }
        }
    }

    #[test]
    fn metrics_and_help_texts_match() {
        let mut names = Vec::new();
        counted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
        for (kind, name) in &names {
            let described = METRICS.iter().any(|(of, known, _)| (of, *known) == (kind, name));
            assert!(described, "{name} has no help in health.rs");
        }
        for (kind, name, _) in METRICS {
            assert!(
                names.contains(&(*kind, (*name).to_owned())),
                "{name} is counted nowhere"
            );
        }
    }

    #[cfg(target_os = "linux")]
    /// Memory of the process, in bytes.
    fn memory() -> usize {
        let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
        let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        4096 * pages.unwrap_or(0_usize)
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn metrics_that_nobody_reads_take_bounded_memory() {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&[1.0])
            .expect("a list that is not empty")
            .build_recorder();
        let handle = recorder.handle();
        let keeper = tokio::spawn(async move { aggregate(&handle, Duration::from_millis(1)).await });
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
