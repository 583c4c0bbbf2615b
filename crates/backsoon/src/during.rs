//! Closing around a block of code: [`Control::during`].
//!
//! A task of its own, the keeper, adds the window, renews its lease and ends it. So it does not matter how the block
//! ends: by its value, by a panic, or because the future around it was dropped, even in the middle of the adding.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::control::{Control, Error, Found, Outcome};
use crate::document::{Host, Source, Window};
use crate::fleet::{Lease, Place};
use crate::store;

/// A window whose lease was not renewed for so long is lapsed. Long enough for a store that stalls, short enough for
/// an operator who waits for the word.
const LEASE: Duration = Duration::from_secs(6);

/// Three renewals may get lost before the lease does.
const RENEWAL: Duration = Duration::from_millis(1_500);

/// The pauses between attempts to end the window double from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(15));

/// An attempt to end the window that takes longer is given up, and begun again.
const ANSWER: Duration = Duration::from_secs(30);

/// Adds the window, keeps the lease, ends both.
struct Keeper {
    control: Control,
    host: Host,
    window: Window,
    lease: Lease,
}

// === impl Control ===

impl Control {
    /// Closes `host` by `window` while `block` runs, and ends exactly that window afterwards.
    ///
    /// The window is in the store when the block starts and gone when this returns. It is ended also when the block
    /// panics and when this future is dropped, whatever it was doing. While the store is away, ending is tried again
    /// with growing pauses, and this waits for it; drop it to stop waiting, the trying goes on. If the tokio runtime
    /// ends first the window stays in force, and [`fleet::lapsed`](crate::fleet::lapsed) names it.
    ///
    /// The window's source becomes [`Source::Code`], unless it is [`Source::Run`]; without a `by` it gets this
    /// control's.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use backsoon::Control;
    /// use backsoon::document::{Host, Mode, Window};
    ///
    /// let control = Control::new(backsoon::store::open("memory:").await?, "importer");
    /// let window = Window::new(Mode::On).message("We are importing the new catalogue.");
    /// let import = async { 31_415 }; // nobody gets in while this runs
    /// let imported = control.during(&Host::any(), window, import).await?;
    /// assert_eq!(imported, 31_415);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the window could not be added; then the block has not run. Also when it cannot be ended for a reason
    /// that waiting does not mend, such as a state of a newer Backsoon; then the block has run and the window stays.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn during<T>(
        &self,
        host: &Host,
        window: Window,
        block: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let (added, is_added) = oneshot::channel();
        // Dropped when the block is over, however that comes about: the keeper takes it for the sign to end.
        let (running, over) = oneshot::channel::<()>();
        let (ended, is_ended) = oneshot::channel();
        tokio::spawn(Keeper::new(self.clone(), host.clone(), window).keep(added, over, ended));
        is_added.await.unwrap_or_else(|_| Err(keeper_is_gone()))?;
        let value = block.await;
        drop(running);
        is_ended.await.unwrap_or_else(|_| Err(keeper_is_gone()))?;
        Ok(value)
    }
}

fn keeper_is_gone() -> Error {
    Error::Refused("the runtime is shutting down, so nobody keeps the window any more".into())
}

// === impl Keeper ===

impl Keeper {
    fn new(control: Control, host: Host, mut window: Window) -> Self {
        if window.source != Source::Run {
            window.source = Source::Code;
        }
        if window.by.is_empty() {
            window.by = control.by().to_owned();
        }
        let lease_ms = LEASE.as_millis().try_into().unwrap_or(u64::MAX);
        let lease = Lease { window: window.id.clone(), place: Place::here(), beat: 0, lease_ms };
        Self { control, host, window, lease }
    }

    async fn keep(
        mut self,
        added: oneshot::Sender<Result<(), Error>>,
        mut over: oneshot::Receiver<()>,
        ended: oneshot::Sender<Result<(), Error>>,
    ) {
        match self.add().await {
            Ok(()) => {
                // Should nobody be there to hear it, then `over` has come already.
                let _ = added.send(Ok(()));
                self.renew_until(&mut over).await;
                let _ = ended.send(self.end().await);
            }
            Err(error) => {
                let may_have_landed = matches!(error, Error::Unknown { .. });
                let _ = added.send(Err(error));
                if may_have_landed && let Err(error) = self.end().await {
                    let id = &self.window.id;
                    tracing::error!(window = %id, "the window may have been added, and cannot be ended: {error}");
                }
            }
        }
    }

    async fn add(&self) -> Result<(), Error> {
        let taken = || {
            Error::Refused(format!("there is a window {} already; give this one another id", self.window.id))
        };
        if let Found::State(state) = self.control.find().await?
            && state.sites().any(|(_, site)| site.windows.iter().any(|window| window.id == self.window.id))
        {
            return Err(taken());
        }
        // First, so that nobody sees the window without it.
        self.lease.renew(&**self.control.store()).await?;
        let error = match self.control.begin(&self.host, self.window.clone()).await {
            Ok(Outcome::Written(_)) => return Ok(()),
            Ok(Outcome::Unchanged(_)) => taken(),
            Err(error) => error,
        };
        if !matches!(error, Error::Unknown { .. }) {
            self.give_up().await;
        }
        Err(error)
    }

    async fn renew_until(&mut self, over: &mut oneshot::Receiver<()>) {
        loop {
            tokio::select! {
                _ = &mut *over => return,
                () = tokio::time::sleep(RENEWAL) => {}
            }
            self.lease.beat += 1;
            let renewed = tokio::time::timeout(LEASE, self.lease.renew(&**self.control.store())).await;
            match renewed {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("the lease was not renewed: {error}"),
                Err(_) => tracing::debug!("the lease was not renewed: no answer"),
            }
        }
    }

    async fn end(&self) -> Result<(), Error> {
        let mut pause = PAUSES.0;
        loop {
            let why = match tokio::time::timeout(ANSWER, self.control.end(&self.window.id)).await {
                Ok(Ok(_)) => {
                    self.give_up().await;
                    return Ok(());
                }
                Ok(Err(error)) if !passes(&error) => return Err(error),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer for {} s", ANSWER.as_secs()),
            };
            tracing::warn!(window = %self.window.id, "the window is over but could not be ended yet: {why}");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn give_up(&self) {
        // A lease without a window means nothing, so one that stays behind does no harm.
        let _ = tokio::time::timeout(LEASE, Lease::give_up(&**self.control.store(), &self.window.id)).await;
    }
}

/// Whether it may be over when one asks again.
fn passes(error: &Error) -> bool {
    use store::Error::{Away, Conflict};
    matches!(
        error,
        Error::Store(Away { .. } | Conflict { .. }) | Error::Unknown { .. } | Error::Contended { .. }
    )
}
