//! What goes to the gate and what comes back: one client, its token, and answers that are surely the gate's.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use tokio::time::Instant;

use super::super::address::{Address, refuse};
use super::super::{Error, Result, VALUE_LIMIT, Version};
use super::{trouble, version};

/// How long a request may take, with the waiting that the gate asks for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest list in bytes that is read: 64 of the largest values.
const LIST_LIMIT: usize = 64 * VALUE_LIMIT as usize;

/// The longest answer in bytes that is no entry.
const REASON_LIMIT: usize = 64 * 1024;

/// How long it may take to connect, TLS included.
const CONNECT: Duration = Duration::from_secs(3);

/// What the gate's answers carry, and nobody else's.
const MARK: &str = "backsoon-store";

/// Where the token is looked for at last.
const TOKEN: &str = "BACKSOON_TOKEN";

/// A client of one gate.
pub(super) struct Line {
    client: Client,
    /// Without anything secret, and without a slash at its end.
    base: Url,
    token: HeaderValue,
    /// How the store is called in errors.
    shown: String,
}

/// Which resource is meant, and for what.
pub(super) struct Target {
    method: Method,
    url: Url,
}

/// What the gate has answered.
pub(super) enum Answer {
    Done { version: Option<Version>, body: Bytes },
    Missing,
    Conflict,
    TooLarge { size: u64 },
}

// === impl Line ===

