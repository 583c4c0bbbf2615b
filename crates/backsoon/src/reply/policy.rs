//! What a page may load and run.

use std::sync::LazyLock;

use http::HeaderValue;

use super::html::SCRIPT_DIGEST;
use crate::document::Page;

/// Nothing from elsewhere, no frames, no script but the built-in page's own, which may ask its own site whether it is open.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy("data:"));

/// The same, for a page whose logo is a file of the site.
static POLICY_WITH_FILES: LazyLock<HeaderValue> = LazyLock::new(|| policy("data: 'self'"));

/// What the page of a site may load and run.
pub(super) fn policy_of(page: &Page) -> HeaderValue {
    let is_file = page.logo.as_ref().is_some_and(|logo| logo.path().is_some());
    HeaderValue::clone(if is_file { &POLICY_WITH_FILES } else { &POLICY })
}

fn policy(images: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src '{SCRIPT_DIGEST}'; connect-src 'self'; style-src 'unsafe-inline'; img-src {images}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // It is ASCII; whatever it were instead, nothing may run.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}
