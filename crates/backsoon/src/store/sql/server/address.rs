//! The URL of a database on a server.

use url::Url;

use super::super::super::{Error, Result, without_secrets};

/// A URL that names a server and a database.
#[derive(Debug)]
pub(in super::super) struct Address {
    pub(in super::super) url: Url,
    /// Without the password.
    pub(in super::super) shown: String,
}

// === impl Address ===

impl Address {
    /// Reads a URL whose query may hold `parameters`; the first of them may name the host in its place.
    pub(in super::super) fn read(url: &str, parameters: &[&str], socket: &str) -> Result<Self> {
        let refuse = |why: &str| Err(Error::Url(format!("`{}`: {why}", without_secrets(url))));
        let Ok(read) = Url::parse(url) else {
            return refuse(
                "this is no URL of the form `scheme://user:password@host:port/database`; in the user and the password, what is no letter or digit is percent-encoded, `/` as %2F",
            );
        };
        let shown = Self { shown: shown(&read), url: read };
        let refuse = |why: String| Err(Error::Url(format!("`{}`: {why}", shown.shown)));
        if shown.url.fragment().is_some() {
            return refuse("what follows a `#` would be ignored; in a password it is written %23".to_owned());
        }
        let names = shown.url.query_pairs().map(|(name, _)| name.into_owned());
        if let Some(unknown) = names.clone().find(|name| !parameters.contains(&&**name)) {
            let all = parameters.join("`, `");
            return refuse(match &*unknown {
                "password" | "user" => {
                    "write the user and the password before the host, `user:password@host`".to_owned()
                }
                unknown => format!("there is no `{unknown}` here; the options are `{all}`"),
            });
        }
        if shown.url.host_str().is_none_or(str::is_empty) && !names.clone().any(|name| name == socket) {
            return refuse(format!(
                "the host is missing; write it after `//`, or a socket's path as `?{socket}=/…`"
            ));
        }
        if shown.url.path().trim_matches('/').is_empty() {
            return refuse(
                "the database is missing; write its name after the host, `//host/database`".to_owned(),
            );
        }
        Ok(shown)
    }
}

fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // Only a URL without a host refuses this, and that has no password.
    let _ = shown.set_password(None);
    if shown.query().is_some_and(|query| query.contains("password")) {
        shown.set_query(None);
    }
    shown.to_string()
}
