//! Runs a program in a process group of its own, with a live line, a log and a time limit.
//!
//! When the job ends, however it ends, whatever it left running ends with it; so it does when this program is
//! interrupted. `job::Job` is the only place that starts programs, but for the last step of `run`.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::failure::{Doing, Failure};
use crate::progress::{Progress, seconds};

/// Lines of a failed job's output that are shown.
const SHOWN_LINES: usize = 80;

/// Longest time of a job that names none.
const LIMIT: Duration = Duration::from_secs(40 * 60);

/// Groups of the programs that run now.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

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

/// Process group of a started program; ends with this value.
struct Group(Option<i32>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().cast_signed();
        GROUPS.lock().expect("nobody panics while holding it").insert(id);
        Self(Some(id))
    }

    fn end(&mut self) {
        if let Some(id) = self.0.take() {
            end_group(id, Signal::KILL);
            GROUPS.lock().expect("nobody panics while holding it").remove(&id);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

fn end_group(id: i32, signal: Signal) {
    let Some(group) = Pid::from_raw(id) else { return };
    if let Err(error) = kill_process_group(group, signal)
        && error != Errno::SRCH
    {
        println!("cannot end process group {id}: {error}");
    }
}

/// On Ctrl-C and the like: ends every started program, then this one.
pub(crate) fn stop_all_on_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
        return;
    };
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let groups = GROUPS.lock().expect("nobody panics while holding it").clone();
            groups.iter().for_each(|group| end_group(*group, Signal::TERM));
            thread::sleep(Duration::from_millis(300));
            groups.iter().for_each(|group| end_group(*group, Signal::KILL));
            println!();
            std::process::exit(128 + signal);
        }
    });
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

fn read_lines(reader: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

fn write_log(path: &Path, output: &str) -> Result<(), Failure> {
    let folder = path.parent().expect("a log is in a folder");
    fs::create_dir_all(folder).doing(format_args!("make {}", folder.display()))?;
    let mut file = fs::File::create(path).doing(format_args!("write {}", path.display()))?;
    file.write_all(output.as_bytes())
        .doing(format_args!("write {}", path.display()))
}

/// The last lines of a text, without those by which cargo says what it builds.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let progress = [
        "Compiling ",
        "Checking ",
        "Downloaded ",
        "Downloading ",
        "Documenting ",
        "Fresh ",
        "Blocking ",
    ];
    let told = |line: &&str| !progress.iter().any(|word| line.trim_start().starts_with(word));
    let kept: Vec<&str> = text.lines().filter(told).collect();
    kept[kept.len().saturating_sub(lines)..].join("\n")
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
    fn the_end_of_an_output_is_what_matters() {
        let output = "first\n   Compiling serde v1.0.0\nwarning: x\nerror: y\n";
        assert_eq!(tail(output, 2), "warning: x\nerror: y");
        assert_eq!(tail(output, 9), "first\nwarning: x\nerror: y");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = Job::new("t", "no-such-program-of-pesan")
            .run()
            .expect_err("there is none");
        assert!(failure.what().contains("no-such-program-of-pesan"), "{failure}");
    }
}
