//! What keeps a site closed, in words, with the way out.

use backsoon::snapshot::Closed;

use super::Desk;
use super::words::{how, of};

/// In a sentence that says how each window can be ended.
pub(super) fn why(closed: &Closed, desk: &Desk) -> String {
    let ways = closed.windows.iter().map(|(wide, window)| {
        let named = format!("window {}{} on {wide}", window.id, of(&window.by));
        let by_id = || desk.command(&format!("off --window {}", window.id));
        match window.is_operators() {
            true => format!("{named} (`{}` ends it)", desk.command_off(wide)),
            false => format!("{named}, added by a program (`{}` ends it all the same)", by_id()),
        }
    });
    format!("{} is {} because of {}", closed.host, how(closed.mode), ways.collect::<Vec<_>>().join(" and "))
}
