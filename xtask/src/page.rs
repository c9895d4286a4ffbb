//! Builds the page: `trunk build --release`, then a `.br` and a `.gz` copy of each file for the server to send.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, GzBuilder};
use fs_err as fs;

use crate::advice::ByHand;
use crate::cmd::Cmd;
use crate::fingerprint;
use crate::project::Project;
use crate::tools;

/// Inputs of the build.
const SOURCES: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "assets",
    "build.rs",
    "index.html",
    "src",
    "style",
    "xtask/src/page.rs",
];

/// Extensions of files that are already compressed.
const COMPRESSED: [&str; 8] = ["br", "gz", "png", "jpg", "webp", "avif", "woff2", "ico"];

/// Builds the page into `dist`, unless `dist` is up to date.
pub(crate) fn build(project: &Project) -> Result<()> {
    let stamp = project.notes().join("page");
    let sources = fingerprint::of_files(&SOURCES.map(|name| project.root.join(name)))?;
    let state = || Ok::<_, anyhow::Error>(format!("{sources} {}", fingerprint::of_files(&[project.dist()])?));
    if fs::read_to_string(&stamp).is_ok_and(|built| state().is_ok_and(|state| built == state)) {
        return Ok(());
    }
    let path = tools::for_page(project)?;
    Cmd::new("build the page", "trunk")
        .split_args("build --release --skip-version-check --color never --dist")
        .arg(project.dist())
        .env("PATH", path)
        .env_remove("NO_COLOR")
        .current_dir(&project.root)
        .run()
        .by_hand("  trunk build --release\n(needs trunk, wasm-bindgen and wasm-opt on the PATH)")?;
    compress(&project.dist())?;
    fs::create_dir_all(project.notes())?;
    fs::write(&stamp, state()?)?;
    Ok(())
}

/// Files of the page without their compressed copies.
pub(crate) fn files(dist: &Path) -> Result<Vec<PathBuf>> {
    let mut files = fingerprint::files_below(dist)?;
    files.retain(|file| !matches!(extension(file), "br" | "gz"));
    Ok(files)
}

fn compress(dist: &Path) -> Result<()> {
    for file in files(dist)? {
        if COMPRESSED.contains(&extension(&file)) {
            continue;
        }
        let content = fs::read(&file)?;
        for (ending, copy) in [("br", brotli(&content)?), ("gz", gzip(&content)?)] {
            if copy.len() < content.len() {
                let mut name = file.clone().into_os_string();
                name.push(format!(".{ending}"));
                fs::write(name, copy)?;
            }
        }
    }
    Ok(())
}

/// Compresses with gzip. Without name and time in the header, so that the same content gives the same bytes.
pub(crate) fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

pub(crate) fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let params = BrotliEncoderParams {
        quality: 11,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut copy = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut copy, &params)?;
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
    fn content_compressed_twice_has_the_same_bytes() {
        let content = b"pesan ".repeat(100);
        for compress in [gzip, brotli] {
            let copy = compress(&content).expect("in memory");
            assert_eq!(copy, compress(&content).expect("in memory"));
            assert!(copy.len() < content.len());
        }
    }
}
