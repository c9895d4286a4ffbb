//! Content codings of ready-made files.

use crate::http::accept_encoding;

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
        self.name()
            .is_none_or(|name| accept_encoding::is_accepted(name, header))
    }
}
