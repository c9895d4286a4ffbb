//! How much the store may have: a bound on the file, and room that stays free on the disk.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::StoreError;
use super::reader::uint;

/// How often the store is measured.
const EVERY: Duration = Duration::from_millis(250);
/// Bytes that stay free on the disk, for the write-ahead log and for other programs; of a small disk a twentieth.
const RESERVE: u64 = 64 << 20;

/// Bound on the store.
pub(super) struct Quota {
    folder: PathBuf,
    max_bytes: u64,
    measured: Option<Instant>,
    trouble: Option<StoreError>,
    used: metrics::Gauge,
    free: metrics::Gauge,
}

impl Quota {
    pub(super) fn new(folder: &Path, max_bytes: u64) -> Self {
        metrics::gauge!("pesan_store_max_bytes").set(float(max_bytes));
        Self {
            folder: folder.to_owned(),
            max_bytes,
            measured: None,
            trouble: None,
            used: metrics::gauge!("pesan_store_bytes"),
            free: metrics::gauge!("pesan_disk_free_bytes"),
        }
    }

    /// Why nothing more may be written, if so.
    pub(super) fn trouble(&self) -> Option<&StoreError> {
        self.trouble.as_ref()
    }

    /// Measures the store, unless that was done just now.
    pub(super) fn measure(&mut self, connection: &Connection, now: Instant) -> rusqlite::Result<()> {
        let lately = |at: Instant| now.saturating_duration_since(at) < EVERY;
        if self.measured.is_some_and(lately) {
            return Ok(());
        }
        self.measured = Some(now);
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0).map(uint));
        // pages that were freed are used again
        let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
        let used = pages.saturating_mul(pragma("page_size")?);
        self.used.set(float(used));
        self.trouble = if used >= self.max_bytes {
            Some(StoreError::Quota(self.max_bytes))
        } else if self.is_disk_full() {
            Some(StoreError::Full)
        } else {
            None
        };
        Ok(())
    }

    fn is_disk_full(&self) -> bool {
        let Ok(disk) = rustix::fs::statvfs(&self.folder) else {
            // the next write shows what is wrong
            return false;
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let all = disk.f_blocks.saturating_mul(disk.f_frsize);
        self.free.set(float(free));
        free < RESERVE.min(all / 20)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge of bytes needs no more than 53 bits"
)]
fn float(number: u64) -> f64 {
    number as f64
}
