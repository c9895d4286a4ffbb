//! The programs that the page is built with, each in its one right version.
//!
//! Each is looked for on the PATH, then in the project's cache. What is missing is had the quick way (a release of
//! the tool, where ordinary internet is there) or else the registry's way, is kept in the cache and never had twice.

mod cargo;
mod debian;
mod fetch;
mod npm;

use std::cell::Cell;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

pub(crate) use debian::{browser, packages};
pub(crate) use npm::install_locked;

use crate::failure::{Doing, Failure};
use crate::job::Job;
use crate::project::Project;

/// Newest Trunk that builds with the Rust version that the project asks for.
const TRUNK: &str = "0.21.14";

/// Version of Binaryen, which has wasm-opt and wasm-metadce.
const BINARYEN: &str = "132";

/// Version of the minifier: Trunk's own stumbles over what wasm-bindgen writes.
const ESBUILD: &str = "0.25.12";

/// Target of the page.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Program in one version, and the ways to get it.
struct Tool {
    /// Name of the program.
    program: &'static str,
    version: String,
    /// Where the tool's makers publish it for this machine, first choice first.
    releases: Vec<String>,
    /// Installs into the folder from a registry.
    registry: fn(tool: &Self, folder: &Path, cache: &Path) -> Result<(), Failure>,
    /// What to do when both fail.
    by_hand: String,
}

/// Makes sure of everything that the page is built with; returns the PATH that has it.
pub(crate) fn for_page(project: &Project) -> Result<OsString, Failure> {
    wasm_target()?;
    let online = Cell::new(true);
    let tools = [trunk(), wasm_bindgen(project)?, binaryen()];
    let mut folders = Vec::new();
    for tool in &tools {
        folders.extend(ensure(tool, project, &online)?);
    }
    path_with(folders)
}

/// Makes sure of the minifier of the page's script; returns its path. A page without it works as well, and is larger.
pub(crate) fn minifier(project: &Project) -> Result<PathBuf, Failure> {
    let tool = esbuild();
    let folder = ensure(&tool, project, &Cell::new(false))?;
    folder
        .map(|folder| folder.join(tool.program))
        .or_else(|| find(tool.program))
        .ok_or_else(|| Failure::new("esbuild is not there any more"))
}

/// Makes sure of the runner of the tests in the browser; returns its path.
pub(crate) fn wasm_test_runner(project: &Project) -> Result<PathBuf, Failure> {
    let tool = wasm_bindgen(project)?;
    let name = "wasm-bindgen-test-runner";
    Ok(match ensure(&tool, project, &Cell::new(true))? {
        Some(folder) => folder.join(name),
        None => find(name).ok_or_else(|| {
            Failure::new(format!("wasm-bindgen is on the PATH, but {name} is not")).by_hand(&tool.by_hand)
        })?,
    })
}

/// Makes sure of the standard library for the page's target.
pub(crate) fn wasm_target() -> Result<(), Failure> {
    let libraries = Job::new("rustc", "rustc")
        .words("--print target-libdir --target")
        .arg(WASM)
        .quiet();
    if libraries.is_some_and(|folder| Path::new(folder.trim()).is_dir()) {
        return Ok(());
    }
    let by_hand = format!(
        "  rustup target add {WASM}\nWithout rustup, install your system's package of the Rust library for {WASM}."
    );
    let add = Job::new(format!("rustup target add {WASM}"), "rustup")
        .words("target add")
        .arg(WASM);
    add.run().map(drop).map_err(|failure| failure.by_hand(by_hand))
}

/// Makes sure of parts of the toolchain that a minimal installation leaves out.
pub(crate) fn component(program: &str, component: &str) -> Result<(), Failure> {
    if Job::new(program, program).arg("--version").quiet().is_some() {
        return Ok(());
    }
    let add = Job::new(format!("rustup component add {component}"), "rustup")
        .words("component add")
        .arg(component);
    add.run()
        .map(drop)
        .map_err(|failure| failure.by_hand(format!("  rustup component add {component}")))
}

fn trunk() -> Tool {
    let release = "https://github.com/trunk-rs/trunk/releases/download";
    Tool {
        program: "trunk",
        version: TRUNK.to_owned(),
        releases: vec![format!("{release}/v{TRUNK}/trunk-{}.tar.gz", fetch::host())],
        registry: |tool, folder, cache| cargo::install(tool, "trunk", true, folder, cache),
        by_hand: format!("  cargo install --locked trunk@{TRUNK}"),
    }
}

