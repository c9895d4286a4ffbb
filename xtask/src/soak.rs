//! `cargo xtask soak`: what takes too long for every run: tests marked `#[ignore]`, and those of the page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::failure::{Doing, Failure};
use crate::fingerprint::files_below;
use crate::job::Job;
use crate::project::Project;
use crate::test::{FEATURES, specs_of};
use crate::tools;
use crate::{page, server};

/// Longest time of one long run.
const LIMIT: Duration = Duration::from_secs(3 * 60 * 60);

/// Packages with tests in Rust, and where these are.
const PACKAGES: [(&str, &str); 2] = [("pesan", "tests"), ("pesan-server", "server/tests")];

/// A long test in Rust.
struct Long {
    package: &'static str,
    /// Program of tests that it is in.
    target: String,
    name: String,
}

/// Runs those whose names contain one of `names`; without names, lists them.
pub(crate) fn run(project: &Project, names: &[String]) -> Result<ExitCode, Failure> {
    let wanted = |name: &str| names.iter().any(|wanted| name.contains(wanted.as_str()));
    let mut tests = long_tests(&project.root)?;
    let folder = project.root.join("tests/e2e/soak");
    let pages = specs_of(&folder, |name| name.ends_with(".mjs"))?;
    if names.is_empty() {
        tests.iter().for_each(|test| println!("  {}", test.name));
        pages.iter().for_each(|page| println!("  {}", stem(page)));
        println!("\ncargo xtask soak NAME… runs those whose names contain NAME");
        return Ok(ExitCode::SUCCESS);
    }
    tests.retain(|test| wanted(&test.name));
    let pages: Vec<PathBuf> = pages.into_iter().filter(|page| wanted(&stem(page))).collect();
    if tests.is_empty() && pages.is_empty() {
        let names = names.join(" or ");
        return Err(Failure::new(format!("no long run is called like {names}")));
    }
    for page in &pages {
        run_page(project, &folder, page)?;
    }
    for Long {
        package,
        target,
        name,
    } in tests
    {
        let line = format!(
            "test --release --package {package} {FEATURES} --test {target} -- --ignored --nocapture {name}"
        );
        let output = Job::cargo(name, &project.root, &line).limit(LIMIT).run()?;
        let told = |line: &&str| !line.trim().is_empty();
        output.lines().filter(told).for_each(|line| println!("{line}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// A long run of the page in Chromium.
fn run_page(project: &Project, folder: &Path, page: &Path) -> Result<(), Failure> {
    tools::install_locked(&project.root.join("tests/e2e"))?;
    tools::install_locked(&project.root.join("tests/peers"))?;
    page::build(project)?;
    let program = server::release(project)?;
    let job = Job::new(stem(page), "node")
        .words("--test --test-reporter=spec")
        .arg(page)
        .folder(folder);
    let job = job.env("PESAN_SERVER", program).env("PESAN_DIST", project.dist());
    print!("{}", job.limit(LIMIT).run()?);
    Ok(())
}

/// Tests that are marked, as the sources have them: to know them nothing need be built.
fn long_tests(root: &Path) -> Result<Vec<Long>, Failure> {
    let mut found = Vec::new();
    for (package, folder) in PACKAGES {
        // a file, perhaps with modules in a folder beside it, or a folder with a `main.rs`
        let mut programs = specs_of(&root.join(folder), |_| true)?;
        programs.retain(|path| {
            path.extension().is_some_and(|kind| kind == "rs") || path.join("main.rs").is_file()
        });
        for program in programs {
            let target = stem(&program);
            let mut files = files_below(&program)?;
            if program.is_file() {
                files.extend(files_below(&program.with_extension(""))?);
            }
            for file in files {
                let text = fs::read_to_string(&file).doing(format_args!("read {}", file.display()))?;
                found.extend(marked(&text).map(|name| Long {
                    package,
                    target: target.clone(),
                    name: name.to_owned(),
                }));
            }
        }
    }
    Ok(found)
}

/// Name of a file without its ending.
fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Names of the tests that are marked in a source.
fn marked(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n#[ignore").skip(1).filter_map(|after| {
        let (_, rest) = after.split_once("fn ")?;
        Some(rest.split_once('(')?.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_tests_are_found_by_their_names() {
        let text = "#[test]\nfn short() {}\n\n#[tokio::test]\n#[ignore = \"an hour\"]\nasync fn long() {}\n#[ignore]\nfn other() {}\n";
        assert_eq!(marked(text).collect::<Vec<_>>(), ["long", "other"]);
    }
}
