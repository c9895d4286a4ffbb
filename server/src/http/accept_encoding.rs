//! `Accept-Encoding`: which content codings a client accepts.

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

/// Form in which a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `br`.
    Brotli,
    /// `gzip`.
    Gzip,
    /// As it is.
    Identity,
}

impl Encoding {
    /// All of them, the smallest result first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// Name in headers; none for the file as it is.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// End of the file's name.
    pub(crate) fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some(".br"),
            Self::Gzip => Some(".gz"),
            Self::Identity => None,
        }
    }

    /// File that this one is a form of, by the name alone.
    pub(crate) fn of_file(name: &str) -> Option<(&str, Self)> {
        Self::ALL
            .into_iter()
            .find_map(|encoding| Some((name.strip_suffix(encoding.suffix()?)?, encoding)))
    }

    /// Whether a client with this `Accept-Encoding` takes it.
    pub(crate) fn is_accepted(self, header: Option<&str>) -> bool {
        self.name().is_none_or(|name| is_accepted(name, header))
    }
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
