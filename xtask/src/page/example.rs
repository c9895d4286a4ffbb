//! A program of `examples/` for the browser, built and shrunk as the page is.

use std::path::{Path, PathBuf};

use super::{SmallStd, minify, shrink};
use crate::failure::Failure;
use crate::job::Job;
use crate::project::Project;
use crate::tools::{self, WASM};

/// Builds an example with these features into `folder`; returns its wasm and its script.
pub(crate) fn example(
    project: &Project,
    name: &str,
    features: &str,
    folder: &Path,
) -> Result<[PathBuf; 2], Failure> {
    let path = tools::for_page(project)?;
    let library = SmallStd::find();
    library.fetch(project)?;
    let line = format!(
        "build --profile page --target {WASM} --no-default-features --features {features} --example {name}"
    );
    library
        .set(Job::cargo(
            format!("build the example {name} with `{features}`"),
            &project.root,
            &line,
        ))
        .run()?;
    let built = project.target.join(WASM).join("page/examples");
    Job::new(format!("wasm-bindgen on {name}"), "wasm-bindgen")
        .words("--target web --no-typescript --out-dir")
        .arg(folder)
        .arg(built.join(format!("{name}.wasm")))
        .env("PATH", &path)
        .run()?;
    let (wasm, script) = (
        folder.join(format!("{name}_bg.wasm")),
        folder.join(format!("{name}.js")),
    );
    shrink(&path, &script, &wasm)?;
    minify(&tools::minifier(project)?, &script)?;
    Ok([wasm, script])
}
