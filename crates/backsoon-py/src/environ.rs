//! A request as WSGI keeps it: a dictionary with header fields under `HTTP_` names (PEP 3333).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

use backsoon::pass::PREFIX;
use backsoon::request::{Effect, Headers, Identity, Scheme};
use backsoon::rules::{Path, TrustedProxies};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// What the core may look at, and where WSGI has it (PEP 3333).
const FIELDS: [(&str, &str); 10] = [
    ("accept", "HTTP_ACCEPT"),
    ("accept-language", "HTTP_ACCEPT_LANGUAGE"),
    ("access-control-request-headers", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"),
    ("access-control-request-method", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"),
    ("content-type", "CONTENT_TYPE"),
    ("cookie", "HTTP_COOKIE"),
    ("origin", "HTTP_ORIGIN"),
    ("upgrade", "HTTP_UPGRADE"),
    ("x-forwarded-for", "HTTP_X_FORWARDED_FOR"),
    ("x-forwarded-proto", "HTTP_X_FORWARDED_PROTO"),
];

/// A request, read from its WSGI environment. `path` is the path as sent, `host` the host, `method` the method and
/// `scheme` how the visitor came, where the framework knows better than the environment.
#[pyclass(frozen, module = "backsoon")]
pub(crate) struct Request {
    method: String,
    host: String,
    path: String,
    peer: Peer,
    scheme: Scheme,
    fields: Fields,
}

/// Who is at the other end of the connection.
#[derive(Clone, Copy)]
enum Peer {
    /// Nobody can say.
    Unknown,
    /// A program of this machine, by a Unix socket: servers leave `REMOTE_ADDR` empty then.
    Socket,
    At(IpAddr),
}

/// The fields of one request, read when something asks for the first of them.
struct Fields {
    environ: Py<PyDict>,
    values: OnceLock<[Option<Vec<u8>>; FIELDS.len()]>,
}

// === impl Fields ===

impl Fields {
    fn read(&self) -> [Option<Vec<u8>>; FIELDS.len()] {
        Python::attach(|py| {
            let environ = self.environ.bind(py);
            FIELDS.map(|(_, key)| bytes(&environ.get_item(key).ok()??))
        })
    }
}

impl Headers for Fields {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        // A server joins several fields of one name by commas (RFC 9110 §5.3).
        if let Some(value) = self.first(name) {
            visit(value);
        }
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        let at = FIELDS.iter().position(|(field, _)| *field == name)?;
        self.values.get_or_init(|| self.read())[at].as_deref()
    }
}

/// A string as WSGI means it: each character stands for one byte (PEP 3333, "native strings").
fn bytes(value: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    let text = value.cast::<PyString>().ok()?;
    let text = text.to_str().ok()?;
    Some(text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect())
}

// === impl Request ===

#[pymethods]
impl Request {
    /// A request as an application sees it that is mounted below a prefix: `path` is what is left for the application,
    /// decoded. `raw` is the path as sent, where the server tells it by no key of the environment; `peer` stands in for
    /// `REMOTE_ADDR`, and `host` for the host.
    ///
    /// What was sent in an odd way stays as sent, prefix and all, so that no `open` rule matches it.
    #[staticmethod]
    #[pyo3(signature = (environ, path, raw = None, peer = None, scheme = None, host = None))]
    fn mounted(
        environ: &Bound<'_, PyDict>,
        path: &str,
        raw: Option<&str>,
        peer: Option<&str>,
        scheme: Option<&str>,
        host: Option<&str>,
    ) -> Self {
        let text =
            |key: &str| environ.get_item(key).ok().flatten().and_then(|value| value.extract::<String>().ok());
        let odd = raw.map(as_sent).or_else(|| sent(&text)).filter(|sent| Path::read(sent).is_odd());
        let peer = match peer {
            Some(address) => Peer::named(address),
            None => Peer::of(&text),
        };
        let host = host.map(str::to_owned);
        Self {
            method: text("REQUEST_METHOD").unwrap_or_default(),
            host: host.or_else(|| text("HTTP_HOST")).or_else(|| text("SERVER_NAME")).unwrap_or_default(),
            path: with_query(odd.unwrap_or_else(|| decoded(path)), &text),
            peer,
            scheme: came_by(scheme, &text),
            fields: Fields { environ: environ.clone().unbind(), values: OnceLock::new() },
        }
    }

    /// Whether two servers could read the path differently; no `open` rule matches such a path.
    #[getter]
    fn is_odd(&self) -> bool {
        Path::read(&self.path).is_odd()
    }

    #[new]
    #[pyo3(signature = (environ, path = None, host = None, method = None, scheme = None))]
    fn new(
        environ: &Bound<'_, PyDict>,
        path: Option<&str>,
        host: Option<&str>,
        method: Option<String>,
        scheme: Option<&str>,
    ) -> Self {
        let text =
            |key: &str| environ.get_item(key).ok().flatten().and_then(|value| value.extract::<String>().ok());
        let host = host.map(str::to_owned);
        let peer = Peer::of(&text);
        Self {
            method: method.or_else(|| text("REQUEST_METHOD")).unwrap_or_default(),
            host: host.or_else(|| text("HTTP_HOST")).or_else(|| text("SERVER_NAME")).unwrap_or_default(),
            path: with_query(
                path.map(as_sent).or_else(|| sent(&text)).unwrap_or_else(|| written(&text)),
                &text,
            ),
            peer,
            scheme: came_by(scheme, &text),
            fields: Fields { environ: environ.clone().unbind(), values: OnceLock::new() },
        }
    }
}

impl Request {
    /// As the core sees it where `proxies` are trusted. Python is needed for this until [`Request::settle`] was called.
    pub(crate) fn view(
        &self,
        user: Identity,
        route: Option<Effect>,
        proxies: &TrustedProxies,
    ) -> backsoon::Request<'_> {
        let mut request = backsoon::Request::new(&self.method, &self.host, &self.path, &self.fields);
        (request.peer, request.scheme) = (self.peer.address(proxies), self.scheme);
        (request.user, request.route) = (user, route);
        request
    }

    /// Reads all fields, so that nothing of Python is needed any more.
    pub(crate) fn settle(&self) {
        self.fields.values.get_or_init(|| self.fields.read());
    }
}

