//! Where in a value something is wrong, written as JavaScript would reach it: `.items[3].name`.

use super::json::write_string;

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
        let key = shortened(key);
        let mut step = String::new();
        if plain {
            step.push('.');
            step.push_str(&key);
        } else {
            step.push('[');
            write_string(&mut step, &key);
            step.push(']');
        }
        self.lead(step);
    }

    /// Path of the same place, seen from the array that has it at `index`.
    pub(super) fn under_index(&mut self, index: usize) {
        self.lead(format!("[{index}]"));
    }

    fn lead(&mut self, mut step: String) {
        step.push_str(&self.0);
        self.0 = step;
    }

    /// Puts `message` behind the path, if there is one.
    pub(super) fn describe(&self, message: &str) -> String {
        if self.0.is_empty() {
            message.to_owned()
        } else {
            format!("at {}: {message}", self.0)
        }
    }
}

/// First characters of `text`, so that a peer's data cannot make an error endless.
pub(super) fn shortened(text: &str) -> String {
    let mut rest = text.chars();
    if rest.nth(MAX_CHARS - 1).is_none() || rest.as_str().is_empty() {
        return text.to_owned();
    }
    let end = text.len() - rest.as_str().len();
    format!("{}…", text.get(..end).unwrap_or_default())
}
