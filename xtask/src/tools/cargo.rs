//! Tools from crates.io, built once.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use super::Tool;
use crate::cmd::Cmd;

/// Builds a package and installs its programs into `folder/bin`.
pub(super) fn install(tool: &Tool, package: &str, locked: bool, folder: &Path, cache: &Path) -> Result<()> {
    let build = cache.join("build");
    // in the cache folder, so that the cargo settings of the project do not apply
    Cmd::cargo(
        format!("build {} {} (once, some minutes)", tool.program, tool.version),
        cache,
        "install",
    )
    .arg(format!("{package}@{}", tool.version))
    .args(locked.then_some("--locked"))
    .arg("--root")
    .arg(folder)
    .arg("--target-dir")
    .arg(&build)
    // optimised for build time: the tools run only for seconds
    .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
    .env("CARGO_PROFILE_RELEASE_LTO", "off")
    .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
    .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
    .env_remove("RUSTFLAGS")
    .env_remove("CARGO_TARGET_DIR")
    .env_remove("CARGO_BUILD_TARGET")
    .run()?;
    if build.exists() {
        fs::remove_dir_all(&build)?;
    }
    Ok(())
}
