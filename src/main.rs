//! The page: takes over from the shell in `index.html`.

#![forbid(unsafe_code)]

fn main() {}
