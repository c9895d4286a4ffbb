//! Runs a program in a process group of its own, with a live line, a log and a time limit.
//!
//! When the job ends, however it ends, whatever it left running ends with it; so it does when this program is
//! interrupted. `job::Job` is the only place that starts programs, but for the last step of `run`.

mod group;
mod output;

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use group::stop_all_on_signals;
pub(crate) use output::tail;

use crate::failure::{Doing, Failure};
use crate::progress::{Progress, seconds};
use group::Group;
use output::{read_lines, write_log};

/// Lines of a failed job's output that are shown.
const SHOWN_LINES: usize = 80;

/// Longest time of a job that names none.
const LIMIT: Duration = Duration::from_secs(40 * 60);

/// Program to run, and how to speak about it.
pub(crate) struct Job {
    label: String,
    command: Command,
    limit: Duration,
    log: Option<PathBuf>,
}

/// What a job printed, and how it ended.
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    /// Both of its outputs, as they came.
    pub(crate) output: String,
    /// It was ended because it took too long.
    pub(crate) late: bool,
}

impl Job {
    pub(crate) fn new(label: impl Into<String>, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        forget_cargo(&mut command);
        Self {
            label: label.into(),
            command,
            limit: LIMIT,
            log: None,
        }
    }

    /// Cargo in the folder `root`, with the words of `line` as arguments.
    pub(crate) fn cargo(label: impl Into<String>, root: &Path, line: &str) -> Self {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(label, cargo).words(line).folder(root)
    }

    pub(crate) fn words(mut self, line: &str) -> Self {
        self.command.args(line.split_whitespace());
        self
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Ends the job when it takes longer.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Keeps the whole output in a file.
    pub(crate) fn log(mut self, file: PathBuf) -> Self {
        self.log = Some(file);
        self
    }

    /// Runs to the end; what it printed is returned, whatever it was.
    pub(crate) fn outcome(mut self) -> Result<Outcome, Failure> {
        let mut progress = Progress::start(&self.label);
        let (mut child, lines) = self.start()?;
        let mut group = Group::of(&child);
        let start = Instant::now();
        let mut output = String::new();
        let mut newest = String::new();
        let mut late = false;
        let status = loop {
            match lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => {
                    output.push_str(&line);
                    output.push('\n');
                    if !line.trim().is_empty() {
                        newest = line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    break child.wait().doing(format_args!("wait for {}", self.label))?;
                }
            }
            progress.tick(&newest);
            if start.elapsed() > self.limit {
                late = true;
            }
            // once the program itself has ended, nobody else may keep its output open
            if late
                || child
                    .try_wait()
                    .doing(format_args!("wait for {}", self.label))?
                    .is_some()
            {
                group.end();
            }
        };
        drop(group);
        if late {
            output.push_str(&format!(
                "ended after {}: it takes too long\n",
                seconds(start.elapsed())
            ));
        }
        if let Some(log) = &self.log {
            write_log(log, &output)?;
        }
        progress.end(if status.success() { "✓" } else { "✗" });
        Ok(Outcome { status, output, late })
    }

    /// Runs to the end; anything but success is a failure that shows the end of the output.
    pub(crate) fn run(self) -> Result<String, Failure> {
        let label = self.label.clone();
        let outcome = self.outcome()?;
        if outcome.status.success() {
            return Ok(outcome.output);
        }
        let why = if outcome.late {
            "took too long".to_owned()
        } else {
            describe(outcome.status)
        };
        Err(Failure::new(format!("{label}: {why}")).output(tail(&outcome.output, SHOWN_LINES)))
    }

    /// Runs to the end without a word; its output, or nothing when it could not be started or failed.
    pub(crate) fn quiet(mut self) -> Option<String> {
        let output = self
            .command
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs to the end, with a live line but no other trace; its exit code.
    pub(crate) fn silently(mut self) -> Option<i32> {
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = self.command.spawn().ok()?;
        let group = Group::of(&child);
        let mut progress = Progress::start(&self.label);
        let start = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if start.elapsed() < self.limit => thread::sleep(Duration::from_millis(50)),
                _ => break None,
            }
            progress.tick("");
        };
        drop(group);
        progress.clear();
        status?.code()
    }

    /// Starts the program with this terminal as its own and leaves it running.
    pub(crate) fn beside(mut self) -> Result<Beside, Failure> {
        self.command.stdin(Stdio::null()).process_group(0);
        let child = self.command.spawn().doing(format_args!("start {}", self.label))?;
        let group = Group::of(&child);
        Ok(Beside {
            label: self.label,
            child,
            group,
        })
    }

    /// Becomes the program: signals and the terminal are its own from here on. Returns only when it cannot.
    pub(crate) fn become_it(mut self) -> Failure {
        let error = self.command.exec();
        Failure::new(format!("cannot start {}: {error}", self.label))
    }

    fn start(&mut self) -> Result<(Child, Receiver<String>), Failure> {
        let doing = format!("start {}", self.command.get_program().display());
        let (reader, writer) = io::pipe().doing(&doing)?;
        self.command
            .stdin(Stdio::null())
            .stdout(writer.try_clone().doing(&doing)?)
            .stderr(writer)
            .process_group(0);
        let child = self.command.spawn().doing(&doing)?;
        // this program's own ends of the pipe go, so that the reader sees the end
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok((child, read_lines(reader)))
    }
}

/// Program that runs beside this one.
pub(crate) struct Beside {
    label: String,
    child: Child,
    group: Group,
}

impl Beside {
    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<String>, Failure> {
        let status = self
            .child
            .try_wait()
            .doing(format_args!("wait for {}", self.label))?;
        Ok(status.map(|status| format!("{}: {}", self.label, describe(status))))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.group.end();
        drop(self.child.wait());
    }
}

/// What `cargo run` put into the environment would make the cargo below build some packages again.
fn forget_cargo(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let of_package = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
            "CARGO_PRIMARY_",
        ];
        if of_package.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
}

fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => "was ended by a signal".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_both_kinds_is_kept_in_its_order() {
        let outcome = Job::new("t", "sh")
            .args(["-c", "echo one; echo two >&2; echo three; exit 3"])
            .outcome();
        let outcome = outcome.expect("sh starts");
        assert_eq!(outcome.output, "one\ntwo\nthree\n");
        assert_eq!(outcome.status.code(), Some(3));
    }

    #[test]
    fn what_a_job_leaves_running_ends_with_it() {
        let start = Instant::now();
        let outcome = Job::new("t", "sh")
            .args(["-c", "sleep 60 & echo left"])
            .outcome()
            .expect("sh starts");
        assert_eq!(outcome.output, "left\n");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_job_ends_at_its_limit() {
        let job = Job::new("t", "sleep").arg("60").limit(Duration::from_millis(200));
        let outcome = job.outcome().expect("sleep starts");
        assert!(outcome.late);
        assert!(!outcome.status.success());
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = Job::new("t", "no-such-program-of-pesan")
            .run()
            .expect_err("there is none");
        assert!(failure.what().contains("no-such-program-of-pesan"), "{failure}");
    }
}
