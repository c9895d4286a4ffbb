//! `Accept-Encoding`: which content codings a client accepts, and the codings of precompressed files.

/// Whether a client that sent this `Accept-Encoding` header accepts the coding `name`.
pub(crate) fn is_accepted(name: &str, header: Option<&str>) -> bool {
    let Some(header) = header else { return false };
    let mut any = false;
    for item in header.split(',') {
        let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
        let wanted = !parameters
            .split(';')
            .filter_map(|parameter| parameter.trim().strip_prefix("q="))
            .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        match coding.trim() {
            coding if coding.eq_ignore_ascii_case(name) => return wanted,
            "*" => any = wanted,
            _ => {}
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coding_with_weight_zero_is_not_accepted() {
        let accepted = |header| is_accepted("br", header);
        assert!(accepted(Some("gzip, deflate, br, zstd")));
        assert!(accepted(Some("gzip;q=0.5, *")));
        assert!(!accepted(Some("gzip, br;q=0")));
        assert!(!accepted(Some("*, br;q=0.0")));
        assert!(!accepted(Some("gzip")));
        assert!(!accepted(None));
    }
}
