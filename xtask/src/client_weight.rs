//! What the client alone adds to a page: the example `browser`, built and compressed as the page is.

use std::fs;

use crate::failure::{Doing, Failure};
use crate::page;
use crate::project::Project;

/// Most bytes of wasm and JavaScript together, gzipped. A ratchet; `docs/client.md` says what they are.
pub(crate) const BUDGET: usize = 41_300;

/// Gzipped bytes of the wasm and of its JavaScript.
pub(crate) fn weigh(project: &Project) -> Result<[usize; 2], Failure> {
    let files = page::example(project, "browser", &project.notes().join("client"))?;
    let mut sizes = [0; 2];
    for (size, file) in sizes.iter_mut().zip(files) {
        let content = fs::read(&file).doing(format_args!("read {}", file.display()))?;
        *size = page::gzip(&content)?.len();
    }
    Ok(sizes)
}
