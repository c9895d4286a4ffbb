//! Writes each Rust block of the documents into a module of its own, for `tests/documents.rs` to compile.
//!
//! The word after `rust` says what a block is:
//!
//! | fence | the block is |
//! | --- | --- |
//! | `rust` | a complete file |
//! | `rust client`, `rust server`, `rust leptos` | the body of a function with the imports and parameters of that context, below |
//! | `rust file=PATH` | a copy of that file, which a test compares; not compiled here |

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is around the body of a block, by the name of its context. `{}` is the body.
const CONTEXTS: [(&str, &str); 3] = [("client", CLIENT), ("server", SERVER), ("leptos", LEPTOS)];

/// Client on tokio, with its `socket`.
const CLIENT: &str = "
use std::error::Error;
use std::time::Duration;
use pesan::socketio::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
async fn block(socket: Socket) -> Result<(), Box<dyn Error>> {
{}
Ok(()) }";

/// Server, with `io` and a `socket`.
const SERVER: &str = "
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use pesan_server::engineio::*;
use pesan_server::socketio::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
async fn block(io: Io, socket: Socket) -> Result<(), Box<dyn Error>> {
{}
Ok(()) }";

/// Body of a component.
const LEPTOS: &str = "
use ::leptos::prelude::*;
use pesan::socketio::Options;
use pesan::socketio::leptos::*;
fn block() -> impl IntoView {
{}
}";

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
    let code = match CONTEXTS.iter().find(|(name, _)| name == kind) {
        Some((_, context)) => context.replace("{}", code),
        None if kind.is_empty() => code.clone(),
        None => panic!("{document}:{line}: `{kind}` is neither a context nor a file"),
    };
    let mut module = document
        .replace(|c: char| !c.is_ascii_alphanumeric(), "_")
        .to_lowercase();
    write!(module, "_{number}").expect("a String takes it");
    // Whether a shortened example uses everything is not its point.
    writeln!(
        modules,
        "/// {document}, line {line}\n#[allow(unused, clippy::all)]\nmod {module} {{\n{code}\n}}"
    )
    .expect("a String takes it");
}
