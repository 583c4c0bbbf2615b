//! Work that is no request: runs of a command, tasks from a queue.

use std::sync::Arc;

use super::door::id;
use super::{Instance, Permit};
use crate::decide::Cause;
use crate::document::{Host, Mode, WindowId};

/// Why a job may not start now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobRefused {
    /// Its site is not open.
    #[error("{site} is {mode}{}", .window.as_ref().map(|window| format!(" (window {window})")).unwrap_or_default())]
    Closed {
        /// The site.
        site: Host,
        /// How closed it is.
        mode: Mode,
        /// The window that makes it so.
        window: Option<WindowId>,
    },
    /// This instance is not on the roster.
    #[error(
        "this instance is not on the roster, so nobody who closes the site would wait for the job; look whether the store can be reached and written"
    )]
    Unlisted,
}

// === impl Instance ===

impl Instance {
    /// Lets a job start on the site of `host` if that is open in every respect: in read-only mode none starts either.
    /// The permit makes a closing wait for the job as for any request; keep it until the job is done.
    ///
    /// `name` is what the receipt calls it. An instance that follows a store admits no job unless its report has
    /// reached the store within its lease: nobody would know of the job.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use backsoon::{Instance, join::Options, store};
    ///
    /// let instance = Instance::join(store::open("memory:").await?, Options::default()).await;
    /// let permit = instance.admit_job("*", "nightly-import")?;
    /// // … import …
    /// drop(permit);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it may not start now; [`Instance::opened_at`] waits until the site is not closed.
    pub fn admit_job(&self, host: &str, name: &str) -> Result<Permit, JobRefused> {
        if !self.is_listed() {
            return Err(JobRefused::Unlisted);
        }
        // As for a request: taking the site and being counted is one step.
        let site = self.in_force(|snapshot| Arc::clone(snapshot.site(host)));
        if site.mode() > Mode::Off {
            return Err(JobRefused::Closed {
                site: site.host().clone(),
                mode: site.mode(),
                window: site.window().map(|window| window.id.clone()),
            });
        }
        let seat = self.register.sit(id(&site), "JOB", name);
        Ok(Permit::new(site, seat, Cause::new("mode", None)))
    }
}
