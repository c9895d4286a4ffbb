//! Base64 of binary packets. Two functions do not need a crate.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// No digit.
const NONE: u8 = 0xff;

/// Value of each byte as a digit, in the standard and in the URL-safe alphabet.
const DIGITS: [u8; 256] = {
    let mut digits = [NONE; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        digits[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    digits[b'-' as usize] = 62;
    digits[b'_' as usize] = 63;
    digits
};

/// Appends `bytes` as base64 with padding.
pub fn encode_base64(out: &mut String, bytes: &[u8]) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut bits = 0;
        for place in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(place).copied().unwrap_or_default());
        }
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
}

/// Reads base64 with or without padding, in the standard or the URL-safe alphabet; `None` if it is not.
///
/// Node skips what is no digit; here it is an error.
#[must_use]
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut digits = text.as_bytes();
    while let [shorter @ .., b'='] = digits {
        digits = shorter;
    }
    if digits.len() % 4 == 1 || text.len() - digits.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in digits {
        let value = DIGITS[usize::from(*byte)];
        if value == NONE {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_follows_the_length() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            let mut out = String::new();
            encode_base64(&mut out, bytes.as_bytes());
            assert_eq!(out, text);
            assert_eq!(decode_base64(text).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn padding_is_optional_and_the_alphabet_may_be_the_other_one() {
        assert_eq!(decode_base64("AQIDBA"), Some(vec![1, 2, 3, 4]));
        assert_eq!(decode_base64("-_-_"), decode_base64("+/+/"));
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["A", "AAAAA", "A===", "====", "AA=A", "A A=", "é", "AQ\n="] {
            assert_eq!(decode_base64(text), None, "{text:?}");
        }
    }
}
