//! Finds addresses in a text: http, https and mailto only.

use crate::protocol::is_hidden;

/// Part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Plain text.
    Text(&'a str),
    /// Text that is also an address.
    Link(&'a str),
}

/// Schemes of addresses that become links, with the offset of the colon.
const SCHEMES: [(&str, usize); 3] = [("https://", 5), ("http://", 4), ("mailto:", 6)];

/// Splits a text into plain parts and links; together they are the text again.
#[must_use]
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut plain = 0;
    let mut from = 0;
    while let Some(start) = next_scheme(text, from) {
        let end = start + link_len(text.get(start..).unwrap_or_default());
        let at_word_start = text
            .get(..start)
            .and_then(|before| before.chars().next_back())
            .is_none_or(|before| !continues_word(before));
        let link = text.get(start..end).unwrap_or_default();
        if at_word_start && !is_bare(link) && end > start {
            if start > plain {
                parts.push(Part::Text(text.get(plain..start).unwrap_or_default()));
            }
            parts.push(Part::Link(link));
            plain = end;
        }
        from = end.max(start + 1);
    }
    if plain < text.len() {
        parts.push(Part::Text(text.get(plain..).unwrap_or_default()));
    }
    parts
}

/// Whether an address cannot begin after a character. Scripts without upper and lower case often write no spaces.
fn continues_word(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || c.is_numeric()
}

/// Where the next address may begin.
fn next_scheme(text: &str, from: usize) -> Option<usize> {
    // each scheme has exactly one colon: search for colons, then compare what precedes them
    let mut at = from;
    loop {
        let colon = at + text.get(at..)?.find(':')?;
        for (scheme, before) in &SCHEMES {
            let Some(start) = colon.checked_sub(*before).filter(|start| *start >= from) else {
                continue;
            };
            let found = text.get(start..start + scheme.len());
            if found.is_some_and(|found| found.eq_ignore_ascii_case(scheme)) {
                return Some(start);
            }
        }
        at = colon + 1;
    }
}

/// Length of the address at the start of a text, without the sentence's own punctuation at its end.
fn link_len(text: &str) -> usize {
    let end = text
        .find(|c: char| c.is_whitespace() || ends_link(c) || is_sentence_punctuation(c))
        .unwrap_or(text.len());
    let mut link = text.get(..end).unwrap_or_default();
    while let Some(last) = link.chars().next_back() {
        let closes = match last {
            ')' => !balanced(link, '(', ')'),
            ']' => !balanced(link, '[', ']'),
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' => true,
            _ => false,
        };
        if let Some(owner) = link.strip_suffix("'s") {
            link = owner;
            continue;
        }
        if !closes || is_bare(link) {
            break;
        }
        link = link.get(..link.len() - last.len_utf8()).unwrap_or_default();
    }
    link.len()
}

/// Whether an address is a scheme and nothing more.
fn is_bare(link: &str) -> bool {
    SCHEMES
        .iter()
        .any(|(scheme, _)| link.eq_ignore_ascii_case(scheme))
}

fn balanced(text: &str, open: char, close: char) -> bool {
    let count = |wanted| text.chars().filter(|c| *c == wanted).count();
    count(open) >= count(close)
}

/// Whether a character belongs to the sentence around an address, wherever it stands: languages without spaces continue
/// right after it.
fn is_sentence_punctuation(c: char) -> bool {
    matches!(
        c,
        '<' | '>'
            | '"'
            | '`'
            | '…'
            | '‘'
            | '’'
            | '“'
            | '”'
            | '。'
            | '，'
            | '、'
            | '；'
            | '：'
            | '！'
            | '？'
            | '（'
            | '）'
            | '「'
            | '」'
            | '『'
            | '』'
            | '【'
            | '】'
            | '《'
            | '》'
    )
}

/// Whether a character shows nothing or changes the direction of writing: it could make an address look like another.
fn ends_link(c: char) -> bool {
    is_hidden(c) || matches!(c, '\u{200c}'..='\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<&str> {
        let joined: String = parts(text)
            .iter()
            .map(|part| match part {
                Part::Text(text) | Part::Link(text) => *text,
            })
            .collect();
        assert_eq!(joined, text, "no character is lost");
        parts(text)
            .into_iter()
            .filter_map(|part| match part {
                Part::Link(link) => Some(link),
                Part::Text(_) => None,
            })
            .collect()
    }

    #[test]
    fn link_before_punctuation_ends_before_it() {
        assert_eq!(links("lihat https://a.id/b?c=d#e, ya"), ["https://a.id/b?c=d#e"]);
        assert_eq!(links("(http://a.id)."), ["http://a.id"]);
        assert_eq!(
            links("https://en.wikipedia.org/wiki/Rust_(x)!"),
            ["https://en.wikipedia.org/wiki/Rust_(x)"]
        );
        assert_eq!(links("surat: mailto:a@b.id."), ["mailto:a@b.id"]);
        assert_eq!(links("HTTPS://A.ID http://b"), ["HTTPS://A.ID", "http://b"]);
    }

    #[test]
    fn link_before_sentence_punctuation_of_any_language_ends_before_it() {
        for text in [
            "https://a.id/b… lanjut",
            "https://a.id/b’s judul",
            "https://a.id/b's judul",
            "看https://a.id/b。然后",
            "（https://a.id/b），好",
            "「https://a.id/b」",
        ] {
            assert_eq!(links(text), ["https://a.id/b"], "{text}");
        }
    }

    #[test]
    fn link_with_other_scheme_stays_text() {
        for text in [
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc",
            "xhttp://a",
            "http:/a",
            "https://",
            "::",
            "mailto:",
        ] {
            assert_eq!(links(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn link_ends_at_hidden_character() {
        assert_eq!(links("https://a.id/\u{202e}moc.live"), ["https://a.id/"]);
        assert_eq!(links("https://a.id/é"), ["https://a.id/é"]);
    }

    #[test]
    fn linkify_many_colons_takes_linear_time() {
        assert_eq!(links(&":".repeat(10_000)).len(), 0);
        assert_eq!(links(&"http://a ".repeat(1000)).len(), 1000);
    }
}
