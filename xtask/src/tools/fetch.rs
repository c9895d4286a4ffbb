//! The quick way to a tool: the archive that its makers publish.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::job::Job;

/// Downloads and unpacks an archive so that `folder/bin/program` is there; says whether it is.
///
/// Fails silently and soon, because there is another way. Where the network does not reach the first address,
/// no other is tried in this run: `online` keeps that.
pub(super) fn release(program: &str, url: &str, folder: &Path, online: &Cell<bool>) -> bool {
    if !online.get() {
        return false;
    }
    let archive = folder.join("archive.tar.gz");
    let download = Job::new(format!("download {program}"), "curl")
        .words("--fail --location --silent --connect-timeout 4 --max-time 180 --speed-limit 20000 --speed-time 10")
        .words("--proto =https --proto-redir =https --output")
        .arg(&archive)
        .arg(url)
        .limit(Duration::from_secs(200));
    match download.silently() {
        Some(0) => {}
        // 22: the address was reached, but there is no such file
        Some(22) => return false,
        _ => {
            online.set(false);
            return false;
        }
    }
    unpack(program, &archive, folder)
}

fn unpack(program: &str, archive: &Path, folder: &Path) -> bool {
    let contents = folder.join("contents");
    if fs::create_dir_all(&contents).is_err() {
        return false;
    }
    let tar = Job::new("tar", "tar")
        .arg("xzf")
        .arg(archive)
        .arg("-C")
        .arg(&contents);
    if tar.quiet().is_none() || fs::remove_file(archive).is_err() {
        return false;
    }
    // a link, since what a program needs may lie anywhere beside it; a relative one, since the folder will move
    let bin = folder.join("bin");
    let Some(found) = find_program(&contents, program) else {
        return false;
    };
    let Ok(found) = found.strip_prefix(folder) else {
        return false;
    };
    fs::remove_dir(&bin).is_ok() && symlink(found, bin).is_ok()
}

/// Folder below `folder` that has the program.
fn find_program(folder: &Path, program: &str) -> Option<PathBuf> {
    if folder.join(program).is_file() {
        return Some(folder.to_owned());
    }
    let entries = fs::read_dir(folder).ok()?;
    let folders = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    folders
        .into_iter()
        .find_map(|below| find_program(&below, program))
}

/// This machine in Rust's words, as `x86_64-unknown-linux-gnu`.
pub(super) fn host() -> String {
    let said = Job::new("rustc", "rustc").arg("-vV").quiet().unwrap_or_default();
    said.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_at_any_depth_of_an_archive() {
        let folder = std::env::temp_dir().join(format!("pesan-find-{}", std::process::id()));
        let deep = folder.join("a/bin");
        fs::create_dir_all(&deep).expect("the temporary folder takes folders");
        fs::write(deep.join("tool"), "").expect("and files");
        assert_eq!(find_program(&folder, "tool"), Some(deep));
        assert_eq!(find_program(&folder, "other"), None);
        fs::remove_dir_all(&folder).expect("made above");
    }
}
