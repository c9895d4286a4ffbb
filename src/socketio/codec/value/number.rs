//! Numbers: those of JavaScript, and exact 64-bit integers.

/// Number that keeps 64-bit integers exact.
///
/// ```
/// use pesan::socketio::value::Number;
/// assert_eq!(Number::Float(3.0).as_u64(), Some(3));
/// assert_eq!(Number::Int(-1).as_u64(), None);
/// assert_eq!(Number::Uint(u64::MAX).as_f64(), 18446744073709551615.0);
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// Integer below 2^63.
    Int(i64),
    /// Integer from 2^63 up.
    Uint(u64),
    /// Anything else, infinite included.
    Float(f64),
}

impl Number {
    /// Nearest floating-point number, as JavaScript reads it.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Uint(uint) => uint as f64,
            Self::Float(float) => float,
        }
    }

    /// Exact signed integer, if it is one.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(int),
            Self::Uint(uint) => i64::try_from(uint).ok(),
            Self::Float(float) => {
                let int = float as i64;
                (int as f64 == float && float.abs() < 9.0e15).then_some(int)
            }
        }
    }

    /// Exact unsigned integer, if it is one.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self {
            Self::Uint(uint) => Some(uint),
            other => other.as_i64().and_then(|int| u64::try_from(int).ok()),
        }
    }
}

/// Parses decimal digits; `None` if there are none, other characters, or more than 64 bits.
pub(crate) fn uint(digits: &str) -> Option<u64> {
    // `parse` alone would accept a sign.
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| digits.parse().ok()).flatten()
}

/// Equality as in JavaScript, except that not-a-number equals itself, so that round trips can be compared.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self.as_i64(), other.as_i64()) {
            (Some(a), Some(b)) => a == b,
            _ => match (self.as_u64(), other.as_u64()) {
                (Some(a), Some(b)) => a == b,
                _ => self.as_f64() == other.as_f64() || (self.as_f64().is_nan() && other.as_f64().is_nan()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uint_from_text_is_exact_and_refuses_other_characters() {
        assert_eq!(uint("18446744073709551615"), Some(u64::MAX));
        assert_eq!(uint("0000000000000000000000007"), Some(7));
        for wrong in [
            "",
            "18446744073709551616",
            "99999999999999999999",
            "1a",
            "+1",
            "-1",
            "1 ",
        ] {
            assert_eq!(uint(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn number_comparison_equals_javascript() {
        assert_eq!(Number::Int(1), Number::Float(1.0));
        assert_eq!(Number::Uint(u64::MAX), Number::Uint(u64::MAX));
        assert_ne!(Number::Uint(u64::MAX), Number::Int(-1));
    }
}
