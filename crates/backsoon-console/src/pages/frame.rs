//! The frame that every page stands in.

use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use crate::console::Desk;

/// Every template, by name; `frame.html` is what the others extend.
const TEMPLATES: [(&str, &str); 5] = [
    ("frame.html", include_str!("../../templates/frame.html")),
    ("problem.html", include_str!("../../templates/problem.html")),
    ("sign-in.html", include_str!("../../templates/sign-in.html")),
    ("site.html", include_str!("../../templates/site.html")),
    ("welcome.html", include_str!("../../templates/welcome.html")),
];

/// The templates, parsed.
pub(crate) fn templates() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    for (name, source) in TEMPLATES {
        if let Err(error) = environment.add_template(name, source) {
            tracing::error!(name, %error, "a page of the console is damaged");
        }
    }
    environment
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
