//! Tools that build the page, each in a fixed version.
//!
//! A tool is searched on the PATH, then in the cache. A missing tool is downloaded from its releases or, if these cannot be
//! reached, installed from its registry, and stored in the cache.

mod cargo;
mod debian;
mod download;
mod npm;

use std::cell::Cell;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use fs_err::{self as fs, File};

pub(crate) use debian::{browser, packages};
pub(crate) use npm::install_locked;

use crate::advice::ByHand;
use crate::cmd::Cmd;
use crate::project::Project;

/// Newest version of Trunk that builds with the `rust-version` of the project.
const TRUNK: &str = "0.21.14";

/// Rust target of the page.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Program in a fixed version, and how to install it.
struct Tool {
    program: &'static str,
    version: String,
    /// Archives for this machine, in order of preference.
    releases: Vec<String>,
    /// Installs from a registry into `folder`.
    registry: fn(tool: &Self, folder: &Path, cache: &Path) -> Result<()>,
    by_hand: String,
}

/// Installs the tools that build the page; returns a PATH with all of them.
pub(crate) fn for_page(project: &Project) -> Result<OsString> {
    wasm_target()?;
    let online = Cell::new(true);
    let mut path = Vec::new();
    for tool in [trunk(), wasm_bindgen(project)?, wasm_opt(project)?] {
        path.extend(install(&tool, project, &online)?);
    }
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    Ok(env::join_paths(path)?)
}

/// Installs the test runner of wasm-bindgen; returns its path.
pub(crate) fn wasm_test_runner(project: &Project) -> Result<PathBuf> {
    let tool = wasm_bindgen(project)?;
    let name = "wasm-bindgen-test-runner";
    match install(&tool, project, &Cell::new(true))? {
        Some(folder) => Ok(folder.join(name)),
        None => find(name)
            .with_context(|| format!("wasm-bindgen is on the PATH, but {name} is not"))
            .by_hand(tool.by_hand),
    }
}

/// Installs the standard library for the target of the page.
pub(crate) fn wasm_target() -> Result<()> {
    let library = Cmd::new("rustc", "rustc")
        .split_args("--print target-libdir --target")
        .arg(WASM)
        .read();
    if library.is_some_and(|folder| Path::new(folder.trim()).is_dir()) {
        return Ok(());
    }
    rustup(&format!("target add {WASM}")).by_hand(format!(
        "  rustup target add {WASM}\n\
         Without rustup, install your system's package of the Rust library for {WASM}."
    ))
}

/// Installs a component of the toolchain, unless its program runs. Minimal toolchains have none.
pub(crate) fn component(program: &str, component: &str) -> Result<()> {
    if Cmd::new(program, program).arg("--version").read().is_some() {
        return Ok(());
    }
    let line = format!("component add {component}");
    rustup(&line).by_hand(format!("  rustup {line}"))
}

fn rustup(line: &str) -> Result<()> {
    Cmd::new(format!("rustup {line}"), "rustup")
        .split_args(line)
        .run()
        .map(drop)
}

fn trunk() -> Tool {
    let release = "https://github.com/trunk-rs/trunk/releases/download";
    Tool {
        program: "trunk",
        version: TRUNK.to_owned(),
        releases: vec![format!("{release}/v{TRUNK}/trunk-{}.tar.gz", download::host())],
        registry: |tool, folder, cache| cargo::install(tool, "trunk", true, folder, cache),
        by_hand: format!("  cargo install --locked trunk@{TRUNK}"),
    }
}

fn wasm_bindgen(project: &Project) -> Result<Tool> {
    let version = project.locked_version("wasm-bindgen")?;
    let release = "https://github.com/wasm-bindgen/wasm-bindgen/releases/download";
    let host = download::host();
    let releases = [host.replace("-gnu", "-musl"), host]
        .map(|host| format!("{release}/{version}/wasm-bindgen-{version}-{host}.tar.gz"));
    Ok(Tool {
        program: "wasm-bindgen",
        releases: releases.into(),
        // not locked: its lock file can contain versions that a registry mirror does not have
        registry: |tool, folder, cache| cargo::install(tool, "wasm-bindgen-cli", false, folder, cache),
        by_hand: format!("  cargo install wasm-bindgen-cli@{version}"),
        version,
    })
}

fn wasm_opt(project: &Project) -> Result<Tool> {
    let version = project.wasm_opt_version()?;
    let release = "https://github.com/WebAssembly/binaryen/releases/download";
    let system = match (env::consts::OS, env::consts::ARCH) {
        ("macos", "aarch64") => "arm64-macos".to_owned(),
        (system, machine) => format!("{machine}-{system}"),
    };
    Ok(Tool {
        program: "wasm-opt",
        releases: vec![format!(
            "{release}/version_{version}/binaryen-version_{version}-{system}.tar.gz"
        )],
        registry: |tool, folder, _| {
            npm::install(&format!("binaryen@{}.0.0", tool.version), tool.program, folder)
        },
        by_hand: format!(
            "  npm install --global binaryen@{version}    (needs Node)\n\
             or put wasm-opt {version} of https://github.com/WebAssembly/binaryen/releases on the PATH"
        ),
        version,
    })
}

/// Finds or installs a tool; returns the folder to add to the PATH, `None` if the PATH has it.
fn install(tool: &Tool, project: &Project, online: &Cell<bool>) -> Result<Option<PathBuf>> {
    if find(tool.program).is_some_and(|program| has_version(&program, &tool.version)) {
        return Ok(None);
    }
    let tools = project.cache.join("tools");
    let folder = tools.join(format!("{}-{}", tool.program, tool.version));
    let bin = folder.join("bin");
    if bin.join(tool.program).exists() {
        return Ok(Some(bin));
    }
    fs::create_dir_all(&tools)?;
    // another process may be installing the same tool
    let lock = File::create(project.cache.join(format!("{}.lock", tool.program)))?;
    lock.file().lock()?;
    if !bin.join(tool.program).exists() {
        let new = folder.with_added_extension("new");
        install_into(tool, &new, &project.cache, online)
            .by_hand(format!("{}\nThen run this command again.", tool.by_hand))?;
        fs::rename(new, folder)?;
    }
    Ok(Some(bin))
}

/// Installs into an empty folder and checks that the tool runs.
fn install_into(tool: &Tool, folder: &Path, cache: &Path, online: &Cell<bool>) -> Result<()> {
    let clear = || -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        Ok(fs::create_dir_all(folder.join("bin"))?)
    };
    let runs = || has_version(&folder.join("bin").join(tool.program), &tool.version);
    clear()?;
    let mut releases = tool.releases.iter();
    if releases.any(|url| download::release(tool.program, url, folder, online) && runs()) {
        return Ok(());
    }
    clear()?;
    (tool.registry)(tool, folder, cache)?;
    ensure!(
        runs(),
        "{} {} was installed but does not run",
        tool.program,
        tool.version
    );
    Ok(())
}

/// Looks for a program on the PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn has_version(program: &Path, version: &str) -> bool {
    let output = Cmd::new(program.to_string_lossy(), program)
        .arg("--version")
        .read();
    output.is_some_and(|output| output.split_whitespace().any(|word| word == version))
}
