//! Builds the page: Trunk in release, then every file once more as `.br` and `.gz` for the server to send.

use std::ffi::OsString;
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

/// What the page is made of.
const SOURCES: [&str; 7] = [
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
    let sources = fingerprint::of_files(&SOURCES.map(|name| project.root.join(name)))?;
    if fs::read_to_string(&note).is_ok_and(|there| there == state(project, &sources).unwrap_or_default()) {
        return Ok(());
    }
    let path = tools::for_page(project)?;
    let dist = project.dist();
    clear(&dist)?;
    Job::new("build the page", "trunk")
        .words("build --release --cargo-profile page --offline --skip-version-check --color never --dist")
        .arg(&dist)
        .env("PATH", path)
        .without_env("NO_COLOR")
        .folder(&project.root)
        .run()
        .map_err(|failure| {
            failure.by_hand(
                "  trunk build --release --cargo-profile page\n(needs trunk, wasm-bindgen and wasm-opt on the PATH)",
            )
        })?;
    minify(project, &dist)?;
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

/// Makes the scripts smaller, if the tool for it can be had.
fn minify(project: &Project, dist: &Path) -> Result<(), Failure> {
    let minifier = match tools::minifier(project) {
        Ok(minifier) => minifier,
        Err(failure) => {
            println!(
                "  ! the page's script stays as it is, some 2 kB larger: {}",
                failure.what()
            );
            return Ok(());
        }
    };
    for script in files(dist)?.iter().filter(|file| extension(file) == "js") {
        let mut out = OsString::from("--outfile=");
        out.push(script);
        Job::new("minify the script", &minifier)
            .arg(script)
            .arg(out)
            .words("--allow-overwrite --minify --format=esm --log-level=error")
            .run()?;
    }
    Ok(())
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
