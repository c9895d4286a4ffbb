//! Checks that the tables of `docs/reference/protocol.md` have every event and error code of `src/protocol.rs`, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the repository")
}

/// Codes that begin the rows of tables, from one heading to the next.
fn rows<'a>(document: &'a str, heading: &str) -> BTreeSet<&'a str> {
    let (_, section) = document.split_once(heading).expect("the heading");
    let (section, _) = section.split_once("\n## ").unwrap_or((section, ""));
    let (_, table) = section.split_once("| --- |").expect("a table");
    // A table before the last one of the section describes something else.
    let table = table.rsplit("| --- |").next().unwrap_or(table);
    let names = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.collect()
}

#[test]
fn protocol_document_has_every_event_and_no_other() {
    let (code, document) = (read("src/protocol.rs"), read("docs/reference/protocol.md"));
    let (_, events) = code.split_once("\nevents! {").expect("the list of events");
    let (events, _) = events.split_once("\n}").expect("its end");
    let events: BTreeSet<&str> = events
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
        .collect();
    assert!(events.len() >= 20, "only {} events are found", events.len());
    assert_eq!(rows(&document, "\n## Pages"), events);
}

#[test]
fn protocol_document_has_the_plain_events() {
    let document = read("docs/reference/protocol.md");
    let plain = BTreeSet::from([pesan::protocol::PLAIN, pesan::protocol::WELCOME]);
    assert_eq!(rows(&document, "\n## Plain clients"), plain);
}

#[test]
fn protocol_document_has_every_error_code_and_no_other() {
    let (code, document) = (read("src/protocol.rs"), read("docs/reference/protocol.md"));
    let (_, codes) = code.split_once("pub enum ChatErrorCode {").expect("the codes");
    let (codes, _) = codes.split_once("\n}").expect("their end");
    let variants = codes.lines().filter_map(|line| line.trim().strip_suffix(','));
    let variants = variants.filter(|name| *name != "Other" && name.chars().all(char::is_alphanumeric));
    let codes: BTreeSet<String> = variants.map(kebab_case).collect();
    let documented = rows(&document, "\n## Error codes");
    assert_eq!(documented, codes.iter().map(String::as_str).collect());
}

/// `NameTaken` as serde writes it: `name-taken`.
fn kebab_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(letter.to_lowercase());
    }
    text
}
