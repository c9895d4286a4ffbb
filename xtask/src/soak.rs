//! `cargo xtask soak`: what takes too long for every run: tests marked `#[ignore]`, and those of the page.

use std::process::ExitCode;
use std::time::Duration;

use crate::failure::Failure;
use crate::job::Job;
use crate::project::Project;
use crate::test::{FEATURES, specs_of};
use crate::tools;
use crate::{page, server};

/// Longest time of one long run.
const LIMIT: Duration = Duration::from_secs(3 * 60 * 60);

/// Runs those whose names contain one of `names`; without names, lists them.
pub(crate) fn run(project: &Project, names: &[String]) -> Result<ExitCode, Failure> {
    let folder = project.root.join("tests/e2e/soak");
    let pages = specs_of(&folder, |name| name.ends_with(".mjs"))?;
    let cargo = format!("test --release --workspace {FEATURES} -- --ignored");
    if names.is_empty() {
        let list = Job::cargo("build the tests", &project.root, &format!("{cargo} --list")).run()?;
        list.lines()
            .filter_map(|line| line.strip_suffix(": test"))
            .for_each(|name| println!("  {name}"));
        pages
            .iter()
            .filter_map(|page| page.file_stem())
            .for_each(|name| println!("  {}", name.display()));
        println!("\ncargo xtask soak NAME… runs those whose names contain NAME");
        return Ok(ExitCode::SUCCESS);
    }
    let mut ran = false;
    for page in pages {
        let name = page
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if names.iter().any(|wanted| name.contains(wanted.as_str())) {
            ran = true;
            tools::install_locked(&project.root.join("tests/e2e"))?;
            tools::install_locked(&project.root.join("tests/peers"))?;
            page::build(project)?;
            let program = server::release(project)?;
            let job = Job::new(name, "node")
                .words("--test --test-reporter=spec")
                .arg(page)
                .folder(&folder);
            print!(
                "{}",
                job.env("PESAN_SERVER", program)
                    .env("PESAN_DIST", project.dist())
                    .limit(LIMIT)
                    .run()?
            );
        }
    }
    let job = Job::cargo(
        "long tests",
        &project.root,
        &format!("{cargo} --nocapture --test-threads 1"),
    );
    let output = job.args(names).limit(LIMIT).run()?;
    let told =
        |line: &&str| !line.trim().is_empty() && !line.contains("Running") && *line != "running 0 tests";
    output.lines().filter(told).for_each(|line| println!("{line}"));
    if !ran
        && !output
            .lines()
            .any(|line| line.starts_with("running ") && line != "running 0 tests")
    {
        return Err(Failure::new(format!(
            "no long run is called like {}",
            names.join(" or ")
        )));
    }
    Ok(ExitCode::SUCCESS)
}
