//! What the page costs to download, and what it may cost.

use std::fs;
use std::path::Path;

use crate::failure::{Doing, Failure};
use crate::page;

/// Most bytes of all that the browser downloads for the page, gzipped.
///
/// A ratchet: what the page costs today and no more. It was to be at most 120 kB, so that the chat opens within a second on
/// a slow phone connection; `docs/page.md` says what the bytes are.
pub(crate) const BUDGET: usize = 115_000;

/// One file of the page.
pub(crate) struct Weight {
    pub(crate) name: String,
    pub(crate) plain: usize,
    pub(crate) gzip: usize,
    pub(crate) brotli: usize,
}

/// Weighs every file that the browser may ask for.
pub(crate) fn weigh(dist: &Path) -> Result<Vec<Weight>, Failure> {
    let mut weights = Vec::new();
    for file in page::files(dist)? {
        let content = fs::read(&file).doing(format_args!("read {}", file.display()))?;
        let gzip = page::gzip(&content)?.len().min(content.len());
        let brotli = fs::metadata(format!("{}.br", file.display())).map_or(content.len(), |copy| {
            usize::try_from(copy.len()).unwrap_or(usize::MAX)
        });
        let name = file.strip_prefix(dist).unwrap_or(&file).display().to_string();
        weights.push(Weight {
            name,
            plain: content.len(),
            gzip,
            brotli,
        });
    }
    Ok(weights)
}

/// Table of the weights, and the gzipped sum.
pub(crate) fn table(weights: &[Weight]) -> (String, usize) {
    let sum = |part: fn(&Weight) -> usize| weights.iter().map(part).sum::<usize>();
    let mut text = format!("{:>10} {:>10} {:>10}\n", "bytes", "gzip", "brotli");
    for weight in weights {
        text += &format!(
            "{:>10} {:>10} {:>10}  {}\n",
            weight.plain, weight.gzip, weight.brotli, weight.name
        );
    }
    let gzip = sum(|weight| weight.gzip);
    text += &format!(
        "{:>10} {gzip:>10} {:>10}  all; budget {BUDGET} gzipped\n",
        sum(|w| w.plain),
        sum(|w| w.brotli)
    );
    (text, gzip)
}
