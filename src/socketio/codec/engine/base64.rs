//! Base64 of binary packets, by the crate `base64`. Lenient in decoding, as Node is, except for invalid characters.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Standard alphabet. Writes padding, ignores bits after the last byte when decoding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Appends `bytes` as base64 with padding.
pub fn encode_base64(out: &mut String, bytes: &[u8]) {
    BASE64.encode_string(bytes, out);
}

/// Decodes base64 with or without padding, in the standard or the URL-safe alphabet; `None` if it is invalid.
///
/// Node skips invalid characters; here they are an error.
#[must_use]
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 {
        return None;
    }
    if digits.contains(['-', '_']) {
        return BASE64.decode(digits.replace('-', "+").replace('_', "/")).ok();
    }
    BASE64.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn base64_of_any_length_is_padded() {
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
    fn base64_without_padding_or_in_either_alphabet_is_decoded() {
        assert_eq!(decode_base64("AQIDBA"), Some(vec![1, 2, 3, 4]));
        assert_eq!(decode_base64("AR"), Some(vec![1]), "bits after the last byte");
        assert_eq!(
            decode_base64("AQ="),
            Some(vec![1]),
            "one padding character of two"
        );
        assert_eq!(decode_base64("-_-_"), decode_base64("+/+/"));
        assert_eq!(decode_base64("-/+_"), decode_base64("+/+/"));
    }

    #[test]
    fn base64_invalid_is_refused() {
        for text in ["A", "AAAAA", "A===", "====", "AA=A", "A A=", "é", "AQ\n="] {
            assert_eq!(decode_base64(text), None, "{text:?}");
        }
    }
}
