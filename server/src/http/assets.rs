//! Files of the built page, read once at the start and served from memory.
//!
//! A request is looked up as a whole among the names that were found, so that no path can leave the folder.
//! `x.br` and `x.gz` beside `x` are sent to whoever takes them. Names with a hash are kept by browsers for ever,
//! `index.html` is asked for each time.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use super::accept_encoding::is_accepted;
use super::csp::InlineHashes;
use crate::config::Origin;

/// File that answers navigation.
const INDEX: &str = "/index.html";
/// More than this is not a page.
const MOST_BYTES: u64 = 256 << 20;
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_FIRST: &str = "no-cache";

/// Files of a built page; cheap to clone.
#[derive(Debug, Clone)]
pub struct Assets {
    folder: Arc<PathBuf>,
    /// Servers besides its own that the page may use, as its `<meta name="pesan-servers">` names them.
    servers: Arc<str>,
    page: Arc<RwLock<Arc<Page>>>,
}

/// Files as they were when the folder was read.
#[derive(Debug)]
struct Page {
    files: HashMap<String, File>,
    build: String,
    inline: InlineHashes,
}

#[derive(Debug)]
struct File {
    kind: HeaderValue,
    cache: HeaderValue,
    bodies: Vec<(Encoding, EncodedFile)>,
}

/// One form of a file.
#[derive(Debug)]
struct EncodedFile {
    bytes: Bytes,
    etag: HeaderValue,
}

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssetsError {
    /// The page was not built.
    #[error(
        "{0} has no index.html: build the page with `cargo xtask build` or `trunk build --release`, or name its folder with --assets"
    )]
    NoIndex(PathBuf),
    /// A file or the folder cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The folder is not that of a page.
    #[error("{0} holds more than {limit} MiB: --assets names another folder than that of the page", limit = MOST_BYTES >> 20)]
    TooLarge(PathBuf),
}

impl Assets {
    /// Reads a folder; the page is told which servers besides its own it may use.
    ///
    /// # Errors
    /// When it cannot be read, has no `index.html`, or is no page's.
    pub fn load(folder: &Path, servers: &[Origin]) -> Result<Self, AssetsError> {
        let servers: Vec<&str> = servers.iter().map(Origin::as_str).collect();
        let servers = servers.join(" ");
        let page = Page::load(folder, &servers)?;
        Ok(Self {
            folder: Arc::new(folder.to_owned()),
            servers: servers.into(),
            page: Arc::new(RwLock::new(Arc::new(page))),
        })
    }

    /// Reads the folder again; what was there before stays when that fails.
    ///
    /// # Errors
    /// As [`Assets::load`].
    pub fn reload(&self) -> Result<(), AssetsError> {
        let page = Arc::new(Page::load(&self.folder, &self.servers)?);
        *self
            .page
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = page;
        Ok(())
    }

    /// Name of this build of the page: another `index.html`, another name.
    #[must_use]
    pub fn build(&self) -> String {
        self.page().build.clone()
    }

    /// Answers a request for a file, or a navigation; pages carry their [`InlineHashes`] as an extension.
    #[must_use]
    pub fn respond<B>(&self, request: &Request<B>) -> Response<Body> {
        let method = request.method();
        if method != Method::GET && method != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let page = self.page();
        let Some(file) = page.find(request.uri(), request.headers()) else {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        };
        let mut response = file.respond(request.headers(), method == Method::HEAD);
        if file.kind.as_bytes().starts_with(b"text/html") {
            // also when nothing is sent again: the browser takes the new headers for what it has
            response.extensions_mut().insert(page.inline.clone());
        }
        response
    }

