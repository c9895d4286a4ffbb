//! Process groups: whatever a program started ends with it, and all of them when this program is interrupted.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

/// Groups of the programs that run now.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Process group of a started program; ends with this value.
pub(super) struct Group(Option<i32>);

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        let id = child.id().cast_signed();
        GROUPS.lock().expect("nobody panics while holding it").insert(id);
        Self(Some(id))
    }

    pub(super) fn end(&mut self) {
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
