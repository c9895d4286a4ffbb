//! Content codings of ready-made files, and what a client accepts.

/// Form in which a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `br`.
    Brotli,
    /// `gzip`.
    Gzip,
    /// As it is.
    Identity,
}

impl Encoding {
    /// All of them, the smallest result first.
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// Name in headers; none for the file as it is.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// End of the file's name.
    pub(super) fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some(".br"),
            Self::Gzip => Some(".gz"),
            Self::Identity => None,
        }
    }

    /// File that this one is a form of, by the name alone.
    pub(super) fn of_file(name: &str) -> Option<(&str, Self)> {
        Self::ALL
            .into_iter()
            .find_map(|encoding| Some((name.strip_suffix(encoding.suffix()?)?, encoding)))
    }

    /// Whether a client with this `Accept-Encoding` takes it.
    pub(super) fn is_accepted(self, header: Option<&str>) -> bool {
        let Some(name) = self.name() else { return true };
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_of_nought_means_no() {
        let accepted = |header| Encoding::Brotli.is_accepted(header);
        assert!(accepted(Some("gzip, deflate, br, zstd")));
        assert!(accepted(Some("gzip;q=0.5, *")));
        assert!(!accepted(Some("gzip, br;q=0")));
        assert!(!accepted(Some("*, br;q=0.0")));
        assert!(!accepted(Some("gzip")));
        assert!(!accepted(None));
    }
}
