//! Marked values of the cases: `{"$bin":"0102"}`, `{"$num":"-0"}` and `{"$undefined":true}` represent values that JSON
//! cannot.

use pesan::socketio::value::{Number, Value};

use super::Verdict;

/// Decodes hexadecimal digits.
pub(super) fn bytes_of(hex: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = hex.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs
        .collect::<Option<_>>()
        .ok_or_else(|| format!("not hexadecimal: {hex}"))
}

/// Value behind a mark; `None` is `undefined` in JavaScript.
pub(super) fn meant_by(marked: &Value) -> Result<Option<Value>, String> {
    match mark(marked) {
        Some(("$bin", Value::String(hex))) => bytes_of(hex).map(Value::Binary).map(Some),
        Some(("$num", Value::String(text))) => {
            let number = text.parse::<f64>().map_err(|error| format!("{text}: {error}"))?;
            Ok(Some(Value::from(number)))
        }
        Some(("$undefined", _)) => Ok(None),
        _ => match marked {
            Value::Array(items) => {
                let items = items.iter().map(|item| Ok(meant_by(item)?.unwrap_or_default()));
                items
                    .collect::<Result<_, String>>()
                    .map(|items| Some(Value::Array(items)))
            }
            Value::Object(entries) => {
                let mut kept = Vec::new();
                for (key, item) in entries {
                    if let Some(item) = meant_by(item)? {
                        kept.push((key.clone(), item));
                    }
                }
                Ok(Some(Value::Object(kept)))
            }
            plain => Ok(Some(plain.clone())),
        },
    }
}

fn mark(value: &Value) -> Option<(&str, &Value)> {
    match value.as_object() {
        Some([(key, what)]) if key.starts_with('$') => Some((key, what)),
        _ => None,
    }
}

/// Compares a value decoded in JavaScript with one decoded here.
pub(super) fn compare(theirs: &Value, ours: &Value) -> Result<Verdict, String> {
    let theirs = meant_by(theirs)?.unwrap_or_default();
    let mut found = Differences::default();
    if !found.compare(&theirs, ours) {
        return Err(format!(
            "read {}, not {}",
            super::shown(ours),
            super::shown(&theirs)
        ));
    }
    Ok(match found {
        Differences { rounded: true, .. } => {
            Verdict::OnPurpose("integers stay exact up to 64 bits, where JavaScript rounds above 2^53")
        }
        Differences { replaced: true, .. } => {
            Verdict::OnPurpose("a lone surrogate becomes U+FFFD, since text is Unicode")
        }
        Differences { .. } => Verdict::Same,
    })
}

/// Differences that are due to the types of Rust.
#[derive(Default)]
struct Differences {
    /// An integer that JavaScript rounded.
    rounded: bool,
    /// A lone surrogate; those in the file of cases are replaced too.
    replaced: bool,
}

impl Differences {
    fn compare(&mut self, theirs: &Value, ours: &Value) -> bool {
        match (theirs, ours) {
            (Value::Number(theirs), Value::Number(ours)) => self.compare_numbers(*theirs, *ours),
            (Value::String(theirs), Value::String(ours)) => self.compare_texts(theirs, ours),
            (Value::Array(theirs), Value::Array(ours)) => {
                theirs.len() == ours.len() && theirs.iter().zip(ours).all(|(a, b)| self.compare(a, b))
            }
            // JavaScript moves integer keys to the front, so the order is not compared.
            (Value::Object(theirs), Value::Object(entries)) => {
                theirs.len() == entries.len()
                    && theirs
                        .iter()
                        .all(|(key, item)| ours.get(key).is_some_and(|own| self.compare(item, own)))
            }
            _ => theirs == ours,
        }
    }

    fn compare_numbers(&mut self, theirs: Number, ours: Number) -> bool {
        let exact = match (theirs.as_i64(), ours.as_i64()) {
            (Some(a), Some(b)) => a == b,
            _ => matches!((theirs, ours), (Number::Float(_), Number::Float(_))),
        };
        let (theirs, ours) = (theirs.as_f64(), ours.as_f64());
        let same = theirs == ours && theirs.is_sign_negative() == ours.is_sign_negative();
        self.rounded |= same && !exact;
        same || (theirs.is_nan() && ours.is_nan())
    }

    fn compare_texts(&mut self, theirs: &str, ours: &str) -> bool {
        self.replaced |= ours.contains(char::REPLACEMENT_CHARACTER);
        theirs == ours
    }
}
