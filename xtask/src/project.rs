//! Where things are: the project's folder, its build folder, the tools' cache, the versions in `Cargo.lock`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Failure};

/// The checked-out project.
pub(crate) struct Project {
    /// Folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's build folder.
    pub(crate) target: PathBuf,
    /// Tools that are built or downloaded once for all check-outs.
    pub(crate) cache: PathBuf,
}

impl Project {
    pub(crate) fn find() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = root
            .parent()
            .expect("the package is a folder of the project")
            .to_owned();
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        let cache = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
            .map_or_else(|| target.join("cache"), |dir| dir.join("pesan"));
        Self { root, target, cache }
    }

    /// Folder of this program's own notes: logs, fingerprints.
    pub(crate) fn notes(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// The built page.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// Version of a package in `Cargo.lock`.
    pub(crate) fn locked_version(&self, package: &str) -> Result<String, Failure> {
        let path = self.root.join("Cargo.lock");
        let lock = fs::read_to_string(&path).doing(format_args!("read {}", path.display()))?;
        version_in(&lock, package)
            .ok_or_else(|| Failure::new(format!("Cargo.lock names no version of {package}")))
    }
}

fn version_in(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_of_the_named_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(version_in(lock, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(version_in(lock, "missing"), None);
    }
}
