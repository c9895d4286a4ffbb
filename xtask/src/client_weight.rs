//! What the client alone adds to a page: the example `browser`, built and compressed as the page is.

use std::fs;

use crate::failure::{Doing, Failure};
use crate::page;
use crate::project::Project;

/// Features of the client in a page, and the most bytes of wasm and JavaScript together, gzipped. Ratchets;
/// `docs/client.md` says what the bytes are.
pub(crate) const BUDGETS: [(&str, usize); 2] = [("web", 43_000), ("websocket", 39_100)];

/// Gzipped bytes of the wasm and of its JavaScript, with these features.
pub(crate) fn weigh(project: &Project, features: &str) -> Result<[usize; 2], Failure> {
    let folder = project.notes().join("client").join(features);
    let files = page::example(project, "browser", features, &folder)?;
    let mut sizes = [0; 2];
    for (size, file) in sizes.iter_mut().zip(files) {
        let content = fs::read(&file).doing(format_args!("read {}", file.display()))?;
        *size = page::gzip(&content)?.len();
    }
    Ok(sizes)
}
