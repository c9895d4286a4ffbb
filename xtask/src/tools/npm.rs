//! Node and what comes by npm.

use std::fs;
use std::path::Path;

use super::find;
use crate::failure::{Doing, Failure};
use crate::fingerprint;
use crate::job::Job;

/// Oldest Node that runs the tests.
const NODE: u32 = 20;

/// Makes sure that Node and npm are there.
pub(crate) fn node() -> Result<(), Failure> {
    let by_hand =
        format!("install Node {NODE} or newer with npm, from your system's packages or https://nodejs.org");
    let said = Job::new("node", "node").arg("--version").quiet();
    let major = said.as_deref().and_then(major);
    match major {
        Some(major) if major >= NODE && find("npm").is_some() => Ok(()),
        Some(major) if major >= NODE => Err(Failure::new("Node is there, but npm is not").by_hand(by_hand)),
        Some(major) => Err(Failure::new(format!("Node {major} is too old")).by_hand(by_hand)),
        None => Err(Failure::new("Node is not on the PATH").by_hand(by_hand)),
    }
}

/// Puts programs of a package into `folder/bin`.
pub(super) fn install(package: &str, programs: &[&str], folder: &Path) -> Result<(), Failure> {
    node()?;
    Job::new(format!("npm install {package}"), "npm")
        .words("install --no-audit --no-fund --no-save --ignore-scripts --prefix")
        .arg(folder)
        .arg(package)
        .folder(folder)
        .run()?;
    for program in programs {
        let link = folder.join("bin").join(program);
        let program = Path::new("../node_modules/.bin").join(program);
        std::os::unix::fs::symlink(program, &link).doing(format_args!("make {}", link.display()))?;
    }
    Ok(())
}

/// Installs what a `package-lock.json` names, unless it is there already.
pub(crate) fn install_locked(folder: &Path) -> Result<(), Failure> {
    node()?;
    let lock = folder.join("package-lock.json");
    let modules = folder.join("node_modules");
    let stamp = modules.join(".pesan-lock");
    let wanted = fingerprint::of_files(&[lock])?;
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Job::new(format!("npm ci in tests/{name}"), "npm")
        .words("ci --no-audit --no-fund")
        .folder(folder)
        .run()
        .map_err(|failure| failure.by_hand(format!("  cd {} && npm ci", folder.display())))?;
    fs::write(&stamp, wanted).doing(format_args!("write {}", stamp.display()))
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("something"), None);
    }
}
