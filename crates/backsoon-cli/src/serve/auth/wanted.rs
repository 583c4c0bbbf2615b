//! What a proxy asks for, by the path that it asks at.

use http::Uri;

use super::RefuseStatus;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Answer(Option<RefuseStatus>),
    Page,
}

// === impl Wanted ===

impl Wanted {
    /// None: nothing is asked for there.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        match (uri.path(), uri.query()) {
            ("/auth", None) => Some(Wanted::Answer(None)),
            ("/auth", Some("status=401")) => Some(Wanted::Answer(Some(RefuseStatus::Unauthorized))),
            ("/auth", Some("status=403")) => Some(Wanted::Answer(Some(RefuseStatus::Forbidden))),
            ("/page", _) => Some(Wanted::Page),
            // Behind it are the visitor's path and query, which choose nothing here.
            (path, _) if path.starts_with("/auth/") => Some(Wanted::Answer(None)),
            _ => None,
        }
    }

    /// Without the visitor's own path, which some proxies put behind it: that of a pass's link is a secret.
    pub(super) fn path(self) -> &'static str {
        match self {
            Wanted::Answer(_) => "/auth",
            Wanted::Page => "/page",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitors_path_behind_the_proxys_chooses_nothing() {
        let wanted = |uri: &str| Wanted::of(&uri.parse().unwrap());
        assert_eq!(wanted("/auth"), Some(Wanted::Answer(None)));
        assert_eq!(wanted("/auth?status=403"), Some(Wanted::Answer(Some(RefuseStatus::Forbidden))));
        assert_eq!(wanted("/auth/page?status=403"), Some(Wanted::Answer(None)));
        for nothing in ["/", "/authority", "/auth?status=200", "/auth?status=403&a", "/page/a", "/healthz"] {
            assert_eq!(wanted(nothing), None, "{nothing}");
        }
    }
}
