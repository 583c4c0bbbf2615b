//! What a decision may look at: a borrowed view of one request, the same for every face.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// One request, as a face saw it.
///
/// ```
/// use backsoon::request::{NO_HEADERS, Request};
/// let request = Request::new("GET", "shop.example.com", "/cart", &NO_HEADERS);
/// assert_eq!(request.peer, None);
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The method as sent; methods are case-sensitive (RFC 9110 §9.1).
    pub method: &'a str,
    /// The authority or `Host` as sent. Case, port and a trailing dot are ignored.
    pub host: &'a str,
    /// The path as sent, percent escapes and all. What follows a `?` is looked at only to see where the link of a pass
    /// leads.
    pub path: &'a str,
    /// The address of the peer of the connection, if it has one.
    pub peer: Option<IpAddr>,
    /// How this server was spoken to; a trusted proxy may say that the visitor came otherwise.
    pub scheme: Scheme,
    /// The header fields.
    pub headers: &'a (dyn Headers + Sync),
    /// Who the application says the user is, if it was asked.
    pub user: Identity,
    /// What the application itself says about the route, if it marked it.
    pub route: Option<Effect>,
}

/// How a visitor comes: a cookie for https goes over nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scheme {
    /// In the open.
    #[default]
    Http,
    /// By TLS.
    Https,
}

/// What a rule, or a mark on a route, says about a request that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Let it pass, closed or not.
    Open,
    /// Refuse it, closed or not.
    Closed,
}

/// Whether the user is known yet. Asking may be expensive, so it is done only when the answer can matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Identity {
    /// Nobody has asked the application yet.
    #[default]
    Unasked,
    /// The application's answer.
    Known(User),
}

/// What the application knows of a user. An inactive user is [`User::ANONYMOUS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct User(u8);

/// One thing that a rule can ask of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserKind {
    /// Not signed in, or not active.
    Anonymous,
    /// Signed in; staff and superusers are, too.
    Authenticated,
    /// Marked as staff; says nothing about superuser.
    Staff,
    /// Marked as superuser; says nothing about staff.
    Superuser,
}

/// Read access to header fields, whatever type the framework keeps them in. Names are given in lower case.
pub trait Headers {
    /// Calls `visit` with the value of every field called `name`, in the order received.
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8]));

    /// The first value of the field `name`.
    fn first(&self, name: &str) -> Option<&[u8]>;
}

/// A request without header fields.
pub const NO_HEADERS: [(&str, &str); 0] = [];

// === impl Request ===

impl<'a> Request<'a> {
    /// A request from nowhere in particular, whose user nobody has asked for.
    pub fn new(method: &'a str, host: &'a str, path: &'a str, headers: &'a (dyn Headers + Sync)) -> Self {
        Self {
            method,
            host,
            path,
            peer: None,
            scheme: Scheme::Http,
            headers,
            user: Identity::Unasked,
            route: None,
        }
    }

    /// Whether the method is safe (RFC 9110 §9.2.1) and the request does not try to leave HTTP by an upgrade.
    pub fn is_safe(&self) -> bool {
        matches!(self.method, "GET" | "HEAD" | "OPTIONS" | "TRACE") && self.headers.first("upgrade").is_none()
    }
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Header fields carry secrets, and a Debug line ends up in logs.
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.host)
            .field("path", &self.path)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

// === impl User ===

impl User {
    /// Not signed in, or not active.
    pub const ANONYMOUS: Self = Self(0);
    /// Signed in.
    pub const AUTHENTICATED: Self = Self(1);
    /// Signed in and marked as staff.
    pub const STAFF: Self = Self(1 | 2);
    /// Signed in and marked as superuser.
    pub const SUPERUSER: Self = Self(1 | 4);

    /// Every user that rules can tell apart.
    pub(crate) const EVERY: [Self; 5] =
        [Self::ANONYMOUS, Self::AUTHENTICATED, Self::STAFF, Self::SUPERUSER, Self(1 | 2 | 4)];

    /// This user with what `other` is, too: `User::STAFF.and(User::SUPERUSER)`.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a rule that asks for `kind` means this user.
    pub const fn is(self, kind: UserKind) -> bool {
        match kind {
            UserKind::Anonymous => self.0 == 0,
            UserKind::Authenticated => self.0 & 1 != 0,
            UserKind::Staff => self.0 & 2 != 0,
            UserKind::Superuser => self.0 & 4 != 0,
        }
    }
}

// === impl UserKind ===

impl std::fmt::Display for UserKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "anonymous",
            Self::Authenticated => "authenticated",
            Self::Staff => "staff",
            Self::Superuser => "superuser",
        })
    }
}

// === impl Headers ===

impl Headers for http::HeaderMap {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.get_all(name).iter().for_each(|value| visit(value.as_bytes()));
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        self.get(name).map(http::HeaderValue::as_bytes)
    }
}

/// Pairs of name and value, for tests and for faces that keep them so.
impl<N: AsRef<str>, V: AsRef<[u8]>, const COUNT: usize> Headers for [(N, V); COUNT] {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        named(self, name).for_each(visit);
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        named(self, name).next()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for Vec<(N, V)> {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        named(self, name).for_each(visit);
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        named(self, name).next()
    }
}

fn named<'a, N: AsRef<str>, V: AsRef<[u8]>>(
    pairs: &'a [(N, V)],
    name: &str,
) -> impl Iterator<Item = &'a [u8]> {
    pairs.iter().filter(move |(n, _)| n.as_ref().eq_ignore_ascii_case(name)).map(|(_, v)| v.as_ref())
}