    fn page(&self) -> Arc<Page> {
        Arc::clone(
            &self
                .page
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }
}

impl Page {
    fn load(folder: &Path, servers: &str) -> Result<Self, AssetsError> {
        let mut raw = HashMap::new();
        let mut total = 0;
        collect(folder, folder, &mut raw, &mut total)?;
        let Some(index) = raw.get(INDEX) else {
            return Err(AssetsError::NoIndex(folder.to_owned()));
        };
        let build = digest(index);
        let inline = InlineHashes::of(&String::from_utf8_lossy(index));
        if !servers.is_empty() {
            let index = with_servers(index, servers);
            // the compressed copies in the folder are those of the page without the list
            raw.remove(&format!("{INDEX}.br"));
            raw.insert(format!("{INDEX}.gz"), gzip(&index));
            raw.insert(INDEX.to_owned(), index);
        }
        let files = raw
            .iter()
            .filter(|(name, _)| Encoding::of_file(name).is_none_or(|(of, _)| !raw.contains_key(of)))
            .map(|(name, bytes)| (name.clone(), File::new(name, bytes, &raw)))
            .collect();
        Ok(Self { files, build, inline })
    }

    fn find(&self, uri: &Uri, headers: &HeaderMap) -> Option<&File> {
        let path = percent_decode_str(uri.path()).decode_utf8().ok()?;
        let name = if path == "/" { INDEX } else { &*path };
        self.files.get(name).or_else(|| {
            // a navigation to a place inside the page; a missing script must stay missing
            let last = name.rsplit('/').next().unwrap_or_default();
            let navigates = !last.contains('.') && accepts_html(headers);
            navigates.then(|| self.files.get(INDEX)).flatten()
        })
    }
}

impl File {
    fn new(name: &str, bytes: &Bytes, raw: &HashMap<String, Bytes>) -> Self {
        let kind = mime_guess::from_path(name).first_or_octet_stream();
        let text = kind.type_() == "text" || kind.subtype() == "javascript";
        let kind = if text {
            format!("{kind}; charset=utf-8")
        } else {
            kind.to_string()
        };
        let mut bodies: Vec<(Encoding, EncodedFile)> = Encoding::ALL
            .into_iter()
            .filter_map(|encoding| Some((encoding, raw.get(&format!("{name}{}", encoding.suffix()?))?)))
            // a compressed form that saves nothing only costs time
            .filter(|(_, coded)| coded.len() < bytes.len())
            .map(|(encoding, coded)| (encoding, EncodedFile::new(coded)))
            .collect();
        bodies.push((Encoding::Identity, EncodedFile::new(bytes)));
        Self {
            kind: HeaderValue::try_from(kind).unwrap_or(HeaderValue::from_static("application/octet-stream")),
            cache: HeaderValue::from_static(if is_hashed(name) { FOR_EVER } else { ASK_FIRST }),
            bodies,
        }
    }

    fn respond(&self, headers: &HeaderMap, head: bool) -> Response<Body> {
        let wanted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let Some((encoding, coded)) = self
            .bodies
            .iter()
            .find(|(encoding, _)| encoding.is_accepted(wanted))
            .or(self.bodies.last())
        else {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        };
        let fresh = headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == "*" || tag.as_bytes() == coded.etag.as_bytes());
        let body = if head || fresh {
            Body::empty()
        } else {
            Body::from(coded.bytes.clone())
        };
        let mut response = Response::new(body);
        let out = response.headers_mut();
        out.insert(CACHE_CONTROL, self.cache.clone());
        out.insert(ETAG, coded.etag.clone());
        if self.bodies.len() > 1 {
            out.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if fresh {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        out.insert(CONTENT_TYPE, self.kind.clone());
        out.insert(CONTENT_LENGTH, HeaderValue::from(coded.bytes.len()));
        if let Some(name) = encoding.name() {
            out.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        response
    }
}

impl EncodedFile {
    fn new(bytes: &Bytes) -> Self {
        let etag = format!("\"{}\"", digest(bytes));
        Self {
            bytes: bytes.clone(),
            etag: HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }
}

/// The page with the list of servers at the beginning of its head, where the page's first script finds it.
fn with_servers(index: &Bytes, servers: &str) -> Bytes {
    let html = String::from_utf8_lossy(index);
    let meta = format!("<meta name=\"pesan-servers\" content=\"{servers}\">");
    // ASCII only, so that positions in both are the same
    let lower = html.to_ascii_lowercase();
    let head = lower.match_indices("<head").find_map(|(start, tag)| {
        let end = lower.get(start + tag.len()..)?;
        // not <header>
        let attributes = end.starts_with(|c: char| c == '>' || c.is_ascii_whitespace());
        attributes.then(|| end.find('>').map(|close| start + tag.len() + close + 1))?
    });
    // a page without the tag has its head before the first element all the same
    let doctype = || {
        lower
            .starts_with("<!doctype")
            .then(|| lower.find('>').map(|end| end + 1))
            .flatten()
    };
    let position = head.or_else(doctype).unwrap_or_default();
    let (before, after) = html.split_at_checked(position).unwrap_or(("", &html));
    Bytes::from([before, &meta, after].concat())
}

fn gzip(bytes: &Bytes) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.map(Bytes::from).expect("writing to memory does not fail")
}

/// Reads all files below `folder`, under their names in URLs.
fn collect(
    root: &Path,
    folder: &Path,
    files: &mut HashMap<String, Bytes>,
    total: &mut u64,
) -> Result<(), AssetsError> {
    let unreadable = |path: &Path, error: &io::Error| AssetsError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(AssetsError::NoIndex(root.to_owned()));
        }
        Err(error) => return Err(unreadable(folder, &error)),
    };
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let meta = std::fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        if meta.is_dir() {
            collect(root, &path, files, total)?;
        } else if let Some(name) = url_name(root, &path) {
            *total += meta.len();
            if *total > MOST_BYTES {
                return Err(AssetsError::TooLarge(root.to_owned()));
            }
            let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            files.insert(name, Bytes::from(bytes));
        }
    }
    Ok(())
}

