//! Where in a value something is wrong, written as JavaScript would reach it: `.items[3].name`.

use std::fmt::Write as _;

/// Longest part of a key or a text that an error repeats, in characters.
const MAX_CHARS: usize = 40;

/// Place of an error, put together from the inside out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Path(String);

impl Path {
    /// Path of the same place, seen from the object that has it under `key`.
    pub(super) fn under_key(&mut self, key: &str) {
        let plain = !key.starts_with(|first: char| first.is_ascii_digit())
            && !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'));
        let step = if plain {
            format!(".{}", shortened(key))
        } else {
            format!("[{:?}]", shortened(key))
        };
        self.0.insert_str(0, &step);
    }

    /// Path of the same place, seen from the array that has it at `index`.
    pub(super) fn under_index(&mut self, index: usize) {
        self.0.insert_str(0, &format!("[{index}]"));
    }

    /// Puts `message` behind the path, if there is one.
    pub(super) fn describe(&self, message: &str) -> String {
        if self.0.is_empty() {
            message.to_owned()
        } else {
            let mut out = String::with_capacity(self.0.len() + message.len() + 5);
            write!(out, "at {}: {message}", self.0).expect("writing to a String cannot fail");
            out
        }
    }
}

/// First characters of `text`, so that a peer's data cannot make an error endless.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.split_at(end).0),
        None => text.to_owned(),
    }
}
