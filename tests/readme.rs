//! The program in the README is the one that is built and tested.

#![cfg(not(target_arch = "wasm32"))]

const README: &str = include_str!("../README.md");
const EXAMPLE: &str = include_str!("../examples/leptos/src/bin/app.rs");

#[test]
fn leptos_program_in_the_readme_is_the_example() {
    let (_, code) = EXAMPLE
        .split_once("\n\n")
        .expect("the module documentation comes first");
    let (_, readme) = README
        .split_once("```rust,ignore\n")
        .expect("one block is the example");
    let (readme, _) = readme.split_once("```").expect("the block ends");
    assert_eq!(readme, code);
    assert!(code.lines().count() <= 45, "about forty lines");
}