/// Name in a URL, if the file has one; hidden files have none.
fn url_name(root: &Path, path: &Path) -> Option<String> {
    let mut name = String::new();
    for part in path.strip_prefix(root).ok()?.components() {
        let part = part.as_os_str().to_str()?;
        if part.starts_with('.') {
            return None;
        }
        name.push('/');
        name.push_str(part);
    }
    Some(name)
}

/// Whether a part of the name is a hash, as in `pesan-0123456789abcdef_bg.wasm`.
fn is_hashed(name: &str) -> bool {
    name.split('/').any(|part| {
        part.split(['-', '.', '_'])
            .skip(1)
            .any(|word| word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

/// First 64 bits of the SHA-256, in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// Form in which a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// `br`.
    Brotli,
    /// `gzip`.
    Gzip,
    /// As it is.
    Identity,
}

impl Encoding {
    /// All of them, the smallest result first.
    const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// Name in headers; none for the file as it is.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// End of the file's name.
    fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some(".br"),
            Self::Gzip => Some(".gz"),
            Self::Identity => None,
        }
    }

    /// File that this one is a form of, by the name alone.
    fn of_file(name: &str) -> Option<(&str, Self)> {
        Self::ALL
            .into_iter()
            .find_map(|encoding| Some((name.strip_suffix(encoding.suffix()?)?, encoding)))
    }

    /// Whether a client with this `Accept-Encoding` takes it.
    fn is_accepted(self, header: Option<&str>) -> bool {
        self.name().is_none_or(|name| is_accepted(name, header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_of_servers_stands_first_in_the_head() {
        let meta = "<meta name=\"pesan-servers\" content=\"https://a\">";
        for (before, after) in [
            (
                "<!doctype html><html><HEAD lang=id>",
                "<script></script><header></header>",
            ),
            ("<!doctype html>", "<script></script>"),
            ("", "<title>pesan</title>"),
        ] {
            let page = with_servers(&Bytes::from([before, after].concat()), "https://a");
            assert_eq!(page, [before, meta, after].concat());
        }
    }

    #[test]
    fn names_with_a_hash_are_told_apart() {
        for name in [
            "/pesan-0123456789abcdef_bg.wasm",
            "/main-aa0011bb22cc33dd.css",
            "/snippets/x-0123456789abcdef/inline0.js",
        ] {
            assert!(is_hashed(name), "{name}");
        }
        for name in ["/index.html", "/robots.txt", "/a-page.css", "/deadbeef00.png"] {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
