//! Numbers that are not whole, to text and back as JavaScript does it.
//!
//! In a browser JavaScript itself does it, so that its tables need not be downloaded once more.

#[cfg(all(feature = "websocket", target_arch = "wasm32"))]
pub(super) use browser::{parse, write};
#[cfg(not(all(feature = "websocket", target_arch = "wasm32")))]
pub(super) use host::{parse, write};

#[cfg(all(feature = "websocket", target_arch = "wasm32"))]
mod browser {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = parseFloat)]
        fn number(text: &str) -> f64;

        #[wasm_bindgen(js_name = String)]
        fn text(number: f64) -> String;
    }

    /// Reads a number of valid JSON.
    pub(in super::super) fn parse(text: &str) -> Option<f64> {
        Some(number(text))
    }

    /// Appends a finite number other than zero.
    pub(in super::super) fn write(out: &mut String, float: f64) {
        out.push_str(&text(float));
    }
}

#[cfg(any(test, not(all(feature = "websocket", target_arch = "wasm32"))))]
mod host {
    use std::fmt::Write as _;

    /// Reads a number of valid JSON.
    pub(in super::super) fn parse(text: &str) -> Option<f64> {
        text.parse().ok()
    }

    /// Appends a finite number other than zero.
    pub(in super::super) fn write(out: &mut String, float: f64) {
        let written = match float.abs() {
            1e-6..1e21 => write!(out, "{float}"),
            // JavaScript writes the sign of a positive exponent, Rust does not.
            1e21.. => write!(out, "{}", format!("{float:e}").replace('e', "e+")),
            _ => write!(out, "{float:e}"),
        };
        written.expect("writing to a String cannot fail");
    }
}

#[cfg(all(test, feature = "websocket", target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{browser, host};

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
    fn the_browser_and_the_host_read_and_write_alike() {
        for text in HARD {
            let (ours, theirs) = (host::parse(text), browser::parse(text));
            assert_eq!(ours, theirs, "{text}");
            let float = theirs.expect("a number");
            if float.is_finite() && float != 0.0 {
                let (mut ours, mut theirs) = (String::new(), String::new());
                host::write(&mut ours, float);
                browser::write(&mut theirs, float);
                assert_eq!(ours, theirs, "{text}");
            }
        }
    }
}
