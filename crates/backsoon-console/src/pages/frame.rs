//! The frame that every page stands in.

use axum::response::{Html, IntoResponse as _, Response};
use backsoon::time::Timestamp;
use http::StatusCode;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use crate::console::Desk;

/// Every template, by name; `frame.html` is what the others extend.
const TEMPLATES: [(&str, &str); 20] = [
    ("people-history.html", include_str!("../../templates/people-history.html")),
    ("records.html", include_str!("../../templates/records.html")),
    ("people.html", include_str!("../../templates/people.html")),
    ("you.html", include_str!("../../templates/you.html")),
    ("difference.html", include_str!("../../templates/difference.html")),
    ("change.html", include_str!("../../templates/change.html")),
    ("frame.html", include_str!("../../templates/frame.html")),
    ("history.html", include_str!("../../templates/history.html")),
    ("icon.html", include_str!("../../templates/icon.html")),
    ("overview.html", include_str!("../../templates/overview.html")),
    ("passes.html", include_str!("../../templates/passes.html")),
    ("problem.html", include_str!("../../templates/problem.html")),
    ("receipt.html", include_str!("../../templates/receipt.html")),
    ("rehearsal.html", include_str!("../../templates/rehearsal.html")),
    ("session.html", include_str!("../../templates/session.html")),
    ("session-of.html", include_str!("../../templates/session-of.html")),
    ("sign-in.html", include_str!("../../templates/sign-in.html")),
    ("times.html", include_str!("../../templates/times.html")),
    ("welcome.html", include_str!("../../templates/welcome.html")),
    ("window.html", include_str!("../../templates/window.html")),
];

/// The templates, parsed.
pub(crate) fn templates() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.add_filter("when", when);
    for (name, source) in TEMPLATES {
        if let Err(error) = environment.add_template(name, source) {
            tracing::error!(name, %error, "a page of the console is damaged");
        }
    }
    environment
}

/// A moment for people; the script puts it into their own time.
fn when(text: &str) -> Value {
    match serde_json::from_value::<Timestamp>(text.into()) {
        Ok(moment) => {
            Value::from_safe_string(format!("<time datetime=\"{moment}\">{}</time>", moment.plain()))
        }
        Err(_) => Value::from(text),
    }
}

/// A page.
pub(crate) fn page(desk: &Desk, status: StatusCode, name: &str, values: Value) -> Response {
    let rendered = desk.templates.get_template(name).and_then(|template| template.render(values));
    match rendered {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(name, %error, "a page of the console cannot be shown");
            let sorry = Html(
                "<!doctype html><title>Backsoon</title><p>This page cannot be shown; the API can be used.",
            );
            (StatusCode::INTERNAL_SERVER_ERROR, sorry).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    #[test]
    fn every_template_parses_and_text_is_never_markup() {
        let templates = templates();
        assert_eq!(templates.templates().count(), TEMPLATES.len());
        let problem = templates.get_template("problem.html").unwrap();
        let shown = problem.render(context! { title => "x", detail => "<script>alert(1)</script>" }).unwrap();
        assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script>"), "{shown}");
    }
}
