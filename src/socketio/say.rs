//! Texts of errors, without the machinery of `write!`: in a page it weighs more than all of them.

use std::fmt::{self, Display, Write};

use super::value::json::write_uint;

/// Something that says what it is by appending to a text: a formatter takes twice the code for each text.
pub(crate) trait Say {
    fn say(&self, out: &mut String);
}

/// Lets errors that say what they are be displayed as well.
macro_rules! displayed {
    ($error:ty) => {
        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::socketio::say::told(self))
            }
        }
    };
}
pub(crate) use displayed;

/// Says a text between two others.
pub(crate) fn text(out: &mut String, before: &str, text: &str, after: &str) {
    for part in [before, text, after] {
        out.push_str(part);
    }
}

/// Says a number between two texts.
pub(crate) fn number(out: &mut String, before: &str, number: usize, after: &str) {
    out.push_str(before);
    write_uint(out, number as u64);
    out.push_str(after);
}

/// Says two numbers between three texts.
pub(crate) fn numbers(out: &mut String, texts: [&str; 3], numbers: [usize; 2]) {
    let [before, between, after] = texts;
    let [first, second] = numbers;
    number(out, before, first, between);
    number(out, "", second, after);
}

/// Says a text, then what caused it.
pub(crate) fn cause(out: &mut String, before: &str, cause: &dyn Say) {
    out.push_str(before);
    cause.say(out);
}

/// Texts that follow each other; a fraction of the code of `concat`.
pub(crate) fn joined(parts: &[&str]) -> String {
    let mut joined = String::new();
    for part in parts {
        joined.push_str(part);
    }
    joined
}

/// Text of an error.
pub(crate) fn told(error: &dyn Say) -> String {
    let mut out = String::new();
    error.say(&mut out);
    out
}

/// Text of what can only be displayed; the one place where such a text is made.
pub(crate) fn shown(thing: &dyn Display) -> String {
    let mut shown = Shown(String::new());
    if write!(shown, "{thing}").is_err() {
        // a text takes all; what ends early has said what it could
    }
    shown.0
}

/// Text that is written to; of what `String` itself does as a writer, pages would carry all.
struct Shown(String);

impl Write for Shown {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.0.push_str(part);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Said;

    impl Say for Said {
        fn say(&self, out: &mut String) {
            numbers(out, ["", "..", "a"], [1, 2]);
            number(out, "", 0, "b");
            text(out, "c", "d", "e");
        }
    }

    struct Caused;

    impl Say for Caused {
        fn say(&self, out: &mut String) {
            cause(out, "because: ", &Said);
        }
    }

    displayed!(Caused);

    #[test]
    fn parts_follow_each_other() {
        assert_eq!(told(&Said), "1..2a0bcde");
        assert_eq!(Caused.to_string(), "because: 1..2a0bcde");
        assert_eq!(shown(&Caused), told(&Caused));
    }
}
