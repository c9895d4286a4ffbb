//! Files of the built page, read at the start and served from memory.
//!
//! The whole path is looked up among the names that were found, so no request can leave the folder. `x.br` and `x.gz`
//! beside `x` are sent to clients that accept the coding. Files with a hash in their name are immutable, others such as
//! `index.html` are revalidated each time.

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

/// File that answers navigation requests.
const INDEX: &str = "/index.html";
/// Maximum total size; a larger folder is not that of a page.
const MAX_BYTES: u64 = 256 << 20;
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";

/// Files of a built page; cheap to clone.
#[derive(Debug, Clone)]
pub struct Assets {
    folder: Arc<PathBuf>,
    /// Other servers that the page may use, as in its `<meta name="pesan-servers">`.
    servers: Arc<str>,
    page: Arc<RwLock<Arc<Page>>>,
}

/// Contents of the folder.
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

/// File in one content coding.
#[derive(Debug)]
struct EncodedFile {
    bytes: Bytes,
    etag: HeaderValue,
}

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssetsError {
    /// The folder contains no page.
    #[error(
        "{0} has no index.html: build the page with `cargo xtask build` or `trunk build --release`, or set --assets to its folder"
    )]
    NoIndex(PathBuf),
    /// A file or the folder cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// File or folder.
        path: PathBuf,
        /// Error of the system.
        reason: String,
    },
    /// The folder is too large for a page.
    #[error("{0} contains more than {limit} MiB; --assets must be the folder of the built page", limit = MAX_BYTES >> 20)]
    TooLarge(PathBuf),
}

impl Assets {
    /// Reads a folder; `servers` are other servers that the page may use.
    ///
    /// # Errors
    /// When it cannot be read, has no `index.html`, or is too large.
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

    /// Reads the folder again; keeps the earlier contents if that fails.
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

    /// Build id of the page: a hash of `index.html`.
    #[must_use]
    pub fn build(&self) -> String {
        self.page().build.clone()
    }

    /// Answers a request for a file or a navigation. Responses with HTML carry their [`InlineHashes`] as an extension.
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
            // also with 304: the browser updates the headers of its cached copy
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
            // the compressed copies in the folder lack the list of servers
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
            // a navigation to a route of the page; a missing script must remain a 404
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
            // a compressed form that is not smaller is useless
            .filter(|(_, coded)| coded.len() < bytes.len())
            .map(|(encoding, coded)| (encoding, EncodedFile::new(coded)))
            .collect();
        bodies.push((Encoding::Identity, EncodedFile::new(bytes)));
        Self {
            kind: HeaderValue::try_from(kind).unwrap_or(HeaderValue::from_static("application/octet-stream")),
            cache: HeaderValue::from_static(if is_hashed(name) { IMMUTABLE } else { REVALIDATE }),
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
        let not_modified = headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == "*" || tag.as_bytes() == coded.etag.as_bytes());
        let body = if head || not_modified {
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
        if not_modified {
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

/// Inserts the list of servers at the start of the page's head, before its first script.
fn with_servers(index: &Bytes, servers: &str) -> Bytes {
    let html = String::from_utf8_lossy(index);
    let meta = format!("<meta name=\"pesan-servers\" content=\"{servers}\">");
    // changes ASCII letters only, so that positions are the same in both
    let lower = html.to_ascii_lowercase();
    let head = lower.match_indices("<head").find_map(|(start, tag)| {
        let end = lower.get(start + tag.len()..)?;
        // not <header>
        let attributes = end.starts_with(|c: char| c == '>' || c.is_ascii_whitespace());
        attributes.then(|| end.find('>').map(|close| start + tag.len() + close + 1))?
    });
    // without the tag, the head starts before the first element
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

/// Reads all files below `folder`, with their URL paths as keys.
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
            if *total > MAX_BYTES {
                return Err(AssetsError::TooLarge(root.to_owned()));
            }
            let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            files.insert(name, Bytes::from(bytes));
        }
    }
    Ok(())
}

/// URL path of a file; `None` for hidden files.
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

/// Content coding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// `br`.
    Brotli,
    /// `gzip`.
    Gzip,
    /// Not compressed.
    Identity,
}

impl Encoding {
    /// All codings, the most compact first.
    const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// Name in headers; `None` for an uncompressed file.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// Suffix of the file name.
    fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some(".br"),
            Self::Gzip => Some(".gz"),
            Self::Identity => None,
        }
    }

    /// Name of the uncompressed file for the name of a compressed one.
    fn of_file(name: &str) -> Option<(&str, Self)> {
        Self::ALL
            .into_iter()
            .find_map(|encoding| Some((name.strip_suffix(encoding.suffix()?)?, encoding)))
    }

    /// Whether a client with this `Accept-Encoding` header accepts it.
    fn is_accepted(self, header: Option<&str>) -> bool {
        self.name().is_none_or(|name| is_accepted(name, header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_list_is_inserted_first_in_the_head() {
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
    fn asset_name_with_hash_is_recognized() {
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
