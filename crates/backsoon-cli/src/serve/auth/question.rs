//! What a proxy asks about: a visitor's request, as the fields of the question describe it.
//!
//! 1. Method, host and target must all be said, each in one of the fields that proxies use for it.
//! 2. A field comes at most once, and if several say the same thing they must agree. So a field that a visitor has
//!    sent, and that the proxy passed on beside its own, spoils the question but never decides it.
//! 3. Nothing is guessed: what is not said, or cannot be meant, makes the question unclear, and that is no "yes".

use std::borrow::Cow;
use std::net::IpAddr;

use backsoon::pass::redacted;
use backsoon::request::{Request, Scheme};
use backsoon::rules::{Because, TrustedProxies};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::serve::host::is_host;

const METHOD: [HeaderName; 2] =
    [HeaderName::from_static("x-forwarded-method"), HeaderName::from_static("x-original-method")];
const HOST: [HeaderName; 1] = [HeaderName::from_static("x-forwarded-host")];
const TARGET: [HeaderName; 2] =
    [HeaderName::from_static("x-forwarded-uri"), HeaderName::from_static("x-original-uri")];
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// A whole URL, or a target.
const URL: HeaderName = HeaderName::from_static("x-original-url");
/// Proxies keep `Upgrade` for themselves, but not this field of every WebSocket (RFC 6455 §4.1).
const WEBSOCKET: HeaderName = HeaderName::from_static("sec-websocket-key");

/// A visitor's request that a trusted proxy asks about.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) method: Method,
    pub(crate) host: String,
    /// Path and query.
    pub(crate) target: String,
    peer: Option<IpAddr>,
    scheme: Scheme,
    headers: HeaderMap,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unclear {
    #[error("nothing says the {0} of the request that is asked about; send {1}")]
    Missing(&'static str, &'static str),
    #[error("{0} comes more than once")]
    Twice(HeaderName),
    #[error("{0} is no text")]
    NoText(HeaderName),
    #[error("{0} and another field say different things; let the proxy remove what visitors send in it")]
    Disagrees(HeaderName),
    #[error("{0} cannot be meant")]
    Nonsense(HeaderName),
}

// === impl Question ===

impl Question {
    /// Reads what a question from `proxy`, one of those that are `trusted`, says.
    ///
    /// # Errors
    /// It does not say unmistakably which request it is about.
    pub(crate) fn read(
        mut headers: HeaderMap,
        proxy: IpAddr,
        trusted: &TrustedProxies,
    ) -> Result<Self, Unclear> {
        let url = one(&headers, &URL)?.map(|url| parts(url).ok_or(Unclear::Nonsense(URL))).transpose()?;
        let (url_host, url_target) = url.unwrap_or_default();
        let method = agreed(&headers, &METHOD, None, |a, b| a == b)?
            .ok_or(Unclear::Missing("method", "X-Forwarded-Method"))?;
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|_| Unclear::Nonsense(METHOD[0].clone()))?;
        let host = agreed(&headers, &HOST, url_host, str::eq_ignore_ascii_case)?
            .ok_or(Unclear::Missing("host", "X-Forwarded-Host"))?;
        if !is_host(host.as_bytes()) {
            return Err(Unclear::Nonsense(HOST[0].clone()));
        }
        let target = agreed(&headers, &TARGET, url_target, |a, b| a == b)?
            .ok_or(Unclear::Missing("target", "X-Forwarded-Uri"))?;
        if !is_target(target, &method) {
            return Err(Unclear::Nonsense(TARGET[0].clone()));
        }
        let is_https = one(&headers, &PROTO)?.is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
        let scheme = if is_https { Scheme::Https } else { Scheme::Http };
        let (host, target) = (host.to_owned(), target.to_owned());
        if headers.contains_key(WEBSOCKET) {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        let mut question = Question { method, host, target, peer: Some(proxy), scheme, headers };
        let visitor = trusted.client(&question.request());
        match visitor.because {
            Because::Forwarded { .. } => question.peer = visitor.address,
            Because::Malformed => return Err(Unclear::Nonsense(HeaderName::from_static("x-forwarded-for"))),
            // The proxy's own address would be taken for the visitor's.
            _ => question.peer = None,
        }
        Ok(question)
    }

    /// The visitor's request. Who the user is, and which route it is for, nobody knows here.
    pub(crate) fn request(&self) -> Request<'_> {
        let mut request = Request::new(self.method.as_str(), &self.host, &self.target, &self.headers);
        (request.peer, request.scheme) = (self.peer, self.scheme);
        request
    }

    /// The path for logs: without the query, and without what makes the link of a pass one.
    pub(crate) fn path(&self) -> Cow<'_, str> {
        redacted(self.target.split('?').next().unwrap_or_default())
    }
}

/// The value of a field that comes at most once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Unclear> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Unclear::NoText(name.clone())),
        (Some(_), Some(_)) => Err(Unclear::Twice(name.clone())),
    }
}

/// What `said` and all of `names` that are there agree on.
fn agreed<'a>(
    headers: &'a HeaderMap,
    names: &[HeaderName],
    said: Option<&'a str>,
    same: impl Fn(&str, &str) -> bool,
) -> Result<Option<&'a str>, Unclear> {
    let mut agreed = said;
    for name in names {
        match (agreed, one(headers, name)?) {
            (_, None) => {}
            (None, value) => agreed = value,
            (Some(other), Some(value)) if same(other, value) => {}
            _ => return Err(Unclear::Disagrees(name.clone())),
        }
    }
    Ok(agreed)
}

