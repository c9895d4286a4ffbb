//! Hashes of the scripts and style sheets that stand inside a page.
//!
//! Trunk starts the page from a short script inside `index.html`. Its hash in the Content-Security-Policy lets it
//! run, and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Sources for a Content-Security-Policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InlineHashes {
    /// Of scripts, as `'sha256-…'`.
    pub scripts: Vec<String>,
    /// Of style sheets.
    pub styles: Vec<String>,
}

impl InlineHashes {
    /// Hashes of what stands inside this page.
    #[must_use]
    pub fn of(html: &str) -> Self {
        Self {
            scripts: hashes(html, "script"),
            styles: hashes(html, "style"),
        }
    }
}

fn hashes(html: &str, element: &str) -> Vec<String> {
    // ASCII only, so that places in both are the same
    let lower = html.to_ascii_lowercase();
    let (open, close) = (format!("<{element}"), format!("</{element}"));
    let mut found = Vec::new();
    let mut place = 0;
    while let Some(start) = find(&lower, &open, place) {
        place = start + open.len();
        let Some(end_of_tag) = find(&lower, ">", place) else {
            break;
        };
        let Some(tag) = lower.get(place..end_of_tag) else {
            break;
        };
        if !tag.starts_with(|c: char| c.is_ascii_whitespace()) && !tag.is_empty() {
            continue;
        }
        let Some(end) = find(&lower, &close, end_of_tag) else {
            break;
        };
        let inside = html.get(end_of_tag + 1..end).unwrap_or_default();
        if !inside.is_empty() {
            // the browser hashes the text after it made all line ends one
            let text = inside.replace("\r\n", "\n").replace('\r', "\n");
            found.push(format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text))));
        }
        place = end;
    }
    found
}

fn find(text: &str, what: &str, from: usize) -> Option<usize> {
    text.get(from..)?.find(what).map(|place| from + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_inside_is_hashed_as_the_browser_does() {
        let html = "<head><script src=\"a.js\"></script><SCRIPT type=module>alert(1)</SCRIPT><style>a{}</style></head>";
        let hashes = InlineHashes::of(html);
        // echo -n 'alert(1)' | openssl dgst -sha256 -binary | base64
        assert_eq!(
            hashes.scripts,
            ["'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"]
        );
        assert_eq!(hashes.styles.len(), 1);
    }

    #[test]
    fn broken_pages_are_harmless() {
        for html in [
            "<script",
            "<script>",
            "<script>x",
            "<scripts>x</scripts>",
            "</script><é<script>é",
        ] {
            assert!(InlineHashes::of(html).scripts.is_empty(), "{html}");
        }
    }
}
