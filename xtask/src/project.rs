//! Paths of the project, and the versions that its files pin.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;

/// The checked-out project.
pub(crate) struct Project {
    /// Folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's build folder.
    pub(crate) target: PathBuf,
    /// Installed tools, shared by all check-outs.
    pub(crate) cache: PathBuf,
}

impl Project {
    pub(crate) fn find() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
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

    /// Folder of xtask's own files: logs, stamps.
    pub(crate) fn notes(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// Folder of the built page.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// Version of a package in `Cargo.lock`.
    pub(crate) fn locked_version(&self, package: &str) -> Result<String> {
        self.text_after("Cargo.lock", &format!("name = \"{package}\"\nversion = \""))
    }

    /// Version of wasm-opt that `Trunk.toml` asks for.
    pub(crate) fn wasm_opt_version(&self) -> Result<String> {
        self.text_after("Trunk.toml", "wasm_opt = \"version_")
    }

    /// Text of a file between `start` and the next quotation mark.
    fn text_after(&self, file: &str, start: &str) -> Result<String> {
        let text = fs::read_to_string(self.root.join(file))?;
        let version = quoted_after(&text, start);
        version
            .map(str::to_owned)
            .with_context(|| format!("{file} has no line {start:?}"))
    }
}

fn quoted_after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_version_beside_a_package_with_a_longer_name_is_found() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        let version = |package: &str| quoted_after(lock, &format!("name = \"{package}\"\nversion = \""));
        assert_eq!(version("wasm-bindgen"), Some("0.2.130"));
        assert_eq!(version("missing"), None);
    }
}
