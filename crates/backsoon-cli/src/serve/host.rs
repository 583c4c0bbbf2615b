//! Which host a request is for, settled once: the door, the choice of the upstream and the upstream itself must all
//! read the same name, or a closed host could be reached under the name of an open one.
//!
//! 1. An authority in the target (HTTP/2's `:authority`, or HTTP/1.1's absolute form) replaces every `Host` field
//!    (RFC 9112 §3.2.2, RFC 9113 §8.3.1).
//! 2. Without one, an HTTP/1.1 request has exactly one `Host` field (RFC 9112 §3.2); HTTP/1.0 may have none.
//! 3. It must be a host and perhaps a port: no user name, no blanks, no quotes, and no comma, which would be two
//!    fields that someone has joined.

use http::uri::Authority;
use http::{HeaderValue, Request, Version, header};

/// The request does not say unmistakably which host it is for: 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request must name exactly one host, as a host and perhaps a port")]
pub(crate) struct BadHost(());

/// Leaves the host that `request` is for as its only `Host` field.
pub(crate) fn settle<B>(request: &mut Request<B>) -> Result<(), BadHost> {
    if let Some(authority) = request.uri().authority() {
        let host = authority.as_str();
        if host.contains(['@', ',']) {
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

/// Whether `host` is a host and perhaps a port. The usual bytes are told apart without the parser's work.
pub(crate) fn is_host(host: &[u8]) -> bool {
    let usual = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    let plain =
        !host.is_empty() && host.iter().all(usual) && host.iter().filter(|byte| **byte == b':').count() <= 1;
    plain || Authority::try_from(host).is_ok_and(|authority| !authority.as_str().contains(['@', ',']))
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
    fn there_is_one_host_and_it_is_a_host() {
        for good in ["a", "a.example:8080", "[::1]:80", "A-1.example."] {
            assert_eq!(settled("/", Version::HTTP_11, &[good]), Ok(vec![good.to_owned()]));
        }
        assert_eq!(settled("/", Version::HTTP_10, &[]), Ok(vec![]));
        assert!(settled("/", Version::HTTP_11, &[]).is_err());
        assert!(settled("/", Version::HTTP_11, &["a", "a"]).is_err());
        for bad in ["", "a b", "me@a", "a\"b", "a/b", "a:b:c", "a,b"] {
            assert!(settled("/", Version::HTTP_11, &[bad]).is_err(), "{bad}");
        }
        assert!(settled("http://me@a/", Version::HTTP_11, &["a"]).is_err());
    }
}
