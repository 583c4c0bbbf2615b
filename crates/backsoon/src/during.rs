//! Closing around a block of code: [`Control::during`], and [`Control::keep`] for what is no block.
//!
//! A task of its own, the keeper, adds the windows, renews their leases and ends them. So it does not matter how the work
//! ends: by its value, by a panic, or because the future around it was dropped, even in the middle of the adding.

mod keeper;

use tokio::sync::{mpsc, oneshot};

use crate::control::{Control, Error, Outcome};
use crate::document::{Host, State, Window};
use keeper::{Keeper, Order, Word};

/// Windows that this program stands behind: their leases are renewed until they are ended or stay.
///
/// Dropped, it ends them all the same, and tries until that works or the tokio runtime ends.
#[derive(Debug)]
#[must_use = "dropped at once, it ends the windows at once"]
pub struct Kept {
    windows: Vec<(Host, Window)>,
    state: State,
    order: oneshot::Sender<Order>,
    failed: mpsc::UnboundedReceiver<String>,
    done: oneshot::Receiver<Result<Outcome, Error>>,
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
    /// The window's source becomes [`Source::Code`](crate::document::Source::Code), unless it is
    /// [`Source::Run`](crate::document::Source::Run); without a `by` it gets this
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
        let kept = self.keep(vec![(host.clone(), window)]).await?;
        let value = block.await;
        kept.end(|_| {}).await?;
        Ok(value)
    }

    /// Adds windows in one change and stands behind them until [`Kept`] is ended, told to let them stay, or dropped.
    ///
    /// Their source becomes [`Source::Code`](crate::document::Source::Code), unless it is
    /// [`Source::Run`](crate::document::Source::Run); without a `by` they get this control's.
    ///
    /// # Errors
    /// When they could not be added. Of windows that may have been added all the same ([`Error::Unknown`]) the ending is
    /// tried in the background.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn keep(&self, windows: Vec<(Host, Window)>) -> Result<Kept, Error> {
        let (added, is_added) = oneshot::channel();
        // Dropped when nobody waits for the windows any more, however that comes about: the keeper ends them then.
        let (order, orders) = oneshot::channel();
        let (failing, failed) = mpsc::unbounded_channel();
        let (doing, done) = oneshot::channel();
        let keeper = Keeper::new(self.clone(), windows);
        let windows = keeper.windows().to_vec();
        tokio::spawn(keeper.keep(orders, Word { added, failed: failing, done: doing }));
        let state = is_added.await.unwrap_or_else(|_| Err(keeper_is_gone()))?;
        Ok(Kept { windows, state, order, failed, done })
    }
}

fn keeper_is_gone() -> Error {
    Error::Refused("the runtime is shutting down, so nobody keeps the window any more".into())
}

// === impl Kept ===

impl Kept {
    /// The windows as they were added, each with its site.
    pub fn windows(&self) -> &[(Host, Window)] {
        &self.windows
    }

    /// The State that they were added in.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Ends exactly these windows. While the store is away that is tried again with growing pauses, and `each` hears of
    /// every attempt that failed; drop the future to stop waiting, the trying goes on.
    ///
    /// [`Outcome::Unchanged`] says that somebody else had ended them.
    ///
    /// # Errors
    /// When they cannot be ended for a reason that waiting does not mend, such as a state of a newer Backsoon.
    pub async fn end(self, each: impl FnMut(&str)) -> Result<Outcome, Error> {
        self.carry_out(Order::End, each).await
    }

    /// Leaves these windows to the operators, with `note` for them: in one change they become
    /// [`Source::Operator`](crate::document::Source::Operator), and nobody calls them lapsed.
    ///
    /// # Errors
    /// As [`Kept::end`], and `each` as there.
    pub async fn stay(self, note: &str, each: impl FnMut(&str)) -> Result<Outcome, Error> {
        self.carry_out(Order::Stay(note.to_owned()), each).await
    }

    async fn carry_out(mut self, order: Order, mut each: impl FnMut(&str)) -> Result<Outcome, Error> {
        let _ = self.order.send(order);
        loop {
            tokio::select! {
                done = &mut self.done => return done.unwrap_or_else(|_| Err(keeper_is_gone())),
                Some(why) = self.failed.recv() => each(&why),
            }
        }
    }
}
