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
    let mut tally = built + within("page", gzip, BUDGET);
    for (features, budget) in client_weight::BUDGETS {
        let [wasm, script] = client_weight::weigh(project, features)?;
        let what = format!("client alone with `{features}`");
        println!("the {what}, gzipped: {wasm} of wasm, {script} of JavaScript; budget {budget}");
        tally = tally + within(&what, wasm + script, budget);
    }
    Ok(tally)
}

fn within(what: &str, gzip: usize, budget: usize) -> Tally {
    if gzip <= budget {
        return Tally::pass();
    }
    Tally::failure(format!(
        "the {what} is {gzip} bytes gzipped, over its budget of {budget}"
    ))
}
