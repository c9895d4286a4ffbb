//! Tools from the release archives of their projects: fast, but needs access to GitHub.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fs_err::{self as fs, os::unix::fs::symlink};

use crate::cmd::Cmd;

/// Downloads and unpacks an archive, so that `folder/bin/program` exists; returns whether it succeeded.
///
/// Fails fast and without an error, because the registry is tried next. If a host cannot be reached, `online` is set to
/// false and no other address is tried.
pub(super) fn release(program: &str, url: &str, folder: &Path, online: &Cell<bool>) -> bool {
    if !online.get() {
        return false;
    }
    let archive = folder.join("archive.tar.gz");
    let download = Cmd::new(format!("download {program}"), "curl")
        .split_args("--fail --location --silent --connect-timeout 4 --max-time 180 --speed-limit 20000 --speed-time 10")
        .split_args("--proto =https --proto-redir =https --output")
        .arg(&archive)
        .arg(url)
        .timeout(Duration::from_secs(200));
    match download.try_code() {
        Some(0) => {}
        // curl's 22: the host answered, but there is no such file
        Some(22) => return false,
        _ => {
            online.set(false);
            return false;
        }
    }
    unpack(program, &archive, folder).is_ok()
}

fn unpack(program: &str, archive: &Path, folder: &Path) -> Result<()> {
    let contents = folder.join("contents");
    fs::create_dir_all(&contents)?;
    let tar = Cmd::new("tar", "tar")
        .arg("xzf")
        .arg(archive)
        .arg("-C")
        .arg(&contents);
    ensure!(tar.read().is_some(), "cannot unpack the archive");
    fs::remove_file(archive)?;
    let found = find_program(&contents, program).context("the program is not in the archive")?;
    // a link to the folder, because the program may need files beside it; relative, because the folder is renamed later
    let bin = folder.join("bin");
    fs::remove_dir(&bin)?;
    symlink(found.strip_prefix(folder)?, bin)?;
    Ok(())
}

/// Finds the folder with the program, at or below `folder`.
fn find_program(folder: &Path, program: &str) -> Option<PathBuf> {
    if folder.join(program).is_file() {
        return Some(folder.to_owned());
    }
    let folders = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    folders
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .find_map(|below| find_program(&below, program))
}

/// Target triple of this machine.
pub(super) fn host() -> String {
    let version = Cmd::new("rustc", "rustc").arg("-vV").read().unwrap_or_default();
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_in_an_archive_is_linked_by_bin() {
        let folder = std::env::temp_dir().join(format!("pesan-unpack-{}", std::process::id()));
        let release = folder.join("release-1.0/programs");
        fs::create_dir_all(&release).expect("the temporary folder takes folders");
        fs::create_dir_all(folder.join("bin")).expect("and more of them");
        fs::write(release.join("tool"), "").expect("and files");
        let archive = folder.join("archive.tar.gz");
        let pack = || {
            let tar = Cmd::new("tar", "tar").arg("czf").arg(&archive);
            tar.arg("-C")
                .arg(&folder)
                .arg("release-1.0")
                .read()
                .expect("tar packs")
        };
        pack();
        unpack("other", &archive, &folder).expect_err("not in the archive");
        pack();
        unpack("tool", &archive, &folder).expect("it is in the archive");
        let moved = folder.with_added_extension("moved");
        fs::rename(&folder, &moved).expect("it can be moved");
        assert!(moved.join("bin/tool").is_file());
        fs::remove_dir_all(&moved).expect("made above");
    }
}
