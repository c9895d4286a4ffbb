//! Origins: parsing what operators write, in the form that browsers compare.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use url::{Host, Url};

/// Origin of a page or a server, as a browser serialises it: `https://chat.example`, `http://10.0.0.1:8080`.
///
/// ```
/// use pesan_server::config::Origin;
///
/// let origin: Origin = "HTTPS://Chat.Example:443/".parse().expect("an origin");
/// assert_eq!(origin.as_str(), "https://chat.example");
/// assert!("https://chat.example/room".parse::<Origin>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// Why a text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// Scheme or host is missing.
    #[error("not an origin of the form https://host or https://host:port")]
    Form,
    /// Something follows the host.
    #[error("an origin ends after host and port; remove '{0}'")]
    Rest(String),
    /// The host is invalid.
    #[error("'{0}' is not a host")]
    Host(String),
    /// The scheme is not HTTP.
    #[error("scheme '{0}' is not http or https")]
    Scheme(String),
}

impl Origin {
    /// Text of the origin.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Sources for a Content-Security-Policy that allow HTTP and WebSocket connections to it.
    #[must_use]
    pub fn sources(&self) -> String {
        let websocket = self.0.replacen("http", "ws", 1);
        format!("{} {websocket}", self.0)
    }

    /// Whether its host is this machine: `localhost`, `127.0.0.0/8` or `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0
            .split_once("://")
            .is_some_and(|(_, authority)| is_loopback(authority))
    }

    /// Origin of a server that pages may use: HTTP or HTTPS; a host without scheme means HTTPS.
    ///
    /// # Errors
    /// [`OriginError`] says what is wrong.
    pub fn of_server(text: &str) -> Result<Self, OriginError> {
        let text = text.trim();
        let origin: Self = if text.contains("://") {
            text.parse()?
        } else {
            format!("https://{text}").parse()?
        };
        match origin.0.split_once("://") {
            Some(("http" | "https", _)) => Ok(origin),
            Some((scheme, _)) => Err(OriginError::Scheme(scheme.to_owned())),
            None => Err(OriginError::Form),
        }
    }

    /// Origin of a URL, ignoring path and query; `ws` counts as `http`.
    #[must_use]
    pub fn of_url(text: &str) -> Option<Self> {
        let mut url = Url::parse(text).ok()?;
        let scheme = match url.scheme() {
            "http" | "ws" => "http",
            "https" | "wss" => "https",
            _ => return None,
        };
        url.set_scheme(scheme).ok()?;
        let authority = authority(&url)?;
        Some(Self(format!("{scheme}://{authority}")))
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let text = text.trim();
        if !text.contains("://") {
            return Err(OriginError::Form);
        }
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::InvalidDomainCharacter
            | url::ParseError::IdnaError
            | url::ParseError::InvalidIpv4Address
            | url::ParseError::InvalidIpv6Address
            | url::ParseError::InvalidPort => OriginError::Host(after_scheme(text).to_owned()),
            _ => OriginError::Form,
        })?;
        let authority = authority(&url).ok_or_else(|| OriginError::Host(after_scheme(text).to_owned()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::Rest(format!("{}@", url.username())));
        }
        let rest = url.as_str().get(position_of_path(&url)..).unwrap_or_default();
        if !matches!(rest, "" | "/") {
            return Err(OriginError::Rest(rest.to_owned()));
        }
        Ok(Self(format!("{}://{authority}", url.scheme())))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `host` or `host:port`, as in a `Host` header, is this machine.
#[must_use]
pub fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    };
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
        || host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .and_then(|host| host.parse::<Ipv6Addr>().ok())
            .is_some_and(|address| address.is_loopback())
}

/// Host and port, if a Content-Security-Policy can contain the host.
fn authority(url: &Url) -> Option<String> {
    let host = match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => format!("[{address}]"),
    };
    // hosts of URLs may contain characters that would end a source or a directive
    let clean = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    if !clean || host.is_empty() {
        return None;
    }
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

fn after_scheme(text: &str) -> &str {
    text.split_once("://").map_or(text, |(_, rest)| rest)
}

/// Position of the path in a serialised URL.
fn position_of_path(url: &Url) -> usize {
    url[..url::Position::BeforePath].len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_spelled_as_browsers_do() {
        for (text, origin) in [
            ("https://chat.example", "https://chat.example"),
            (" https://chat.example/ ", "https://chat.example"),
            ("HTTPS://Chat.Example:443", "https://chat.example"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://täst.example", "https://xn--tst-qla.example"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(text.parse().as_ref().map(Origin::as_str), Ok(origin), "{text}");
        }
    }

    #[test]
    fn origin_with_anything_else_is_refused() {
        for text in [
            "",
            "foo",
            "chat.example",
            "https://",
            "https://a/path",
            "https://a?x",
            "https://a#x",
            "https://ana@a",
            "https://a:99999",
            "https://a;script-src",
            "https://a b",
            "x;script-src *",
            "https://*",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn server_without_scheme_is_https() {
        let server = |text| Origin::of_server(text).map(|origin| origin.to_string());
        assert_eq!(
            server("chat.example:8443"),
            Ok("https://chat.example:8443".to_owned())
        );
        assert_eq!(
            server("http://chat.example"),
            Ok("http://chat.example".to_owned())
        );
        assert_eq!(
            server("ftp://chat.example"),
            Err(OriginError::Scheme("ftp".to_owned()))
        );
        assert!(server("x;script-src *").is_err());
        assert!(server("*").is_err());
    }

    #[test]
    fn loopback_host_is_distinguished_from_similar_names() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "a.localhost",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]",
            "[::1]:80",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "[::2]",
            "10.0.0.1",
            "xlocalhost",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
