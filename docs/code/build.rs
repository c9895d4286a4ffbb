//! Writes each Rust block of the documents into a module of its own, for `tests/documents.rs` to compile.
//!
//! The word after `rust` says what a block is:
//!
//! | fence | the block is |
//! | --- | --- |
//! | `rust` | a complete file |
//! | `rust client`, `rust server`, `rust leptos` | the body of a function with the names of that module of `tests/documents/contexts.rs` |
//! | `rust file=PATH` | a copy of that file, which a test compares; not compiled here |

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Functions around the body of a block. `{}` is the body.
const CONTEXTS: [(&str, &str); 3] = [
    (
        "client",
        "async fn block(socket: Socket) -> Result<(), Box<dyn Error>> {\n{}\nOk(()) }",
    ),
    (
        "server",
        "async fn block(io: Io, socket: Socket) -> Result<(), Box<dyn Error>> {\n{}\nOk(()) }",
    ),
    ("leptos", "fn block() -> impl IntoView {\n{}\n}"),
];

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = manifest.ancestors().nth(2).expect("two folders below the root");
    let mut documents = Vec::new();
    markdown_in(root, &mut documents)?;
    markdown_below(&root.join("docs"), &mut documents)?;
    documents.sort();

    let mut modules = String::new();
    for document in documents {
        println!("cargo::rerun-if-changed={}", document.display());
        let text = fs::read_to_string(&document)?;
        let name = document
            .strip_prefix(root)
            .expect("found below the root")
            .display()
            .to_string();
        for (number, block) in rust_blocks(&text).enumerate() {
            write_module(&mut modules, &name, number, &block);
        }
    }
    println!("cargo::rerun-if-changed={}", root.join("docs").display());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("blocks.rs"), modules)
}

/// Adds the documents of a folder.
fn markdown_in(folder: &Path, documents: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(path);
        }
    }
    Ok(())
}

/// Adds the documents of a folder and of those in it.
fn markdown_below(folder: &Path, documents: &mut Vec<PathBuf>) -> io::Result<()> {
    markdown_in(folder, documents)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            markdown_below(&path, documents)?;
        }
    }
    Ok(())
}

/// Block of a document that begins with a fence of the language Rust.
struct Block {
    /// Number of the first line after the fence.
    line: usize,
    /// What follows `rust` on the fence.
    kind: String,
    code: String,
}

fn rust_blocks(text: &str) -> impl Iterator<Item = Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((fence, number)) = lines.next() {
        let Some(info) = fence.strip_prefix("```") else {
            continue;
        };
        let mut code = String::new();
        for (line, _) in lines.by_ref().take_while(|(line, _)| *line != "```") {
            code.push_str(line);
            code.push('\n');
        }
        if let Some(kind) = info.strip_prefix("rust") {
            blocks.push(Block {
                line: number + 1,
                kind: kind.trim().to_owned(),
                code,
            });
        }
    }
    blocks.into_iter()
}

fn write_module(modules: &mut String, document: &str, number: usize, block: &Block) {
    let Block { line, kind, code } = block;
    if kind.starts_with("file=") {
        return;
    }
    let (imports, code) = match CONTEXTS.iter().find(|(name, _)| name == kind) {
        Some((name, function)) => (
            format!("use super::contexts::{name}::*;"),
            function.replace("{}", code),
        ),
        None if kind.is_empty() => (String::new(), code.clone()),
        None => panic!("{document}:{line}: `{kind}` says neither a context nor a file"),
    };
    let mut module = document
        .replace(|c: char| !c.is_ascii_alphanumeric(), "_")
        .to_lowercase();
    write!(module, "_{number}").expect("a String takes it");
    // Whether a shortened example uses everything is not its point.
    writeln!(
        modules,
        "/// {document}, line {line}\n#[allow(unused, clippy::all)]\nmod {module} {{\n{imports}\n{code}\n}}"
    )
    .expect("a String takes it");
}
