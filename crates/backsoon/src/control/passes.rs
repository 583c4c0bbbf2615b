//! Passes, invited and revoked.

use super::{Control, Error, Outcome};
use crate::document::PassId;
use crate::pass::Invitation;

// === impl Control ===

impl Control {
    /// Puts an invitation into the document: from then on its link opens.
    ///
    /// # Errors
    /// As [`Control::update`].
    pub async fn invite(&self, invitation: &Invitation) -> Result<Outcome, Error> {
        self.update(&invitation.note(), |state| {
            invitation.put_into(state);
            Ok::<_, String>(())
        })
        .await
    }

    /// Ends the pass called `id`, wherever its bearer is; one that is not there has ended.
    ///
    /// # Errors
    /// As [`Control::update`].
    pub async fn revoke(&self, id: &PassId) -> Result<Outcome, Error> {
        self.update(&format!("revoke pass {id}"), |state| {
            state.revoke(id);
            Ok::<_, String>(())
        })
        .await
    }
}
