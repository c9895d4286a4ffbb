//! The Content-Security-Policy of the page: what it may load, run and connect to.
//!
//! Trunk starts the page from a short script inside `index.html`. Its hash in the policy lets it run, and nothing else.

use axum::extract::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::HOST;
use sha2::{Digest, Sha256};

use crate::config::{Origin, is_loopback};

/// Settings of the page's policy.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Other servers that the page may connect to.
    pub servers: Vec<Origin>,
    /// Whether this server has a TLS certificate.
    pub secure: bool,
}

/// Content-Security-Policy of a response; `local` is a further server that this page may connect to.
pub(super) fn content_policy(
    policy: &Policy,
    inline: Option<&InlineHashes>,
    local: Option<&Origin>,
) -> String {
    let Some(inline) = inline else {
        return "default-src 'none'; frame-ancestors 'none'".to_owned();
    };
    let servers: Vec<String> = policy.servers.iter().chain(local).map(Origin::sources).collect();
    let list = |items: &[String]| items.iter().map(|item| format!(" {item}")).collect::<String>();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{scripts}; style-src 'self'{styles}; \
         img-src 'self' data:; font-src 'self'; manifest-src 'self'; connect-src 'self'{servers}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        scripts = list(&inline.scripts),
        styles = list(&inline.styles),
        servers = list(&servers),
    )
}

/// Server in the `?server=…` parameter of the page's URL, if page and server are both on loopback, for development.
/// The page uses the same, first `server` parameter.
pub(super) fn loopback_server(request: &Request) -> Option<Origin> {
    let host = request.headers().get(HOST)?.to_str().ok()?;
    let query = request.uri().query().filter(|_| is_loopback(host))?;
    let (_, named) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "server")?;
    let url = if named.contains("://") {
        named.into_owned()
    } else {
        // the page then uses its own scheme, which on loopback is HTTP unless this server has a certificate
        format!("http://{named}")
    };
    Origin::of_url(&url).filter(Origin::is_loopback)
}

/// Hashes of inline scripts and styles, as sources for a Content-Security-Policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InlineHashes {
    /// Of scripts, as `'sha256-…'`.
    pub scripts: Vec<String>,
    /// Of style sheets.
    pub styles: Vec<String>,
}

impl InlineHashes {
    /// Hashes of the inline elements of a page.
    #[must_use]
    pub fn of(html: &str) -> Self {
        Self {
            scripts: hashes(html, "script"),
            styles: hashes(html, "style"),
        }
    }
}

fn hashes(html: &str, element: &str) -> Vec<String> {
    // changes ASCII letters only, so that positions are the same in both
    let lower = html.to_ascii_lowercase();
    let (open, close) = (format!("<{element}"), format!("</{element}"));
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(start) = find(&lower, &open, position) {
        position = start + open.len();
        let Some(end_of_tag) = find(&lower, ">", position) else {
            break;
        };
        let Some(tag) = lower.get(position..end_of_tag) else {
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
            // browsers normalize line endings before hashing
            let text = inside.replace("\r\n", "\n").replace('\r', "\n");
            found.push(format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text))));
        }
        position = end;
    }
    found
}

fn find(text: &str, what: &str, from: usize) -> Option<usize> {
    text.get(from..)?.find(what).map(|position| from + position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csp_hash_of_an_inline_script_matches_the_browser() {
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
    fn csp_hashes_of_malformed_html_are_empty() {
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
