//! Download size of the built page, file by file.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::page;

/// Maximum gzipped size of the whole page; above it, `cargo xtask test page` fails.
///
/// It reveals accidental growth. When a feature needs more, raise it and give the reason in the commit.
/// `docs/internals/page.md` lists the current sizes.
pub(crate) const MAX_GZIP_BYTES: usize = 480_000;

/// Sizes of all files of the page; displayed as a table.
pub(crate) struct SizeReport(Vec<FileSize>);

/// Bytes of one file: uncompressed, with gzip, with brotli.
struct FileSize {
    name: String,
    bytes: [usize; 3],
}

impl SizeReport {
    /// Measures a built page.
    pub(crate) fn of(dist: &Path) -> Result<Self> {
        let measure = |file: &Path| {
            let content = fs::read(file)?;
            let [gzip, brotli] = [page::gzip(&content)?, page::brotli(&content)?].map(|copy| copy.len());
            Ok(FileSize {
                name: file.strip_prefix(dist).unwrap_or(file).display().to_string(),
                bytes: [content.len(), gzip, brotli],
            })
        };
        let files = page::files(dist)?;
        Ok(Self(
            files.iter().map(|file| measure(file)).collect::<Result<_>>()?,
        ))
    }

    /// Gzipped bytes of all files.
    pub(crate) fn gzip(&self) -> usize {
        self.total()[1]
    }

    fn total(&self) -> [usize; 3] {
        [0, 1, 2].map(|column| self.0.iter().map(|file| file.bytes[column]).sum())
    }
}

impl fmt::Display for SizeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |[plain, gzip, brotli]: [&dyn fmt::Display; 3], name: &str| {
            writeln!(f, "{plain:>10} {gzip:>10} {brotli:>10}  {name}")
        };
        row([&"bytes", &"gzip", &"brotli"], "")?;
        for file in &self.0 {
            row(file.bytes.each_ref().map(|bytes| bytes as _), &file.name)?;
        }
        let total = self.total();
        row(
            total.each_ref().map(|bytes| bytes as _),
            &format!("total; the maximum is {MAX_GZIP_BYTES} gzipped"),
        )
    }
}
