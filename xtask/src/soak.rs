//! `cargo xtask soak`: tests that take too long for `cargo xtask test`, which are the Rust tests with `#[ignore]` and those in
//! `tests/e2e/soak`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::cmd::Cmd;
use crate::fingerprint::{entries, files_below};
use crate::project::Project;
use crate::test::HOST_FEATURES;
use crate::{browser, server};

/// Time limit of one test.
const TIMEOUT: Duration = Duration::from_secs(3 * 60 * 60);

/// Packages with Rust tests, and the folders of the tests.
const PACKAGES: [(&str, &str); 2] = [("pesan", "tests"), ("pesan-server", "server/tests")];

/// A long Rust test.
struct LongTest {
    package: &'static str,
    /// Test target that it belongs to.
    target: String,
    name: String,
}

/// Runs the tests whose names contain one of `names`; without names, lists all.
pub(crate) fn run(project: &Project, names: &[String]) -> Result<ExitCode> {
    let wanted = |name: &str| names.iter().any(|wanted| name.contains(wanted.as_str()));
    let mut tests = long_tests(&project.root)?;
    let folder = project.root.join("tests/e2e/soak");
    let pages = entries(&folder)?;
    if names.is_empty() {
        tests.iter().for_each(|test| println!("  {}", test.name));
        pages.iter().for_each(|page| println!("  {}", stem(page)));
        println!(
            "\ncargo xtask soak NAME… runs the tests with NAME in their name or in the name of their file"
        );
        return Ok(ExitCode::SUCCESS);
    }
    tests.retain(|test| wanted(&test.name) || wanted(&test.target));
    let pages: Vec<PathBuf> = pages.into_iter().filter(|page| wanted(&stem(page))).collect();
    ensure!(
        !tests.is_empty() || !pages.is_empty(),
        "no long test has {} in its name; `cargo xtask soak` lists the names",
        names.join(" or ")
    );
    for page in pages {
        let node = browser::node(project, stem(&page), &server::release(project)?)?
            .split_args("--test --test-reporter=spec");
        print!("{}", node.arg(page).timeout(TIMEOUT).run()?);
    }
    for LongTest {
        package,
        target,
        name,
    } in tests
    {
        let line = format!(
            "test --release --package {package} {HOST_FEATURES} --test {target} -- --ignored --nocapture {name}"
        );
        print!(
            "{}",
            Cmd::cargo(name, &project.root, &line).timeout(TIMEOUT).run()?
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Finds the ignored tests in the sources, without a build.
fn long_tests(root: &Path) -> Result<Vec<LongTest>> {
    let mut found = Vec::new();
    for (package, folder) in PACKAGES {
        // a test target is a file, perhaps with modules in a folder beside it, or a folder with a `main.rs`
        let mut programs = entries(&root.join(folder))?;
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
                let text = fs::read_to_string(&file)?;
                found.extend(ignored(&text).map(|name| LongTest {
                    package,
                    target: target.clone(),
                    name: name.to_owned(),
                }));
            }
        }
    }
    Ok(found)
}

/// Name of a file without its extension.
fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Names of the ignored tests of a source.
fn ignored(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n#[ignore").skip(1).filter_map(|after| {
        let (_, rest) = after.split_once("fn ")?;
        Some(rest.split_once('(')?.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_tests_in_a_source_are_found() {
        let text = "#[test]\nfn short() {}\n\n#[tokio::test]\n#[ignore = \"an hour\"]\nasync fn long() {}\n#[ignore]\nfn other() {}\n";
        assert_eq!(ignored(text).collect::<Vec<_>>(), ["long", "other"]);
    }
}
