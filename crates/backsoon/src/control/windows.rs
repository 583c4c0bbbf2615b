//! Windows, added and ended.

use super::{Control, Error, Outcome};
use crate::document::{Host, Window, WindowId};
use crate::time::Timestamp;

// === impl Control ===

impl Control {
    /// Adds a window to a site.
    ///
    /// # Errors
    /// As [`Control::update`]; also when the window could never be in force.
    pub async fn begin(&self, host: &Host, window: Window) -> Result<Outcome, Error> {
        window.check(Timestamp::now()).map_err(|error| Error::Refused(error.to_string()))?;
        let note = format!("{} {host} ({})", window.mode, window.id);
        self.update(&note, |state| {
            let windows = &mut state.site_mut(host).windows;
            if windows.iter().all(|other| other.id != window.id) {
                windows.push(window.clone());
            }
            Ok::<_, String>(())
        })
        .await
    }

    /// Ends exactly the window called `id`; one that is not there has ended.
    ///
    /// # Errors
    /// As [`Control::update`].
    pub async fn end(&self, id: &WindowId) -> Result<Outcome, Error> {
        self.update(&format!("end {id}"), |state| {
            state.end_window(id);
            Ok::<_, String>(())
        })
        .await
    }
}
