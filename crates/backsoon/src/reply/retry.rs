//! When whoever was refused is asked to come back.

use std::time::Duration;

use http::HeaderValue;

use super::Replies;
use crate::document::RetryAfterForm;
use crate::request::Request;
use crate::time::Timestamp;

/// Whoever is told whole seconds must not come too early, so they are rounded up.
const ALMOST_A_SECOND: Duration = Duration::from_nanos(999_999_999);

// === impl Replies ===

impl Replies {
    /// How long to wait from `now` on, if that is known.
    pub(super) fn wait(&self, request: &Request<'_>, now: Timestamp) -> Option<Duration> {
        let page = &self.notice.page;
        let reopens = if request.is_safe() { self.notice.reopens.safe } else { self.notice.reopens.all };
        let wait = match (page.retry_after, reopens) {
            (Some(fixed), _) => Duration::from_secs(fixed.into()),
            // Never nothing: whoever comes back then must not come too early.
            (None, Some(at)) => at.since(now).max(Duration::from_nanos(1)),
            (None, None) => return None,
        };
        let jitter = if page.retry_jitter == 0 { 0 } else { fastrand::u64(0..=u64::from(page.retry_jitter)) };
        Some(wait + Duration::from_secs(jitter))
    }

    pub(super) fn retry_after(&self, wait: Duration, now: Timestamp) -> HeaderValue {
        match self.notice.page.retry_after_form {
            RetryAfterForm::Seconds => HeaderValue::from(rounded_up(wait)),
            RetryAfterForm::Date => {
                let date = (now + wait + ALMOST_A_SECOND).whole_seconds().http_date();
                // An HTTP-date is ASCII, so this is always a header value.
                HeaderValue::from_str(&date).unwrap_or(HeaderValue::from(rounded_up(wait)))
            }
        }
    }
}

pub(super) fn rounded_up(wait: Duration) -> u64 {
    wait.saturating_add(ALMOST_A_SECOND).as_secs()
}