// === impl Peer ===

impl Peer {
    fn of(text: &dyn Fn(&str) -> Option<String>) -> Self {
        match text("REMOTE_ADDR") {
            Some(address) if address.is_empty() => Self::Socket,
            Some(address) => Self::named(&address),
            None => Self::Unknown,
        }
    }

    fn named(address: &str) -> Self {
        address.parse().map_or(Self::Unknown, Self::At)
    }

    /// A Unix socket is the loopback address to those who trust a proxy there. To nobody else: a rule about that address
    /// would let in everybody who comes through the proxy.
    fn address(self, proxies: &TrustedProxies) -> Option<IpAddr> {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        match self {
            Self::At(address) => Some(address),
            Self::Socket if proxies.trusts(loopback) => Some(loopback),
            Self::Socket | Self::Unknown => None,
        }
    }
}

/// The path as the client sent it, from the servers that tell: gunicorn's `RAW_URI`, and `REQUEST_URI` of uwsgi and
/// mod_wsgi. PEP 3333 asks for none of them.
fn sent(text: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let uri = text("RAW_URI").or_else(|| text("REQUEST_URI"))?;
    // The absolute form names the host as well (RFC 9112 §3.2.2).
    let path = match uri.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => &uri,
    };
    path.starts_with('/').then(|| as_sent(path))
}

/// The path with the query behind it if it is the link of a pass: it says where the link leads.
fn with_query(path: String, text: &dyn Fn(&str) -> Option<String>) -> String {
    if !path.starts_with(PREFIX) || path.contains('?') {
        return path;
    }
    match text("QUERY_STRING").filter(|query| !query.is_empty()) {
        Some(query) => format!("{path}?{}", as_sent(&query)),
        None => path,
    }
}

/// How the visitor came, as the framework or the server says (PEP 3333).
fn came_by(scheme: Option<&str>, text: &dyn Fn(&str) -> Option<String>) -> Scheme {
    let is_https = match scheme {
        Some(scheme) => scheme == "https",
        None => text("wsgi.url_scheme").is_some_and(|scheme| scheme == "https"),
    };
    if is_https { Scheme::Https } else { Scheme::Http }
}

/// The path that a server has decoded, encoded again. What was sent as `%2f` cannot be told from `/` any more.
fn written(text: &dyn Fn(&str) -> Option<String>) -> String {
    let decoded = text("SCRIPT_NAME").unwrap_or_default() + &text("PATH_INFO").unwrap_or_default();
    encode(&decoded, |byte| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'?' | b'#'))
}

/// A path that was decoded to text, encoded again.
fn decoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for c in path.chars() {
        if c.is_ascii_graphic() && !matches!(c, '%' | '?' | '#') {
            encoded.push(c);
        } else {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| encoded.push_str(&format!("%{byte:02X}")));
        }
    }
    encoded
}

/// `path` with what no URL may hold percent-encoded.
fn as_sent(path: &str) -> String {
    encode(path, |byte| byte.is_ascii_graphic())
}

fn encode(text: &str, is_kept: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        // One byte a character, as in `bytes`; frameworks that have decoded more than that hand over UTF-8.
        match u8::try_from(u32::from(c)) {
            Ok(byte) if is_kept(byte) => encoded.push(c),
            Ok(byte) => encoded.push_str(&format!("%{byte:02X}")),
            Err(_) => c.encode_utf8(&mut [0; 4]).bytes().for_each(|b| encoded.push_str(&format!("%{b:02X}"))),
        }
    }
    encoded
}
