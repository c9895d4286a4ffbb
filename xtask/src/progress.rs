//! Progress of a running program: a live line on a terminal, a line every 30 s otherwise.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two "still running" lines in a log.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Width of the terminal if `COLUMNS` is not set.
const COLUMNS: usize = 100;

/// Progress line of one program.
pub(crate) struct Progress {
    label: String,
    start: Instant,
    terminal: bool,
    columns: usize,
    next_log: Duration,
}

impl Progress {
    pub(crate) fn start(label: &str) -> Self {
        let terminal = io::stdout().is_terminal() && std::env::var_os("CI").is_none();
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(COLUMNS);
        let progress = Self {
            label: label.to_owned(),
            start: Instant::now(),
            terminal,
            columns,
            next_log: LOG_INTERVAL,
        };
        progress.live("");
        progress
    }

    /// Updates the line; called several times a second with the newest line of the output.
    pub(crate) fn tick(&mut self, newest: &str) {
        if self.terminal {
            self.live(newest);
        } else if self.start.elapsed() >= self.next_log {
            self.next_log += LOG_INTERVAL;
            print(&format!(
                "    … {} · {} · {}\n",
                self.label,
                seconds(self.start.elapsed()),
                newest.trim()
            ));
        }
    }

    /// Replaces the line by `mark`, the label and the time that it took.
    pub(crate) fn end(self, mark: &str) {
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        print(&format!(
            "{clear}  {mark} {} ({})\n",
            self.label,
            seconds(self.start.elapsed())
        ));
    }

    /// Removes the line.
    pub(crate) fn clear(self) {
        if self.terminal {
            print("\r\x1b[K");
        }
    }

    fn live(&self, newest: &str) {
        if self.terminal {
            let line = format!(
                "  · {} · {} · {}",
                self.label,
                seconds(self.start.elapsed()),
                newest.trim()
            );
            let line: String = line
                .chars()
                .filter(|c| !c.is_control())
                .take(self.columns - 1)
                .collect();
            print(&format!("\r\x1b[K{line}"));
        }
    }
}

/// `4.2 s` or `3 min 05 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

fn print(text: &str) {
    let mut out = io::stdout().lock();
    // a closed terminal does not stop the build
    if out.write_all(text.as_bytes()).is_ok() {
        drop(out.flush());
    }
}
