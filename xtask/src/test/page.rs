//! The suite of the built page: it builds, and it is light enough; so is the client alone.

use super::tally::Tally;
use crate::client_weight;
use crate::failure::Failure;
use crate::page;
use crate::project::Project;
use crate::size::{self, BUDGET};

pub(super) fn size(project: &Project) -> Result<Tally, Failure> {
    page::build(project)?;
    let (table, gzip) = size::table(&size::weigh(&project.dist())?);
    print!("{table}");
    let built = Tally::pass();
    Ok(built + within("page", gzip, BUDGET) + client(project)?)
}

fn client(project: &Project) -> Result<Tally, Failure> {
    let [wasm, script] = client_weight::weigh(project)?;
    let budget = client_weight::BUDGET;
    println!("the client alone, gzipped: {wasm} of wasm, {script} of JavaScript; budget {budget}");
    Ok(within("client alone", wasm + script, budget))
}

fn within(what: &str, gzip: usize, budget: usize) -> Tally {
    if gzip <= budget {
        return Tally::pass();
    }
    Tally::failure(format!(
        "the {what} is {gzip} bytes gzipped, over its budget of {budget}"
    ))
}
