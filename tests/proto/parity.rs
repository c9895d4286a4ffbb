//! Checks that all tests named in the two comparisons of `docs/reference` exist.

use std::fs;
use std::path::Path;

#[test]
fn parity_document_names_existing_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/reference/client-parity.md")).expect("the comparison");
    let folders = [
        "tests/proto",
        "tests",
        "src/socketio/proto",
        "src/socketio/client",
        "src/socketio/transport",
        "server/tests/io_server",
    ];
    let mut named = 0;
    for (file, test) in text.split('`').filter_map(|code| code.split_once("::")) {
        let is_test = file.chars().all(|char| char.is_ascii_lowercase() || char == '_') && test.contains('_');
        if !is_test {
            continue;
        }
        named += 1;
        let found = folders.iter().any(|folder| {
            let module = root.join(folder).join(file);
            sources(&module).any(|source| source.contains(&format!("fn {test}(")))
        });
        assert!(found, "`{file}::{test}` is named, but does not exist");
    }
    assert!(named > 100, "only {named} tests are named");
}

#[test]
fn server_parity_document_names_existing_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/reference/server-parity.md")).expect("the comparison");
    let mut named = 0;
    for (file, test) in text.split('`').filter_map(|code| code.split_once("::")) {
        let is_test = file.chars().all(|char| char.is_ascii_lowercase() || char == '_') && test.contains('_');
        if !is_test {
            continue;
        }
        named += 1;
        // `name_*` stands for all tests that begin so.
        let function = match test.strip_suffix('*') {
            Some(beginning) => format!("fn {beginning}"),
            None => format!("fn {test}("),
        };
        let found = ["server/tests/io_server", "server/tests/engine"]
            .iter()
            .any(|folder| sources(&root.join(folder).join(file)).any(|source| source.contains(&function)));
        assert!(found, "`{file}::{test}` is named, but does not exist");
    }
    assert!(named > 40, "only {named} tests are named");
}

/// Text of a module's file, and of those in the folder of its name.
fn sources(module: &Path) -> impl Iterator<Item = String> {
    let inner = fs::read_dir(module).into_iter().flatten().flatten();
    let inner = inner.map(|entry| entry.path());
    std::iter::once(module.with_extension("rs"))
        .chain(inner)
        .filter_map(|path| fs::read_to_string(path).ok())
}
