//! Parts of a query, as `encodeURIComponent` writes them.

pub(super) fn encode(out: &mut String, text: &str) {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    for byte in text.bytes() {
        let plain = matches!(
            byte,
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')'
        );
        if plain || byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from(HEX[usize::from(digit)]));
            }
        }
    }
}

/// What is no legal encoding stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let [high, low, after @ ..] = after else {
            return text.to_owned();
        };
        let Some((high, low)) = hex(*high).zip(hex(*low)) else {
            return text.to_owned();
        };
        bytes.push(high << 4 | low);
        rest = after;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn component_encodes_what_encode_uri_component_does() {
        let mut out = String::new();
        encode(&mut out, "a b&é=\u{1f600}-_.!~*'()/?#[]@+");
        assert_eq!(out, "a%20b%26%C3%A9%3D%F0%9F%98%80-_.!~*'()%2F%3F%23%5B%5D%40%2B");
        assert_eq!(decode(&out), "a b&é=\u{1f600}-_.!~*'()/?#[]@+");
    }

    #[test]
    fn component_without_legal_encoding_stays_as_it_is() {
        for text in ["%", "%4", "%zz", "%ff", "%41%"] {
            assert_eq!(decode(text), text);
        }
    }
}
