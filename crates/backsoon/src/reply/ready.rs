//! One reply, ready to be sent again and again.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::{Notice, WINDOW_HEADER};
use crate::accept::Form;

#[derive(Debug)]
pub(super) struct Ready {
    pub(super) status: StatusCode,
    pub(super) headers: Arc<HeaderMap>,
    pub(super) body: Bytes,
}

// === impl Ready ===

impl Ready {
    pub(super) fn new(status: StatusCode, form: Form, body: Vec<u8>, notice: &Notice) -> Self {
        let mut headers = HeaderMap::with_capacity(10);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let vary = match notice.page.cors.is_empty() {
            true => "Accept, Accept-Language",
            false => "Accept, Accept-Language, Origin",
        };
        headers.insert(VARY, HeaderValue::from_static(vary));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(window) = window_field(notice) {
            headers.insert(WINDOW_HEADER, window);
        }
        Self { status, headers: Arc::new(headers), body: body.into() }
    }
}

pub(super) fn window_field(notice: &Notice) -> Option<HeaderValue> {
    let window = notice.window.as_ref()?;
    HeaderValue::from_str(window.id.as_str()).ok()
}
