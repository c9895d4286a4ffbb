//! Whether the server lives, whether it can serve, and what it counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

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
            describe();
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
pub(crate) fn liveness(health: &Result<(), String>) -> Response {
    match health {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => format!("ok, but {reason}\n").into_response(),
    }
}

/// `/readyz`: a word, and a status that programs read.
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

/// Every metric of the server: kind, name, and what it counts.
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
        "Engine.IO sessions ended, by reason.",
    ),
    (
        Kind::Counter,
        "engine_refused_total",
        "Engine.IO requests refused, by official code.",
    ),
    (
        Kind::Counter,
        "engine_upgrades_total",
        "Sessions that changed from polling to WebSocket.",
    ),
    (
        Kind::Counter,
        "engine_deliveries_total",
        "Messages handed to connections by broadcasts.",
    ),
    (
        Kind::Counter,
        "engine_volatile_dropped_total",
        "Volatile messages dropped for slow clients.",
    ),
    (
        Kind::Counter,
        "engine_overload_total",
        "Connections ended to make room for others, by cause.",
    ),
    (
        Kind::Gauge,
        "engine_held_bytes",
        "Bytes held for clients: what waits to be read, and what they sent that is not handled.",
    ),
    (
        Kind::Histogram,
        "engine_broadcast_seconds",
        "Time to hand one broadcast to all its connections.",
    ),
    (
        Kind::Counter,
        "http_accept_errors_total",
        "Connections that could not be accepted.",
    ),
    (
        Kind::Counter,
        "http_connections_refused_total",
        "Connections refused for want of room.",
    ),
    (
        Kind::Gauge,
        "http_connections",
        "Open HTTP connections, those that became WebSockets not counted.",
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
        "People with a connection to this machine.",
    ),
    (Kind::Gauge, "pesan_rooms", "Rooms of the chat."),
    (Kind::Gauge, "pesan_other_nodes", "Other machines of the chat."),
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
    (Kind::Counter, "pesan_connect_errors_total", "CONNECTs refused."),
    (
        Kind::Counter,
        "pesan_reconnects_total",
        "Attempts to recover a session, by outcome.",
    ),
    (
        Kind::Counter,
        "pesan_errors_total",
        "Failures of handlers and of clients, by kind.",
    ),
    (Kind::Counter, "pesan_messages_total", "Messages stored."),
    (
        Kind::Counter,
        "pesan_plain_messages_not_kept_total",
        "Plain messages passed on and not stored.",
    ),
    (
        Kind::Counter,
        "pesan_history_writes_total",
        "Writes of the history.",
    ),
    (
        Kind::Histogram,
        "pesan_history_commit_seconds",
        "Time of one commit of the history.",
    ),
    (Kind::Gauge, "pesan_store_bytes", "Bytes of the history."),
    (Kind::Gauge, "pesan_store_max_bytes", "Most bytes of the history."),
    (
        Kind::Gauge,
        "pesan_disk_free_bytes",
        "Bytes that are free on the disk of the history.",
    ),
    (
        Kind::Gauge,
        "pesan_locked_out_addresses",
        "Addresses that are locked out after wrong secrets.",
    ),
    (
        Kind::Counter,
        "pesan_refused_total",
        "CONNECTs that the chat refused, by reason.",
    ),
];

/// Tells the recorder what each metric counts.
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
            let (source, _) = source.split_once("#[cfg(").unwrap_or((&source, ""));
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
    fn every_metric_has_help_and_all_help_a_metric() {
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
