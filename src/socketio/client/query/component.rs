//! Parts of a query, as `encodeURIComponent` writes them.
//!
//! In a browser JavaScript itself does it, so that it need not be downloaded once more.

#[cfg(all(feature = "websocket", target_arch = "wasm32"))]
pub(super) use browser::{decode, encode};
#[cfg(not(all(feature = "websocket", target_arch = "wasm32")))]
pub(super) use host::{decode, encode};

#[cfg(all(feature = "websocket", target_arch = "wasm32"))]
mod browser {
    use wasm_bindgen::JsValue;
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = encodeURIComponent)]
        fn encoded(text: &str) -> String;

        #[wasm_bindgen(catch, js_name = decodeURIComponent)]
        fn decoded(text: &str) -> Result<String, JsValue>;
    }

    pub(in super::super) fn encode(out: &mut String, text: &str) {
        out.push_str(&encoded(text));
    }

    /// What is no legal encoding stays as it is.
    pub(in super::super) fn decode(text: &str) -> String {
        decoded(text).unwrap_or_else(|_| text.to_owned())
    }
}

#[cfg(any(test, not(all(feature = "websocket", target_arch = "wasm32"))))]
mod host {
    pub(in super::super) fn encode(out: &mut String, text: &str) {
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
    pub(in super::super) fn decode(text: &str) -> String {
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
}

#[cfg(all(test, feature = "websocket", target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{browser, host};

    #[wasm_bindgen_test]
    fn the_browser_and_the_host_read_and_write_alike() {
        for text in [
            "",
            "a b",
            "é&=\u{1f600}",
            "-_.!~*'()/?#[]@",
            "%",
            "%4",
            "%zz",
            "%ff",
            "%C3%A9%41",
            "+",
        ] {
            assert_eq!(browser::decode(text), host::decode(text), "{text}");
            let (mut ours, mut theirs) = (String::new(), String::new());
            host::encode(&mut ours, text);
            browser::encode(&mut theirs, text);
            assert_eq!(ours, theirs, "{text}");
        }
    }
}
