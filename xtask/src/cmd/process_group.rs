//! Process groups of the started programs: one is killed when its program ends, all are killed on Ctrl-C.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

/// Groups of the programs that are running.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn running() -> MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Process group of a started program; killed on drop.
pub(super) struct ProcessGroup(Option<i32>);

impl ProcessGroup {
    pub(super) fn of(child: &Child) -> Self {
        let id = child.id().cast_signed();
        running().insert(id);
        Self(Some(id))
    }

    pub(super) fn kill(&mut self) {
        if let Some(id) = self.0.take() {
            signal_group(id, Signal::KILL);
            running().remove(&id);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

fn signal_group(id: i32, signal: Signal) {
    let Some(group) = Pid::from_raw(id) else { return };
    if let Err(error) = kill_process_group(group, signal)
        && error != Errno::SRCH
    {
        println!("cannot signal process group {id}: {error}");
    }
}

/// On SIGINT, SIGTERM and SIGHUP: stops all started programs, then this one.
pub(crate) fn stop_all_on_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
        return;
    };
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let groups = running().clone();
            groups.iter().for_each(|group| signal_group(*group, Signal::TERM));
            thread::sleep(Duration::from_millis(300));
            groups.iter().for_each(|group| signal_group(*group, Signal::KILL));
            println!();
            std::process::exit(128 + signal);
        }
    });
}
