//! Which host a request is for, settled once: the door, the choice of the upstream and the upstream itself must all
//! read the same name, or a closed host could be reached under the name of an open one.
//!
//! 1. An authority in the target (HTTP/2's `:authority`, or HTTP/1.1's absolute form) replaces every `Host` field
//!    (RFC 9112 §3.2.2, RFC 9113 §8.3.1).
//! 2. Without one, an HTTP/1.1 request has exactly one `Host` field (RFC 9112 §3.2); HTTP/1.0 may have none.
//! 3. It must be a host and perhaps a port: no user name, no blanks, no quotes, and no comma, which would be two
//!    fields that someone has joined. No label is empty, and one dot at most comes last: servers read `a..` as they like.
//!
//! The door decides for that host, with two exceptions, of which it hears by the target's authority:
//!
//! 4. Where no host is named, for the upstream's own authority: that is what the upstream will read.
//! 5. Where a trusted proxy says in `X-Forwarded-Host` that the visitor asked for another one, for whichever of the two is
//!    closed more. The proxy has rewritten `Host`, or the application goes by the other field; so neither name is a
//!    way around a closing.

use backsoon::Mode;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Uri, Version, header};

/// The request does not say unmistakably which host it is for: 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request must name exactly one host, as a host and perhaps a port")]
pub(crate) struct BadHost(());

/// Leaves the host that `request` is for as its only `Host` field.
pub(crate) fn settle<B>(request: &mut Request<B>) -> Result<(), BadHost> {
    if let Some(authority) = request.uri().authority() {
        let host = authority.as_str();
        if host.contains(['@', ',']) || has_empty_label(host.as_bytes()) {
            return Err(BadHost(()));
        }
        // The authority has been parsed as one: no byte of it is refused in a field.
        let host = HeaderValue::from_str(host).map_err(|_| BadHost(()))?;
        request.headers_mut().insert(header::HOST, host);
        return Ok(());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (None, None) if request.version() < Version::HTTP_11 => Ok(()),
        _ => Err(BadHost(())),
    }
}

/// The authority that the door decides for, if `named` (the `Host` field) alone does not say it. `told` is what a trusted
/// proxy says, `unnamed` what the upstream reads where no host is named.
pub(crate) fn decisive(
    named: Option<&HeaderValue>,
    told: Option<&HeaderValue>,
    unnamed: Option<&Authority>,
    mode: impl Fn(&str) -> Mode,
) -> Result<Option<Authority>, BadHost> {
    let told = told.filter(|told| named != Some(*told));
    if told.is_none() && named.is_some() {
        return Ok(None);
    }
    let text = |host: &HeaderValue| host.to_str().ok().map(str::to_owned);
    let read = named.and_then(text).or_else(|| unnamed.map(ToString::to_string));
    let least = read.as_deref().map_or(Mode::Off, &mode);
    let stricter = told.and_then(text).filter(|told| mode(told) > least);
    match stricter.or(read.filter(|_| named.is_none())) {
        Some(decisive) => Authority::try_from(decisive).map(Some).map_err(|_| BadHost(())),
        None => Ok(None),
    }
}

/// Writes `authority` into the target of `request`, where the door looks first.
pub(crate) fn address<B>(request: &mut Request<B>, authority: Authority) -> Result<(), BadHost> {
    // Refused in any case, and its target is nothing but an authority.
    if request.method() == Method::CONNECT {
        return Ok(());
    }
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.authority = Some(authority);
    parts.scheme.get_or_insert(Scheme::HTTP);
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| BadHost(()))?;
    Ok(())
}

/// Whether `host` is a host and perhaps a port. The usual bytes are told apart without the parser's work.
pub(crate) fn is_host(host: &[u8]) -> bool {
    let usual = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    let plain =
        !host.is_empty() && host.iter().all(usual) && host.iter().filter(|byte| **byte == b':').count() <= 1;
    let is_written_right =
        plain || Authority::try_from(host).is_ok_and(|authority| !authority.as_str().contains(['@', ',']));
    is_written_right && !has_empty_label(host)
}

/// Whether there is nothing before a dot of the host, or nothing at all before its port; the last dot is the root's.
fn has_empty_label(authority: &[u8]) -> bool {
    let mut label = 0;
    for byte in authority {
        match byte {
            // An address, whose colons are no ports.
            b'[' => return false,
            b'.' if label == 0 => return true,
            b'.' => label = 0,
            b':' => break,
            _ => label += 1,
        }
    }
    authority.first().is_none_or(|first| *first == b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(target: &str, version: Version, hosts: &[&str]) -> Result<Vec<String>, BadHost> {
        let mut request = Request::builder().uri(target).version(version);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let mut request = request.body(()).unwrap();
        settle(&mut request)?;
        Ok(request
            .headers()
            .get_all(header::HOST)
            .iter()
            .map(|host| host.to_str().unwrap().to_owned())
            .collect())
    }

    #[test]
    fn the_target_outranks_the_field() {
        assert_eq!(settled("http://open/", Version::HTTP_11, &["closed"]), Ok(vec!["open".into()]));
        assert_eq!(settled("http://open/", Version::HTTP_2, &["a", "b"]), Ok(vec!["open".into()]));
    }

    #[test]
    fn whichever_is_closed_more_decides() {
        let mode = |host: &str| match host {
            "closed" | "closed:" => Mode::On,
            "held" => Mode::Hold,
            _ => Mode::Off,
        };
        let field = HeaderValue::from_static;
        let unnamed = Authority::from_static("app:3000");
        for (named, told, decides) in [
            (Some("open"), None, None),
            (Some("closed"), None, None),
            (Some("open"), Some("closed"), Some("closed")),
            (Some("closed"), Some("open"), None),
            (Some("closed"), Some("held"), None),
            (Some("held"), Some("closed"), Some("closed")),
            (Some("open"), Some("other"), None),
            (None, None, Some("app:3000")),
            (None, Some("open"), Some("app:3000")),
            (None, Some("closed"), Some("closed")),
        ] {
            let (named, told) = (named.map(field), told.map(field));
            let decided = decisive(named.as_ref(), told.as_ref(), Some(&unnamed), mode);
            assert_eq!(decided, Ok(decides.map(Authority::from_static)), "{named:?} {told:?}");
        }
        let strange = decisive(Some(&field("open")), Some(&field("closed:")), None, mode);
        assert!(strange.map_or(true, |decided| decided.is_some()), "never decided for the open one");
    }

    #[test]
    fn there_is_one_host_and_it_is_a_host() {
        for good in ["a", "a.example:8080", "[::1]:80", "[::ffff:127.0.0.1]", "A-1.example.", "a.example.:80"]
        {
            assert_eq!(settled("/", Version::HTTP_11, &[good]), Ok(vec![good.to_owned()]));
        }
        assert_eq!(settled("/", Version::HTTP_10, &[]), Ok(vec![]));
        assert!(settled("/", Version::HTTP_11, &[]).is_err());
        assert!(settled("/", Version::HTTP_11, &["a", "a"]).is_err());
        for bad in [
            "", "a b", "me@a", "a\"b", "a/b", "a:b:c", "a,b", "a..", "a..:80", "a..b", ".a", ".", "..", ":80",
        ] {
            assert!(settled("/", Version::HTTP_11, &[bad]).is_err(), "{bad}");
        }
        for bad in ["http://a../", "http://a..b:80/", "http://.a/"] {
            assert!(settled(bad, Version::HTTP_2, &[]).is_err(), "{bad}");
        }
        assert!(settled("http://me@a/", Version::HTTP_11, &["a"]).is_err());
    }
}
