//! `backsoon page preview`: the page on this machine alone, or in a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Path as Part, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use backsoon::document::Page;
use backsoon::reply::rehearse::Rehearsed;

use super::fit;
use crate::cli::PagePreview;
use crate::exit::{Exit, usage};
use crate::output::{self, GOOD, paint, sentence};

/// Runs it.
pub(super) async fn run(preview: &PagePreview) -> Result<Exit> {
    let shown = fit(&preview.file, &Page::default())?;
    if let Some(out) = &preview.out {
        return write(preview, &shown, out);
    }
    let listener = tokio::net::TcpListener::bind(preview.listen).await.with_context(|| {
        format!("cannot listen on {}; name another address with --listen", preview.listen)
    })?;
    let address = listener.local_addr().context("the address is not known")?;
    let file = Arc::new(preview.file.clone());
    let pages =
        Router::new().route("/", get(list)).route("/{language}/{occasion}", get(page)).with_state(file);
    output::line(format_args!("preview {}", paint(GOOD, format!("http://{address}/"))));
    axum::serve(listener, pages).await.context("cannot serve the preview")?;
    Ok(Exit::Done)
}

fn write(preview: &PagePreview, shown: &[Rehearsed], out: &Path) -> Result<Exit> {
    let wanted =
        |shown: &&Rehearsed| shown.language == preview.language && shown.occasion == preview.occasion;
    let Some(found) = shown.iter().find(wanted) else {
        let mut spoken: Vec<_> = shown.iter().map(|shown| shown.language).collect();
        spoken.dedup();
        return Err(usage(format!(
            "`{}` is not spoken; it is one of {}",
            preview.language,
            spoken.join(", ")
        )));
    };
    std::fs::write(out, &found.html).with_context(|| format!("cannot write {}", out.display()))?;
    output::line(format_args!("{}: {}", out.display(), paint(GOOD, "written")));
    Ok(Exit::Done)
}

async fn list(State(file): State<Arc<PathBuf>>) -> Response {
    match fit(&file, &Page::default()) {
        Err(unfit) => broken(&unfit),
        Ok(shown) => {
            let links = shown.iter().map(|shown| {
                let (language, name) = (shown.language, shown.occasion.name());
                format!("<li><a href=\"/{language}/{name}\">{language}: {}</a>\n", shown.occasion)
            });
            let links: String = links.collect();
            Html(format!("<!doctype html><title>Preview</title><ul>\n{links}</ul>")).into_response()
        }
    }
}

/// As a gate would send it, so that what a browser would not load or run is missed here, too.
async fn page(
    State(file): State<Arc<PathBuf>>,
    Part((language, occasion)): Part<(String, String)>,
) -> Response {
    let shown = match fit(&file, &Page::default()) {
        Err(unfit) => return broken(&unfit),
        Ok(shown) => shown,
    };
    let wanted = |shown: &Rehearsed| shown.language == language && shown.occasion.name() == occasion;
    match shown.into_iter().find(wanted) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(shown) => {
            let fields = [
                (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
                (CONTENT_SECURITY_POLICY, shown.policy),
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (StatusCode::SERVICE_UNAVAILABLE, fields, shown.html).into_response()
        }
    }
}

fn broken(unfit: &anyhow::Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", sentence(unfit))).into_response()
}
