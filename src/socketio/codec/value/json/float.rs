//! Numbers that are not whole, to text and back as JavaScript does it.

use std::fmt::Write as _;

/// Reads a number of valid JSON.
pub(super) fn parse(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Appends a finite number other than zero.
pub(super) fn write(out: &mut String, float: f64) {
    let written = match float.abs() {
        1e-6..1e21 => write!(out, "{float}"),
        // JavaScript writes the sign of a positive exponent, Rust does not.
        1e21.. => write!(out, "{}", format!("{float:e}").replace('e', "e+")),
        _ => write!(out, "{float:e}"),
    };
    written.expect("writing to a String cannot fail");
}

#[cfg(all(test, feature = "web", target_arch = "wasm32"))]
mod tests {
    use js_sys::{JsString, Number};
    use wasm_bindgen_test::wasm_bindgen_test;

    const HARD: [&str; 24] = [
        "0.1",
        "-0.5",
        "1.0",
        "1e2",
        "1E+2",
        "123456789012345680000",
        "1e21",
        "1.5e300",
        "1e-6",
        "0.000001234",
        "1e-7",
        "-1.25e-9",
        "5e-324",
        "2.4703282292062328e-324",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "9007199254740993.0",
        "18446744073709551616",
        "0.30000000000000004",
        "6.02214076e23",
        "179769313486231580793728971405301e270",
        "8.5e-5",
        "299792458.123456789",
    ];

    #[wasm_bindgen_test]
    fn floats_are_read_and_written_as_javascript_does() {
        for text in HARD {
            let float = super::parse(text).expect("a number");
            let in_javascript = Number::parse_float(text);
            assert_eq!(float, in_javascript, "{text}");
            if float.is_finite() && float != 0.0 {
                let mut written = String::new();
                super::write(&mut written, float);
                let in_javascript: JsString = Number::from(float)
                    .to_string_with_radix(10)
                    .expect("a legal radix");
                assert_eq!(written, String::from(in_javascript), "{text}");
            }
        }
    }
}