/// Host and target of `https://shop.example/cart?a=b`, or the target alone of `/cart?a=b`.
fn parts(url: &str) -> Option<(Option<&str>, Option<&str>)> {
    if url.starts_with('/') {
        return Some((None, Some(url)));
    }
    let (scheme, rest) = url.split_once("://")?;
    let is_known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(end);
    let target = if target.is_empty() { "/" } else { target };
    is_known.then_some((Some(host), Some(target)))
}

/// Whether `target` is a path and perhaps a query (RFC 9112 §3.2.1), or the `*` of `OPTIONS *`.
fn is_target(target: &str, method: &Method) -> bool {
    let plain = target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    plain && (target.starts_with('/') || target == "*" && *method == Method::OPTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [(&str, &[u8]); 4] = [
        ("x-forwarded-method", b"GET"),
        ("x-forwarded-host", b"shop.example"),
        ("x-forwarded-uri", b"/cart?a=b"),
        ("x-forwarded-for", b"192.0.2.7"),
    ];

    fn read(fields: &[(&'static str, &[u8])]) -> Result<Question, Unclear> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        Question::read(headers, "10.0.0.1".parse().unwrap(), &trusted())
    }

    fn trusted() -> TrustedProxies {
        TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()])
    }

    fn with(name: &'static str, value: &'static [u8]) -> Result<Question, Unclear> {
        read(&[&PLAIN[..], &[(name, value)]].concat())
    }

    fn without(name: &str) -> Result<Question, Unclear> {
        read(&PLAIN.into_iter().filter(|(field, _)| *field != name).collect::<Vec<_>>())
    }

    #[test]
    fn every_proxys_own_words_say_the_same() {
        let nginx: [(&str, &[u8]); 3] = [
            ("x-original-method", b"GET"),
            ("x-original-url", b"https://shop.example/cart?a=b"),
            ("x-forwarded-for", b"192.0.2.7"),
        ];
        for question in [read(&PLAIN), read(&nginx), with("x-original-url", b"HTTP://Shop.example/cart?a=b")]
        {
            let question = question.unwrap();
            let request = question.request();
            assert_eq!((request.method, request.path, &*question.path()), ("GET", "/cart?a=b", "/cart"));
            assert!(request.host.eq_ignore_ascii_case("shop.example"));
            assert_eq!(trusted().client(&request).address, Some("192.0.2.7".parse().unwrap()));
        }
        assert_eq!(with("x-original-url", b"/cart?a=b").unwrap().host, "shop.example");
    }

    #[test]
    fn what_is_said_twice_differently_or_not_at_all_is_unclear() {
        for (name, missing) in [("method", 0), ("host", 1), ("uri", 2)] {
            let field = PLAIN[missing].0;
            assert!(matches!(without(field), Err(Unclear::Missing(..))), "{name}");
            let again = with(field, PLAIN[missing].1);
            assert_eq!(again.unwrap_err(), Unclear::Twice(HeaderName::from_static(field)));
            let no_text = [&PLAIN[..missing], &[(field, &b"/\xff"[..])], &PLAIN[missing + 1..]].concat();
            assert_eq!(read(&no_text).unwrap_err(), Unclear::NoText(HeaderName::from_static(field)));
        }
        for (name, other) in [
            ("x-original-method", &b"POST"[..]),
            ("x-original-method", b"get"),
            ("x-original-uri", b"/open"),
            ("x-original-uri", b"/cart"),
            ("x-original-url", b"/open"),
            ("x-original-url", b"https://open.example/cart?a=b"),
        ] {
            assert!(matches!(with(name, other), Err(Unclear::Disagrees(_))), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_unclear() {
        for (at, values) in [
            (0, &["", "GET POST", "G(T"][..]),
            (1, &["", "a b", "me@shop.example", "a,b", "a/b", "a\"b"]),
            (1, &["shop.example..", "shop..example", ".example"]),
            (2, &["", "cart", "*", "http://shop.example/cart", "/a b", "/a#/open", "/a\tb", "?a"]),
            (3, &["", "nobody", "192.0.2.7, what"]),
        ] {
            for value in values {
                let mut fields = PLAIN;
                fields[at].1 = value.as_bytes();
                let name = HeaderName::from_static(fields[at].0);
                assert_eq!(read(&fields).unwrap_err(), Unclear::Nonsense(name), "{value}");
            }
        }
        for url in ["ftp://shop.example/cart?a=b", "shop.example/cart", "", "https:/cart?a=b"] {
            assert_eq!(with("x-original-url", url.as_bytes()).unwrap_err(), Unclear::Nonsense(URL), "{url}");
        }
        let mut options = PLAIN;
        (options[0].1, options[2].1) = (b"OPTIONS", b"*");
        assert_eq!(read(&options).unwrap().request().path, "*");
    }

    #[test]
    fn the_proxy_is_never_taken_for_the_visitor() {
        assert_eq!(without("x-forwarded-for").unwrap().request().peer, None);
    }

    #[test]
    fn a_websocket_is_one_though_the_proxy_keeps_its_upgrade() {
        assert!(read(&PLAIN).unwrap().request().is_safe());
        assert!(!with("sec-websocket-key", b"AAAA").unwrap().request().is_safe());
    }
}