fn wasm_bindgen(project: &Project) -> Result<Tool, Failure> {
    let version = project.locked_version("wasm-bindgen")?;
    let release = "https://github.com/wasm-bindgen/wasm-bindgen/releases/download";
    let host = fetch::host();
    let releases = [host.replace("-gnu", "-musl"), host]
        .map(|host| format!("{release}/{version}/wasm-bindgen-{version}-{host}.tar.gz"));
    Ok(Tool {
        program: "wasm-bindgen",
        releases: releases.into(),
        // its lock file can name versions that a registry does not have yet
        registry: |tool, folder, cache| cargo::install(tool, "wasm-bindgen-cli", false, folder, cache),
        by_hand: format!("  cargo install wasm-bindgen-cli@{version}"),
        version,
    })
}

fn binaryen() -> Tool {
    let release = "https://github.com/WebAssembly/binaryen/releases/download";
    let system = match (env::consts::OS, env::consts::ARCH) {
        ("macos", "aarch64") => "arm64-macos".to_owned(),
        (system, machine) => format!("{machine}-{system}"),
    };
    Tool {
        // whoever has it has wasm-opt beside it
        program: "wasm-metadce",
        version: BINARYEN.to_owned(),
        releases: vec![format!(
            "{release}/version_{BINARYEN}/binaryen-version_{BINARYEN}-{system}.tar.gz"
        )],
        registry: |tool, folder, _| {
            npm::install(
                &format!("binaryen@{}.0.0", tool.version),
                &[tool.program, "wasm-opt"],
                folder,
            )
        },
        by_hand: format!(
            "  npm install --global binaryen@{BINARYEN}    (needs Node)\n\
             or put wasm-opt and wasm-metadce {BINARYEN} of https://github.com/WebAssembly/binaryen/releases on the PATH"
        ),
    }
}

fn esbuild() -> Tool {
    Tool {
        program: "esbuild",
        version: ESBUILD.to_owned(),
        releases: Vec::new(),
        registry: |tool, folder, _| {
            npm::install(&format!("esbuild@{}", tool.version), &[tool.program], folder)
        },
        by_hand: format!("  npm install --global esbuild@{ESBUILD}    (needs Node)"),
    }
}

/// Finds the tool or gets it; returns the folder to put on the PATH, none when it is there already.
fn ensure(tool: &Tool, project: &Project, online: &Cell<bool>) -> Result<Option<PathBuf>, Failure> {
    if find(tool.program).is_some_and(|program| has_version(&program, &tool.version)) {
        return Ok(None);
    }
    let folder = project
        .cache
        .join("tools")
        .join(format!("{}-{}", tool.program, tool.version));
    let program = folder.join("bin").join(tool.program);
    if program.exists() {
        return Ok(program.parent().map(Path::to_owned));
    }
    let _lock = lock(&project.cache, tool.program)?;
    if !program.exists() {
        get(tool, &folder, &project.cache, online)
            .map_err(|failure| failure.by_hand(format!("{}\nThen run this command again.", tool.by_hand)))?;
    }
    Ok(program.parent().map(Path::to_owned))
}

/// Gets the tool into a folder beside its place, looks whether it runs, then moves it there.
fn get(tool: &Tool, folder: &Path, cache: &Path, online: &Cell<bool>) -> Result<(), Failure> {
    let fresh = cache
        .join("tools")
        .join(format!("{}-{}.new", tool.program, tool.version));
    let start_over = || -> Result<(), Failure> {
        if fresh.exists() {
            fs::remove_dir_all(&fresh).doing(format_args!("clear {}", fresh.display()))?;
        }
        fs::create_dir_all(fresh.join("bin")).doing(format_args!("make {}", fresh.display()))
    };
    let runs = || has_version(&fresh.join("bin").join(tool.program), &tool.version);
    start_over()?;
    let fetched = tool
        .releases
        .iter()
        .any(|url| fetch::release(tool.program, url, &fresh, online) && runs());
    if !fetched {
        start_over()?;
        (tool.registry)(tool, &fresh, cache)?;
        if !runs() {
            return Err(Failure::new(format!(
                "{} was installed, but does not run as {}",
                tool.program, tool.version
            )));
        }
    }
    fs::rename(&fresh, folder).doing(format_args!("move {} to {}", fresh.display(), folder.display()))
}

/// Keeps a second run of this program from getting the same tool meanwhile.
fn lock(cache: &Path, program: &str) -> Result<File, Failure> {
    fs::create_dir_all(cache).doing(format_args!("make {}", cache.display()))?;
    let path = cache.join(format!("{program}.lock"));
    let file = File::create(&path).doing(format_args!("write {}", path.display()))?;
    file.lock().doing(format_args!("lock {}", path.display()))?;
    Ok(file)
}

/// Looks for a program on the PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn has_version(program: &Path, version: &str) -> bool {
    let said = Job::new(program.to_string_lossy(), program)
        .arg("--version")
        .quiet();
    said.is_some_and(|said| said.split_whitespace().any(|word| word == version))
}

fn path_with(mut folders: Vec<PathBuf>) -> Result<OsString, Failure> {
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    env::join_paths(folders).map_err(|error| Failure::new(format!("a folder cannot be on the PATH: {error}")))
}
