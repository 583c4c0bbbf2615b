//! Pages of one's own on the servers that show them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use backsoon::document::Page;
use backsoon::time::Timestamp;
use backsoon::{Admission, Instance, Marks, Mode, Request, State, Window};

/// An instance that is closed with this page.
fn closed(html: &str) -> Arc<Instance> {
    let instance = Instance::new(Default::default(), Marks::new());
    let mut state = State::new();
    let page = Page { html: Some(html.to_owned().try_into().unwrap()), ..Page::default() };
    (state.revision, state.default.page) = (1, Some(Arc::new(page)));
    state.default.windows.push(Window::new(Mode::On));
    let _ = instance.apply(&state, Timestamp::now());
    instance
}

fn page(instance: &Instance, language: &str) -> String {
    let headers = [("accept", "text/html"), ("accept-language", language)];
    let request = Request::new("GET", "shop.example.com", "/", &headers);
    let Some(Admission::Refused(reply, _)) = instance.try_admit(&request) else { panic!("it is closed") };
    String::from_utf8_lossy(&reply.body).into_owned()
}

#[test]
fn a_page_that_fails_is_replaced_by_the_built_in_one_and_the_instance_says_so() {
    let instance = closed("<p>{{ 1 // 0 }}</p>");
    assert!(
        matches!(&instance.troubles()[..], [trouble] if trouble.starts_with("*: its page is not shown as written"))
    );
    assert!(page(&instance, "de").contains("Wir sind bald zurück</h1>"));
}

#[test]
fn a_page_that_fails_in_one_language_is_shown_in_the_others_and_told_of_once_it_has_failed() {
    let instance = closed("<p>mine{% if language == 'ja' %}{{ 1 // 0 }}{% endif %}</p>");
    assert_eq!((page(&instance, "de"), instance.troubles()), ("<p>mine</p>".into(), vec![]));
    assert!(page(&instance, "ja").contains("まもなく再開します</h1>"));
    assert_eq!(instance.troubles().len(), 1);
    assert_eq!(page(&instance, "de"), "<p>mine</p>");
}

#[test]
fn an_endless_page_ends() {
    let instance =
        closed("{% for i in range(9999) %}{% for j in range(9999) %}{{ j }}{% endfor %}{% endfor %}");
    assert!(instance.troubles()[0].contains("fuel"));
    assert!(page(&instance, "en").contains("We’ll be back soon</h1>"));
}
