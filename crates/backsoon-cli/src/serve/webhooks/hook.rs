//! A receiver that everything is known about: it can be sent to.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use backsoon::Host;
use reqwest::Url;
use reqwest::redirect::Policy;
use sha2::{Digest as _, Sha256};

use super::event::{Event, Type};
use super::hidden::Hidden;
use super::options::{Options, Unencrypted};
use super::signature::Key;
use crate::when;

/// How long one try may take, and how long to connect.
const TIMES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// One receiver.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) name: String,
    pub(crate) key: Option<Key>,
    pub(crate) client: reqwest::Client,
    pub(crate) lasts: Duration,
    pub(crate) first_retry: Duration,
    pub(crate) late_after: Duration,
    url: Url,
    events: Vec<Type>,
    sites: Vec<Host>,
}

/// The hooks that `options` describe.
///
/// # Errors
/// For the first that nothing could be sent to, or that could not sign: its name, why, and the way out.
pub(crate) fn hooks(options: &[Options]) -> Result<Vec<Hook>> {
    // Without this, TLS would have nobody to do its cryptography; an error only says that somebody does already.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let mut hooks: Vec<Hook> = Vec::new();
    for options in options {
        let hook = Hook::new(options).with_context(|| format!("webhook `{}`", options.name))?;
        if hooks.iter().any(|other| other.name == hook.name) {
            bail!("there are two webhooks called `{}`; each needs a name of its own", hook.name);
        }
        hooks.push(hook);
    }
    Ok(hooks)
}

// === impl Hook ===

impl Hook {
    fn new(options: &Options) -> Result<Self> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if !(1..=64).contains(&options.name.len()) || !options.name.bytes().all(is_plain) {
            bail!("its name has to be 1 to 64 letters, digits, `-`, `_` and `.`");
        }
        if options.events.is_empty() {
            bail!("its events are none, so nothing would ever be sent; leave `events` out for all of them");
        }
        let url = address(&options.url, options.unencrypted)?;
        let mut client = reqwest::Client::builder()
            .redirect(Policy::none())
            // Every receiver speaks it, and the crate for HTTP/2 would log what it sends when told to trace.
            .http1_only()
            .timeout(TIMES.0)
            .connect_timeout(TIMES.1)
            .user_agent(concat!("backsoon/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            // A proxy would have to leave the machine.
            client = client.no_proxy();
        }
        let client = client.build().context("TLS cannot be used here")?;
        let key = secret(options)?.map(|secret| Key::read(&secret)).transpose()?;
        Ok(Self {
            name: options.name.clone(),
            key,
            client,
            lasts: options.lasts,
            first_retry: options.first_retry,
            late_after: options.late_after,
            url,
            events: options.events.clone(),
            sites: options.sites.clone(),
        })
    }

    /// Whether it is to be told.
    pub(crate) fn wants(&self, event: &Event) -> bool {
        let concerns = |site: &Host| event.sites.iter().any(|other| site.covers(other) || other.covers(site));
        self.events.contains(&event.r#type) && (self.sites.is_empty() || self.sites.iter().any(concerns))
    }

    /// Whether it is told of anything of this type.
    pub(crate) fn listens_for(&self, r#type: Type) -> bool {
        self.events.contains(&r#type)
    }

    /// Where to send, with whatever secrets the address has.
    pub(crate) fn url(&self) -> Url {
        self.url.clone()
    }

    /// Where it listens, without anything that may be a secret.
    pub(crate) fn place(&self) -> String {
        shown(&self.url)
    }

    /// By what its deliveries are known in the store; names may hold what a key may not.
    pub(crate) fn digest(&self) -> String {
        digest(&self.name)
    }

    /// The whole of it in one line.
    pub(crate) fn describe(&self) -> String {
        let events: Vec<_> = self.events.iter().map(|event| event.name()).collect();
        let sites: Vec<_> = self.sites.iter().map(Host::as_str).collect();
        let of = if sites.is_empty() { String::new() } else { format!(" of {}", sites.join(", ")) };
        let signed = if self.key.is_some() { "signed" } else { "not signed" };
        let lasts = when::plain(self.lasts);
        format!("{}, {signed}, tried for {lasts}: {}{of}", self.place(), events.join(", "))
    }
}

/// Where the hook that `options` describe listens, without anything that may be a secret; nothing if nobody could.
pub(crate) fn place(options: &Options) -> Option<String> {
    address(&options.url, options.unencrypted).ok().as_ref().map(shown)
}

/// `https://hooks.example.com/…`: what follows the host is a secret of some receivers.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), if url.path() == "/" { "/" } else { "/…" })
}

/// Sixteen hexadecimal digits that stand for `text`.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn address(text: &Hidden, unencrypted: Unencrypted) -> Result<Url> {
    let example = "write it as https://hooks.example.com/path";
    let url =
        Url::parse(text.reveal()).map_err(|why| anyhow!("its url cannot be read ({why}); {example}"))?;
    match url.scheme() {
        "https" => {}
        "http" if unencrypted == Unencrypted::Allowed || is_loopback(&url) => {}
        "http" => bail!(
            "its url is http, so anybody on the way could read what is sent; use https, or write unencrypted = \"allowed\""
        ),
        other => bail!("its url is {other}, which it cannot be; {example}"),
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn secret(options: &Options) -> Result<Option<Hidden>> {
    match (&options.secret, &options.secret_env, &options.secret_file) {
        (None, None, None) => Ok(None),
        (Some(secret), None, None) => Ok(Some(secret.clone())),
        (None, Some(variable), None) => match std::env::var(variable) {
            Ok(secret) if !secret.is_empty() => Ok(Some(secret.into())),
            _ => bail!("its secret should be in the environment variable {variable}, which is not set"),
        },
        (None, None, Some(path)) => read(path).map(Some),
        _ => bail!("its secret is named twice; keep one of secret, secret_env and secret_file"),
    }
}

fn read(path: &Path) -> Result<Hidden> {
    let text = std::fs::read_to_string(path);
    Ok(text.with_context(|| format!("its secret_file {} cannot be read", path.display()))?.into())
}
