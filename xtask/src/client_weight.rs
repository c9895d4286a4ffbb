//! What the client alone adds to a page: the example `browser`, built and compressed as the page is.

use std::fs;

use crate::failure::{Doing, Failure};
use crate::job::Job;
use crate::page;
use crate::project::Project;
use crate::tools::{self, WASM};

/// Most bytes of wasm and JavaScript together, gzipped. A ratchet; `docs/client.md` says what they are.
pub(crate) const BUDGET: usize = 62_500;

/// Gzipped bytes of the wasm and of its JavaScript.
pub(crate) fn weigh(project: &Project) -> Result<[usize; 2], Failure> {
    let path = tools::for_page(project)?;
    let line = format!(
        "build --profile page --target {WASM} --no-default-features --features web --example browser"
    );
    let library = page::SmallStd::find();
    library.fetch(project)?;
    library
        .set(Job::cargo("build the client alone", &project.root, &line))
        .run()?;
    let built = project.target.join(WASM).join("page/examples/browser.wasm");
    let out = project.notes().join("client");
    fs::create_dir_all(&out).doing(format_args!("make {}", out.display()))?;
    Job::new("wasm-bindgen on the client", "wasm-bindgen")
        .words("--target web --no-typescript --out-dir")
        .arg(&out)
        .arg(&built)
        .env("PATH", &path)
        .run()?;
    let (wasm, script) = (out.join("browser_bg.wasm"), out.join("browser.js"));
    page::shrink(&path, &script, &wasm)?;
    page::minify(&tools::minifier(project)?, &script)?;
    let mut sizes = [0; 2];
    for (size, file) in sizes.iter_mut().zip([wasm, script]) {
        let content = fs::read(&file).doing(format_args!("read {}", file.display()))?;
        *size = page::gzip(&content)?.len();
    }
    Ok(sizes)
}
