//! What a site says beside its windows, as the API shows it: its rules and its page.

use backsoon::document::{Page, Site};
use serde::Serialize;
use utoipa::ToSchema;

/// An exception.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RuleView {
    /// What people call it.
    name: String,
    /// `open` or `closed`.
    then: String,
    /// What has to hold.
    #[schema(value_type = Object)]
    when: serde_json::Value,
}

/// How visitors are told.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct PageView {
    status: u16,
    title: Option<String>,
    message: Option<String>,
    /// Where visitors are sent instead.
    redirect: Option<String>,
    /// Whether the site has a page of its own in place of the built-in one.
    own: bool,
}

// === impl RuleView ===

impl RuleView {
    pub(super) fn of(rule: &backsoon::Rule) -> Self {
        let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            name: rule.name.to_string(),
            then: word(serde_json::to_value(rule.then).unwrap_or_default()),
            when: serde_json::to_value(&rule.when).unwrap_or_default(),
        }
    }
}

/// How visitors are told, if this very site says so.
pub(super) fn page(site: &Site) -> Option<PageView> {
    let page: &Page = site.page.as_ref()?;
    Some(PageView {
        status: page.status.as_u16(),
        title: page.title.clone(),
        message: page.message.clone(),
        redirect: page.redirect.as_ref().map(|redirect| redirect.to().to_owned()),
        own: page.html.is_some(),
    })
}
