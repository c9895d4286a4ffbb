//! Runs programs, each in its own process group, with a progress line, a time limit and, if wanted, a log file.
//!
//! When a program ends, the rest of its process group is killed; Ctrl-C kills all of them. xtask starts programs
//! only here, except for the benchmark's servers.

mod log;
mod process_group;

use std::env;
use std::ffi::OsStr;
use std::io::{self, PipeReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail};

pub(crate) use log::tail;
pub(crate) use process_group::stop_all_on_signals;

use crate::progress::{Progress, seconds};
use process_group::ProcessGroup;

/// Lines shown of the output of a program that failed.
const SHOWN_LINES: usize = 80;

/// Time limit of a command that sets none.
const TIMEOUT: Duration = Duration::from_secs(40 * 60);

/// Program to run, and the label of its progress line.
pub(crate) struct Cmd {
    label: String,
    command: Command,
    timeout: Duration,
    log: Option<PathBuf>,
}

/// How a program ended, and what it printed to both of its outputs.
pub(crate) struct CmdOutput {
    pub(crate) status: ExitStatus,
    pub(crate) text: String,
    pub(crate) timed_out: bool,
}

impl Cmd {
    pub(crate) fn new(label: impl Into<String>, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        remove_package_variables(&mut command);
        Self {
            label: label.into(),
            command,
            timeout: TIMEOUT,
            log: None,
        }
    }

    /// Cargo in a folder, with the arguments in `line`.
    pub(crate) fn cargo(label: impl Into<String>, folder: &Path, line: &str) -> Self {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(label, cargo).split_args(line).current_dir(folder)
    }

    /// Adds arguments, split at white space.
    pub(crate) fn split_args(self, line: &str) -> Self {
        self.args(line.split_whitespace())
    }

    pub(crate) fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Kills the program after this time.
    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Writes the whole output to a file as well.
    pub(crate) fn log(mut self, file: PathBuf) -> Self {
        self.log = Some(file);
        self
    }

    /// Runs to the end; fails only if the program cannot be started.
    pub(crate) fn output(mut self) -> Result<CmdOutput> {
        let mut progress = Progress::start(&self.label);
        let output = self.wait(&mut progress)?;
        if let Some(log) = &self.log {
            log::write(log, &output.text)?;
        }
        progress.end(if output.status.success() { "✓" } else { "✗" });
        Ok(output)
    }

    /// Runs to the end and returns the output. If the program fails, prints the end of the output.
    pub(crate) fn run(self) -> Result<String> {
        let label = self.label.clone();
        let output = self.output()?;
        if output.status.success() {
            return Ok(output.text);
        }
        println!("{}", tail(&output.text, SHOWN_LINES));
        if output.timed_out {
            bail!("{label}: exceeded its time limit");
        }
        bail!("{label}: {}", describe(output.status))
    }

    /// Runs to the end without a progress line; returns the standard output, `None` if the program failed.
    pub(crate) fn read(mut self) -> Option<String> {
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

    /// Runs to the end with a progress line that is removed afterwards; returns the exit code.
    pub(crate) fn try_code(mut self) -> Option<i32> {
        let mut progress = Progress::start(&self.label);
        let output = self.wait(&mut progress);
        progress.clear();
        output.ok()?.status.code()
    }

    /// Starts the program with the outputs of this one, and leaves it running.
    pub(crate) fn spawn(mut self) -> Result<Background> {
        let child = self.command.stdin(Stdio::null()).process_group(0).spawn();
        let child = child.with_context(|| format!("cannot start {}", self.label))?;
        let group = ProcessGroup::of(&child);
        Ok(Background {
            label: self.label,
            child,
            group,
        })
    }

    /// Replaces this process by the program. Returns only if that fails.
    pub(crate) fn exec(mut self) -> Error {
        Error::new(self.command.exec()).context(format!("cannot start {}", self.label))
    }

    fn wait(&mut self, progress: &mut Progress) -> Result<CmdOutput> {
        let program = self.command.get_program().display().to_string();
        let (mut child, reader) = self.start().with_context(|| format!("cannot start {program}"))?;
        let mut group = ProcessGroup::of(&child);
        let lines = log::read_lines(reader);
        let start = Instant::now();
        let (mut text, mut newest) = (String::new(), String::new());
        let mut timed_out = false;
        let status = loop {
            match lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => {
                    text.push_str(&line);
                    text.push('\n');
                    if !line.trim().is_empty() {
                        newest = line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break child.wait()?,
            }
            progress.tick(&newest);
            timed_out |= start.elapsed() > self.timeout;
            // children that outlive the program would keep its output open
            if timed_out || child.try_wait()?.is_some() {
                group.kill();
            }
        };
        if timed_out {
            text.push_str(&format!(
                "killed after {}: time limit exceeded\n",
                seconds(start.elapsed())
            ));
        }
        Ok(CmdOutput {
            status,
            text,
            timed_out,
        })
    }

    fn start(&mut self) -> io::Result<(Child, PipeReader)> {
        let (reader, writer) = io::pipe()?;
        self.command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0);
        let child = self.command.spawn()?;
        // closes the write ends in this process, so that the reader sees the end
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok((child, reader))
    }
}

/// Program that runs in the background; killed on drop.
pub(crate) struct Background {
    label: String,
    child: Child,
    group: ProcessGroup,
}

impl Background {
    /// How it ended, if it has ended.
    pub(crate) fn ended(&mut self) -> Result<Option<String>> {
        let status = self.child.try_wait()?;
        Ok(status.map(|status| format!("{}: {}", self.label, describe(status))))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.group.kill();
        drop(self.child.wait());
    }
}

/// Removes the variables that `cargo run` sets for this package: cargo would rebuild packages that read them.
fn remove_package_variables(command: &mut Command) {
    const PREFIXES: [&str; 5] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
        "CARGO_PRIMARY_",
    ];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}

fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => "killed by a signal".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stdout_and_stderr_of_a_program_keep_their_order() {
        let output = Cmd::new("t", "sh")
            .args(["-c", "echo one; echo two >&2; echo three; exit 3"])
            .output()
            .expect("sh starts");
        assert_eq!(output.text, "one\ntwo\nthree\n");
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn children_outliving_their_program_are_killed() {
        let start = Instant::now();
        let output = Cmd::new("t", "sh")
            .args(["-c", "sleep 60 & echo left"])
            .output()
            .expect("sh starts");
        assert_eq!(output.text, "left\n");
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn program_over_its_timeout_is_killed() {
        let cmd = Cmd::new("t", "sleep")
            .arg("60")
            .timeout(Duration::from_millis(200));
        let output = cmd.output().expect("sleep starts");
        assert!(output.timed_out);
        assert!(!output.status.success());
    }

    #[test]
    fn program_missing_is_named_in_the_error() {
        let error = Cmd::new("t", "no-such-program-of-pesan")
            .run()
            .expect_err("there is none");
        assert!(
            error.to_string().contains("no-such-program-of-pesan"),
            "{error:#}"
        );
    }
}
