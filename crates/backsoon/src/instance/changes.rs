//! Waiting until a site has closed or opened.

use tokio::sync::watch;

use super::Instance;

// === impl Instance ===

impl Instance {
    /// Ready when the site of `*` is closed (holding or refusing): for workers and long-lived connections.
    pub async fn closed(&self) {
        self.closed_at("*").await;
    }

    /// Ready when the site of `*` is not closed.
    pub async fn opened(&self) {
        self.opened_at("*").await;
    }

    /// Ready when the site of `host` is closed.
    pub async fn closed_at(&self, host: &str) {
        self.until(|| self.mode(host).is_closed()).await;
    }

    /// Ready when the site of `host` is not closed.
    pub async fn opened_at(&self, host: &str) {
        self.until(|| !self.mode(host).is_closed()).await;
    }

    /// Tells of every change of what is in force.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        let mut changed = self.changed.subscribe();
        // The sender lives as long as `self`, so `changed` never fails here.
        while !is_so() && changed.changed().await.is_ok() {}
    }

    /// Wakes those who wait for a change: what is in force depends on the fence, too.
    pub(crate) fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}