impl Line {
    pub(super) fn new(text: &str) -> Result<Self> {
        let address = Address::read(text, &["token_file", "cacert"])?;
        let mut base = address.url.clone();
        let is_here = match base.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        let is_plain = base.scheme() == "http";
        if is_plain && !is_here {
            let why = "without TLS everybody on the way could read the token; write https://, or a loopback address where the gate is on this machine";
            return Err(refuse(text, why));
        }
        if !matches!(base.username(), "" | "token") {
            return Err(refuse(
                text,
                "a token stands where a password does: write https://token:SECRET@host",
            ));
        }
        let token = token(text, &address)?;
        let cacert = address.option("cacert");
        if is_plain && cacert.is_some() {
            return Err(refuse(text, "`cacert` is for TLS; write https://"));
        }
        // They fail only where there can be none.
        let _ = (base.set_password(None), base.set_username(""));
        let mut shown = address.clone();
        shown.url = base.clone();
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        super::super::tls::provide();
        let mut client = Client::builder()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .user_agent(concat!("backsoon/", env!("CARGO_PKG_VERSION")));
        if is_plain {
            // What the environment calls a proxy would see the token.
            client = client.no_proxy();
        }
        if let Some(path) = cacert {
            let certificates = std::fs::read(path).map_err(|error| error.to_string());
            let certificates = certificates.and_then(|pem| {
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| error.to_string())
            });
            let certificates = certificates.map_err(|error| {
                refuse(text, &format!("{error}: the certificates of `cacert`; name a file of them in PEM"))
            })?;
            client = client.tls_certs_merge(certificates);
        }
        let client = client.build().map_err(|error| refuse(text, &trouble::deepest(&error)))?;
        let shown = shown.shown().trim_end_matches('/').to_owned();
        Ok(Self { client, base, token, shown })
    }

    pub(super) fn url(&self) -> &str {
        &self.shown
    }

    /// The entry under `key`.
    pub(super) fn entry(&self, key: &str) -> Target {
        // A key is a path as it is: nothing in it needs an escape.
        self.target(&format!("store/{key}"), None)
    }

    /// The entries below `prefix`.
    pub(super) fn listing(&self, prefix: &str) -> Target {
        self.target("store", Some(("prefix", prefix)))
    }

    /// The hints of `key`.
    pub(super) fn events(&self, key: &str) -> Target {
        self.target("store-events", Some(("key", key)))
    }

    /// Who asks.
    pub(super) fn me(&self) -> Target {
        self.target("me", None)
    }

    fn target(&self, path: &str, asked: Option<(&str, &str)>) -> Target {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/api/v1/{path}", self.base.path().trim_end_matches('/')));
        if let Some((name, value)) = asked {
            url.query_pairs_mut().append_pair(name, value);
        }
        Target { method: Method::GET, url }
    }

    /// Asks for something in the store, and says what the gate made of it.
    pub(super) async fn ask(
        &self,
        doing: &str,
        target: &Target,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer> {
        let end = Instant::now() + PATIENCE;
        let answer = self.answer(doing, target, end, with).await?;
        let is_ours = answer.headers().contains_key(MARK);
        let size = answer.headers().get(MARK).and_then(|size| size.to_str().ok()?.parse().ok());
        Ok(match answer.status() {
            status if status.is_success() && is_ours => Answer::Done {
                version: version(&answer),
                body: self.body(doing, answer, end, LIST_LIMIT).await?,
            },
            StatusCode::NOT_FOUND if is_ours => Answer::Missing,
            StatusCode::PRECONDITION_FAILED if is_ours => Answer::Conflict,
            StatusCode::PAYLOAD_TOO_LARGE if is_ours => {
                Answer::TooLarge { size: size.unwrap_or(VALUE_LIMIT + 1) }
            }
            _ => return Err(self.refused(doing, answer, end).await),
        })
    }

    /// Asks for something else of the gate, and gives the whole answer if there is a good one.
    pub(super) async fn fetch(&self, doing: &str, target: &Target) -> Result<Bytes> {
        let end = Instant::now() + PATIENCE;
        let answer = self.answer(doing, target, end, |request| request).await?;
        if answer.status() == StatusCode::OK {
            return self.body(doing, answer, end, REASON_LIMIT).await;
        }
        Err(self.refused(doing, answer, end).await)
    }

    /// Begins to read a stream that has no end.
    pub(super) async fn open(&self, doing: &str, target: &Target) -> Result<Response> {
        let end = Instant::now() + PATIENCE;
        let answer = self.answer(doing, target, end, |request| request).await?;
        if answer.status() == StatusCode::OK && answer.headers().contains_key(MARK) {
            return Ok(answer);
        }
        Err(self.refused(doing, answer, end).await)
    }

    async fn answer(
        &self,
        doing: &str,
        target: &Target,
        end: Instant,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response> {
        loop {
            let request = self.client.request(target.method.clone(), target.url.clone());
            let request = with(request.header(AUTHORIZATION, self.token.clone()));
            let answer = tokio::time::timeout_at(end, request.send()).await;
            let answer = answer.map_err(|_| self.away(doing, trouble::TIMED_OUT))?;
            let answer = answer.map_err(|error| self.away(doing, &trouble::deepest(&error)))?;
            let wait = (answer.status() == StatusCode::TOO_MANY_REQUESTS).then(|| retry_after(&answer));
            match wait {
                // It has done nothing yet, so it may be asked again, also to write.
                Some(wait) if Instant::now() + wait < end => tokio::time::sleep(wait).await,
                _ => return Ok(answer),
            }
        }
    }

    /// An error if it is longer than `limit` bytes: an answer without an end would fill the memory.
    async fn body(&self, doing: &str, mut answer: Response, end: Instant, limit: usize) -> Result<Bytes> {
        let read = async {
            let mut body = BytesMut::new();
            while let Some(chunk) = answer.chunk().await? {
                body.extend_from_slice(&chunk);
                if body.len() > limit {
                    return Ok(None);
                }
            }
            Ok::<_, reqwest::Error>(Some(body.freeze()))
        };
        match tokio::time::timeout_at(end, read).await {
            Ok(Ok(Some(body))) => Ok(body),
            Ok(Ok(None)) => Err(self.odd(doing)),
            Ok(Err(error)) => Err(self.away(doing, &trouble::deepest(&error))),
            Err(_) => Err(self.away(doing, trouble::TIMED_OUT)),
        }
    }

    async fn refused(&self, doing: &str, answer: Response, end: Instant) -> Error {
        let status = answer.status();
        let body = self.body(doing, answer, end, REASON_LIMIT).await.unwrap_or_default();
        self.away(doing, &trouble::sentence(status, &body))
    }

    pub(super) fn away(&self, doing: &str, said: &str) -> Error {
        trouble::away(&self.shown, doing, said)
    }

    /// An answer that is none to what was asked.
    pub(super) fn odd(&self, doing: &str) -> Error {
        self.away(doing, trouble::NOT_A_GATE)
    }

    pub(super) fn too_large(&self, key: &str, size: u64) -> Error {
        Error::TooLarge { key: key.to_owned(), store: self.shown.clone(), size, limit: VALUE_LIMIT }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Line").field(&self.shown).finish()
    }
}

// === impl Target ===

impl Target {
    pub(super) fn with(self, method: Method) -> Self {
        Self { method, ..self }
    }
}

/// How long the gate asks to wait.
fn retry_after(answer: &Response) -> Duration {
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    // Nobody here waits longer, whatever number stands there.
    Duration::from_secs(seconds.unwrap_or(1).min(PATIENCE.as_secs()))
        + Duration::from_millis(fastrand::u64(0..250))
}

/// The token in the URL, in the file that it names, or in the environment.
fn token(text: &str, address: &Address) -> Result<HeaderValue> {
    let file = address.option("token_file");
    let found = match (address.url.password(), file) {
        (Some(_), Some(_)) => {
            return Err(refuse(text, "there is a token and `token_file`; leave one of them out"));
        }
        (Some(password), None) => password.to_owned(),
        (None, Some(path)) => std::fs::read_to_string(path).map_err(|error| {
            refuse(text, &format!("{error}: the file `{path}` of `token_file`; name one that can be read"))
        })?,
        (None, None) => std::env::var(TOKEN).unwrap_or_default(),
    };
    let found = found.trim();
    let is_token = found.starts_with("bst_")
        && found.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !is_token {
        let what =
            if found.is_empty() { "there is no token" } else { "what stands there is no token of a gate" };
        let why = format!(
            "{what}; `backsoon token new --role server` makes one at the gate (`--role operator` for one who closes and reopens); put it into the environment as {TOKEN}, into a file of `?token_file=`, or into the URL, https://token:SECRET@host"
        );
        return Err(refuse(text, &why));
    }
    let value = HeaderValue::from_str(&format!("Bearer {found}"));
    let mut value = value.map_err(|_| refuse(text, "the token cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}
