//! How a site stands, as Python reads it.

use backsoon::instance::Standing;
use serde_json::json;

/// As JSON: the mode, the window, when it reopens, what comes. Nothing in it is for operators only.
pub(crate) fn shown(standing: &Standing) -> String {
    let public = |window: &backsoon::Window| {
        json!({"id": window.id, "mode": window.mode, "start": window.start, "end": window.end,
               "message": window.message})
    };
    json!({
        "mode": standing.mode,
        "window": standing.window.as_ref().map(public),
        "reopens": standing.reopens,
        "upcoming": standing.upcoming.iter().map(public).collect::<Vec<_>>(),
        "announced": standing.announced.as_ref().map(|upcoming| json!({
            "id": upcoming.window, "mode": upcoming.mode, "start": upcoming.start, "end": upcoming.end,
            "message": upcoming.message,
        })),
    })
    .to_string()
}
