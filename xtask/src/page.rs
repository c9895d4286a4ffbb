//! Builds the page: Trunk in release, then every file once more as `.br` and `.gz` for the server to send.

mod example;
mod shrink;
mod small_std;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, GzBuilder};

use crate::failure::{Doing, Failure};
use crate::fingerprint;
use crate::job::Job;
use crate::project::Project;
use crate::tools;

pub(crate) use example::example;
use shrink::{minify, shrink};
use small_std::SmallStd;

/// What the page is made of.
const SOURCES: [&str; 10] = [
    "xtask/patches",
    "xtask/src/page.rs",
    "xtask/src/page",
    "src",
    "style",
    "assets",
    "index.html",
    "Trunk.toml",
    "Cargo.toml",
    "Cargo.lock",
];

/// Kinds of files that are compressed already.
const COMPRESSED: [&str; 8] = ["br", "gz", "png", "jpg", "webp", "avif", "woff2", "ico"];

/// Builds the page into `dist`, unless what is there was built from the same sources.
pub(crate) fn build(project: &Project) -> Result<(), Failure> {
    let note = project.notes().join("page");
    let library = SmallStd::find();
    let sources = fingerprint::of_texts([
        fingerprint::of_files(&SOURCES.map(|name| project.root.join(name)))?.as_str(),
        &library.describe(),
    ]);
    if fs::read_to_string(&note).is_ok_and(|there| there == state(project, &sources).unwrap_or_default()) {
        return Ok(());
    }
    let path = tools::for_page(project)?;
    let dist = project.dist();
    clear(&dist)?;
    library.fetch(project)?;
    library
        .set(Job::new("build the page", "trunk"))
        .words("build --release --cargo-profile page --offline --skip-version-check --color never --dist")
        .arg(&dist)
        .env("PATH", &path)
        .without_env("NO_COLOR")
        .folder(&project.root)
        .run()
        .map_err(|failure| {
            failure.by_hand(
                "  trunk build --release --cargo-profile page\n(needs trunk, wasm-bindgen and wasm-opt on the PATH)",
            )
        })?;
    for script in files(&dist)?.iter().filter(|file| extension(file) == "js") {
        let name = script.file_stem().unwrap_or_default().to_string_lossy();
        shrink(&path, script, &dist.join(format!("{name}_bg.wasm")))?;
        minified(project, script)?;
    }
    compress(&dist)?;
    let state = state(project, &sources)?;
    fs::create_dir_all(project.notes()).doing(format_args!("make {}", project.notes().display()))?;
    fs::write(&note, state).doing(format_args!("write {}", note.display()))
}

/// Sources and result in one text.
fn state(project: &Project, sources: &str) -> Result<String, Failure> {
    let built = fingerprint::of_files(&[project.dist()])?;
    Ok(fingerprint::of_texts([
        sources,
        &built,
        env!("CARGO_PKG_VERSION"),
    ]))
}

fn clear(folder: &Path) -> Result<(), Failure> {
    if folder.exists() {
        fs::remove_dir_all(folder).doing(format_args!("clear {}", folder.display()))?;
    }
    Ok(())
}

/// Files that the browser may ask for: all but the compressed copies.
pub(crate) fn files(dist: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = fingerprint::files_below(dist)?;
    files.retain(|file| !matches!(extension(file), "br" | "gz"));
    Ok(files)
}

/// Makes a script smaller, if the tool for it can be had.
fn minified(project: &Project, script: &Path) -> Result<(), Failure> {
    match tools::minifier(project) {
        Ok(minifier) => minify(&minifier, script),
        Err(failure) => {
            println!(
                "  ! the page's script stays as it is, some 2 kB larger: {}",
                failure.what()
            );
            Ok(())
        }
    }
}

fn compress(dist: &Path) -> Result<(), Failure> {
    for file in files(dist)? {
        if COMPRESSED.contains(&extension(&file)) {
            continue;
        }
        let content = fs::read(&file).doing(format_args!("read {}", file.display()))?;
        for (ending, copy) in [("br", brotli(&content)?), ("gz", gzip(&content)?)] {
            // a copy that saves nothing is not worth a look
            if copy.len() < content.len() {
                let mut name = file.clone().into_os_string();
                name.push(format!(".{ending}"));
                fs::write(&name, copy).doing(format_args!("write {}", name.display()))?;
            }
        }
    }
    Ok(())
}

/// Gzip without a name and a time, so that the same content gives the same bytes.
pub(crate) fn gzip(content: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder
        .write_all(content)
        .and_then(|()| encoder.finish())
        .doing("compress")
}

fn brotli(content: &[u8]) -> Result<Vec<u8>, Failure> {
    let params = BrotliEncoderParams {
        quality: 11,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut copy = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut copy, &params).doing("compress")?;
    Ok(copy)
}

fn extension(file: &Path) -> &str {
    file.extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_compresses_to_the_same_bytes() {
        let content = b"pesan ".repeat(100);
        assert_eq!(
            gzip(&content).expect("in memory"),
            gzip(&content).expect("in memory")
        );
        assert_eq!(
            brotli(&content).expect("in memory"),
            brotli(&content).expect("in memory")
        );
        assert!(brotli(&content).expect("in memory").len() < gzip(&content).expect("in memory").len());
    }
}
