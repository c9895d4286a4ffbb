//! Node, and packages from npm.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err::{self as fs, os::unix::fs::symlink};

use super::find;
use crate::advice::ByHand;
use crate::cmd::Cmd;
use crate::fingerprint;

/// Minimum version of Node.
const NODE: u32 = 20;

/// Checks that Node and npm are installed.
pub(crate) fn node() -> Result<()> {
    check_node().by_hand(format!(
        "install Node {NODE} or newer with npm, from your system's packages or https://nodejs.org"
    ))
}

fn check_node() -> Result<()> {
    let version = Cmd::new("node", "node").arg("--version").read();
    let version = version.context("Node is not installed")?;
    ensure!(
        major(&version).is_some_and(|major| major >= NODE),
        "Node {} is too old; the minimum is {NODE}",
        version.trim()
    );
    ensure!(find("npm").is_some(), "npm is not installed");
    Ok(())
}

/// Installs a package into a folder, with a link to its program in `folder/bin`.
pub(super) fn install(package: &str, program: &str, folder: &Path) -> Result<()> {
    node()?;
    Cmd::new(format!("npm install {package}"), "npm")
        .split_args("install --no-audit --no-fund --no-save --ignore-scripts --prefix")
        .arg(folder)
        .arg(package)
        .current_dir(folder)
        .run()?;
    symlink(
        Path::new("../node_modules/.bin").join(program),
        folder.join("bin").join(program),
    )?;
    Ok(())
}

/// Installs the packages of the `package-lock.json` in a folder, unless they are installed.
pub(crate) fn install_locked(folder: &Path) -> Result<()> {
    node()?;
    let lock = folder.join("package-lock.json");
    let modules = folder.join("node_modules");
    let stamp = modules.join(".pesan-lock");
    let wanted = fingerprint::of_files(&[lock])?;
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Cmd::new(format!("npm ci in tests/{name}"), "npm")
        .split_args("ci --no-audit --no-fund")
        .current_dir(folder)
        .run()
        .by_hand(format!("  cd {} && npm ci", folder.display()))?;
    Ok(fs::write(&stamp, wanted)?)
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_in_the_output_of_node_is_parsed() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("something"), None);
    }
}
