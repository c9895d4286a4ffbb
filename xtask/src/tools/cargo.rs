//! The registry's way to a tool of Rust: built here, once.

use std::fs;
use std::path::Path;

use super::Tool;
use crate::failure::{Doing, Failure};
use crate::job::Job;

/// Builds a package and puts its programs into `folder/bin`.
pub(super) fn install(
    tool: &Tool,
    package: &str,
    locked: bool,
    folder: &Path,
    cache: &Path,
) -> Result<(), Failure> {
    let build = cache.join("build");
    // away from the project: its settings are not the tool's
    Job::cargo(
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
    // a tool that runs for seconds need not be built for minutes
    .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
    .env("CARGO_PROFILE_RELEASE_LTO", "off")
    .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
    .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
    .without_env("RUSTFLAGS")
    .without_env("CARGO_TARGET_DIR")
    .without_env("CARGO_BUILD_TARGET")
    .run()?;
    if build.exists() {
        fs::remove_dir_all(&build).doing(format_args!("clear {}", build.display()))?;
    }
    Ok(())
}
