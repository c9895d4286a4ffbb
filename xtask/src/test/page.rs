//! The suite of the built page: it builds, and it is light enough.

use super::tally::Tally;
use crate::failure::Failure;
use crate::page;
use crate::project::Project;
use crate::size::{self, BUDGET};

pub(super) fn size(project: &Project) -> Result<Tally, Failure> {
    page::build(project)?;
    let (table, gzip) = size::table(&size::weigh(&project.dist())?);
    print!("{table}");
    let built = Tally::pass();
    Ok(if gzip <= BUDGET {
        built + Tally::pass()
    } else {
        built
            + Tally::failure(format!(
                "the page is {gzip} bytes gzipped, over its budget of {BUDGET}"
            ))
    })
}
