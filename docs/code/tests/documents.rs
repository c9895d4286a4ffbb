//! Rust blocks of the documents: each is compiled here, or is a copy of a file; links lead somewhere; and the two programs
//! of the README talk to each other.

include!(concat!(env!("OUT_DIR"), "/blocks.rs"));

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// README and what lies beside it, and everything below `docs`: path and text.
fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("docs")];
    let mut paths = files_of(&root);
    while let Some(folder) = folders.pop() {
        for path in files_of(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else {
                paths.push(path);
            }
        }
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a document in UTF-8");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// What follows the language on the fence of each Rust block, and the block.
fn rust_blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let blocks = text.split("\n```rust").skip(1);
    blocks.map(|block| {
        let (kind, block) = block.split_once('\n').expect("a fence ends with its line");
        let (code, _) = block.split_once("\n```").expect("a block ends");
        (kind.trim(), code)
    })
}

#[test]
fn rust_block_named_after_a_file_equals_the_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut compared = 0;
    for (document, text) in documents() {
        for (kind, code) in rust_blocks(&text) {
            let Some(path) = kind.strip_prefix("file=") else {
                continue;
            };
            let file = fs::read_to_string(root.join(path)).expect("the file that is named");
            // The documentation of the file comes first, and is not copied.
            let (_, file) = file.split_once("\n\n").expect("code follows");
            assert_eq!(
                code.trim(),
                file.trim(),
                "copy {path} into {}",
                document.display()
            );
            compared += 1;
        }
    }
    assert!(compared >= 3, "only {compared} blocks are copies");
}

#[test]
fn rust_block_is_never_left_out() {
    for (document, text) in documents() {
        for (kind, _) in rust_blocks(&text) {
            assert!(
                !kind.starts_with(','),
                "{}: rust{kind} is not compiled",
                document.display()
            );
        }
        // An indented fence is not found by the build script.
        assert!(
            !text.contains(" ```rust"),
            "{} has an indented block",
            document.display()
        );
    }
}

#[test]
fn relative_link_leads_to_a_file() {
    let mut followed = 0;
    for (document, text) in documents() {
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next())
        {
            if link.is_empty() || link.contains("://") {
                continue;
            }
            let target = document.parent().expect("a file has a folder").join(link);
            assert!(target.exists(), "{} links to {link}", document.display());
            followed += 1;
        }
    }
    assert!(followed > 30, "only {followed} links were found");
}

#[test]
fn path_in_backticks_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = 0;
    for (document, text) in documents() {
        for code in text.split('`') {
            let is_source = [
                "src/",
                "server/",
                "tests/",
                "xtask/",
                "docs/",
                "examples/",
                "deploy/",
                "style/",
            ]
            .iter()
            .any(|folder| code.starts_with(folder));
            if !is_source || code.contains(|c: char| c.is_whitespace() || "*{".contains(c)) {
                continue;
            }
            assert!(root.join(code).exists(), "{} names {code}", document.display());
            found += 1;
        }
    }
    assert!(found > 100, "only {found} paths were found");
}

#[test]
fn programs_of_the_readme_talk_to_each_other_and_end() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = port.expect("a free port").to_string();
    let run = |program: &str| {
        let mut command = Command::new(program);
        command
            .arg(&address)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("a program")
    };
    // Each has a time limit of its own.
    let client = run(env!("CARGO_BIN_EXE_hello-client"));
    let server = run(env!("CARGO_BIN_EXE_hello-server"));
    let client = client.wait_with_output().expect("it ends");
    let server = server.wait_with_output().expect("it ends");
    assert!(client.status.success(), "{client:?}");
    assert!(server.status.success(), "{server:?}");
    let said = String::from_utf8_lossy(&client.stdout);
    assert_eq!(said, "connected\neveryone got halo\n1 + 2 = 3\n");
}
