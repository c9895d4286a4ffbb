//! Texts of errors, without the machinery of `write!`: in a page it weighs more than all of them.

use std::fmt::{Display, Formatter, Result};

use super::value::json::write_uint;

/// Writes a text between two others.
pub(crate) fn text(f: &mut Formatter<'_>, before: &str, text: &str, after: &str) -> Result {
    f.write_str(before)?;
    f.write_str(text)?;
    f.write_str(after)
}

/// Writes a number between two texts.
pub(crate) fn number(f: &mut Formatter<'_>, before: &str, number: usize, after: &str) -> Result {
    let mut digits = String::new();
    write_uint(&mut digits, number as u64);
    text(f, before, &digits, after)
}

/// Writes two numbers between three texts.
pub(crate) fn numbers(f: &mut Formatter<'_>, texts: [&str; 3], numbers: [usize; 2]) -> Result {
    let [before, between, after] = texts;
    let [first, second] = numbers;
    number(f, before, first, between)?;
    number(f, "", second, after)
}

/// Writes a text, then what caused it.
pub(crate) fn cause(f: &mut Formatter<'_>, before: &str, cause: &dyn Display) -> Result {
    f.write_str(before)?;
    cause.fmt(f)
}

/// Texts that follow each other; a fraction of the code of `concat`.
pub(crate) fn joined(parts: &[&str]) -> String {
    let mut joined = String::new();
    for part in parts {
        joined.push_str(part);
    }
    joined
}

/// Text of an error; the one place where such a text is made.
pub(crate) fn told(error: &dyn Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Said;

    impl Display for Said {
        fn fmt(&self, f: &mut Formatter<'_>) -> Result {
            numbers(f, ["", "..", "a"], [1, 2])?;
            number(f, "", 0, "b")?;
            text(f, "c", "d", "e")?;
            cause(f, ": ", &usize::MAX)
        }
    }

    #[test]
    fn parts_follow_each_other() {
        assert_eq!(Said.to_string(), format!("1..2a0bcde: {}", usize::MAX));
    }
}
