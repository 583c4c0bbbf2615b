//! The task that adds windows, renews their leases, and ends them or lets them stay.

use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use tokio::sync::{mpsc, oneshot};

use crate::control::{Control, Error, Found, Outcome, Strays};
use crate::document::{Host, Source, State, Window, WindowId};
use crate::fleet::{Lease, Place};
use crate::store;
use crate::time::Timestamp;

/// A window whose lease was not renewed for so long is lapsed. Long enough for a store that stalls, short enough for
/// an operator who waits for the word.
const LEASE: Duration = Duration::from_secs(6);

/// Three renewals may get lost before the lease does.
const RENEWAL: Duration = Duration::from_millis(1_500);

/// The pauses between attempts to end the windows double from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(15));

/// An attempt to end the windows that takes longer is given up, and begun again.
const ANSWER: Duration = Duration::from_secs(30);

/// Adds the windows, keeps their leases, ends all of it.
pub(super) struct Keeper {
    control: Control,
    windows: Vec<(Host, Window)>,
    place: Place,
    beat: u64,
}

/// What becomes of the windows when the work is over; no order at all, since whoever would give it has gone: they end.
#[derive(Debug)]
pub(super) enum Order {
    End,
    /// They become an operator's, with this note.
    Stay(String),
}

/// Where the keeper says what it has done.
pub(super) struct Word {
    pub(super) added: oneshot::Sender<Result<State, Error>>,
    /// Attempts at the order that failed and are made again, in sentences.
    pub(super) failed: mpsc::UnboundedSender<String>,
    pub(super) done: oneshot::Sender<Result<Outcome, Error>>,
}

// === impl Keeper ===

impl Keeper {
    pub(super) fn new(control: Control, windows: Vec<(Host, Window)>) -> Self {
        let signed = |(host, mut window): (Host, Window)| {
            if window.source != Source::Run {
                window.source = Source::Code;
            }
            if window.by.is_empty() {
                window.by = control.by().to_owned();
            }
            (host, window)
        };
        let windows = windows.into_iter().map(signed).collect();
        Self { control, windows, place: Place::here(), beat: 0 }
    }

    pub(super) fn windows(&self) -> &[(Host, Window)] {
        &self.windows
    }

    pub(super) async fn keep(mut self, mut order: oneshot::Receiver<Order>, word: Word) {
        match self.add().await {
            Ok(state) => {
                // Should nobody be there to hear it, then there will be no order.
                let _ = word.added.send(Ok(state));
                let order = self.renew_until(&mut order).await;
                let _ = word.done.send(self.carry_out(&order, &word.failed).await);
            }
            Err(error) => {
                let may_have_landed = matches!(error, Error::Unknown { .. });
                let _ = word.added.send(Err(error));
                if may_have_landed && let Err(error) = self.carry_out(&Order::End, &word.failed).await {
                    let ids = self.names();
                    tracing::error!(window = %ids, "the window may have been added, and cannot be ended: {error}");
                }
            }
        }
    }

    async fn add(&self) -> Result<State, Error> {
        for (_, window) in &self.windows {
            window.check(Timestamp::now()).map_err(|error| Error::Refused(error.to_string()))?;
        }
        // Before a lease is written, which may be somebody else's.
        if let Found::State(state) = self.control.find().await? {
            self.free(&state).map_err(Error::Refused)?;
        }
        // First, so that nobody sees the windows without them.
        self.renew().await?;
        let hosts: Vec<_> = self.windows.iter().map(|(host, _)| host.as_str()).collect();
        let mode = self.windows.iter().map(|(_, window)| window.mode).max().unwrap_or_default();
        let note = format!("{mode} {} ({})", hosts.join(", "), self.names());
        let added = self.control.change(&note, Strays::Refuse, |state| {
            self.free(state)?;
            for (host, window) in &self.windows {
                state.site_mut(host).windows.push(window.clone());
            }
            Ok::<_, String>(())
        });
        match added.await {
            Ok(outcome) => Ok(outcome.state().clone()),
            Err(error) => {
                if !matches!(error, Error::Unknown { .. }) {
                    self.give_up().await;
                }
                Err(error)
            }
        }
    }

    /// Fails if a window of one of these names is there.
    fn free(&self, state: &State) -> Result<(), String> {
        let is_taken = |id: &&WindowId| {
            state.sites().any(|(_, site)| site.windows.iter().any(|window| window.id == **id))
        };
        match self.ids().find(is_taken) {
            Some(id) => Err(format!("there is a window {id} already; give this one another id")),
            None => Ok(()),
        }
    }

    async fn renew_until(&mut self, order: &mut oneshot::Receiver<Order>) -> Order {
        loop {
            tokio::select! {
                order = &mut *order => return order.unwrap_or(Order::End),
                () = tokio::time::sleep(RENEWAL) => {}
            }
            self.beat += 1;
            match tokio::time::timeout(LEASE, self.renew()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("the lease was not renewed: {error}"),
                Err(_) => tracing::debug!("the lease was not renewed: no answer"),
            }
        }
    }

    async fn renew(&self) -> store::Result<()> {
        let lease = |id: &WindowId| Lease {
            window: id.clone(),
            place: self.place.clone(),
            beat: self.beat,
            lease_ms: LEASE.as_millis().try_into().unwrap_or(u64::MAX),
        };
        let leases: Vec<Lease> = self.ids().map(lease).collect();
        try_join_all(leases.iter().map(|lease| lease.renew(&**self.control.store()))).await.map(drop)
    }

    /// Again and again, until it is done or waiting would not help.
    async fn carry_out(
        &self,
        order: &Order,
        failed: &mpsc::UnboundedSender<String>,
    ) -> Result<Outcome, Error> {
        let mut pause = PAUSES.0;
        loop {
            let why = match tokio::time::timeout(ANSWER, self.attempt(order)).await {
                Ok(Ok(outcome)) => {
                    self.give_up().await;
                    return Ok(outcome);
                }
                Ok(Err(error)) if !passes(&error) => return Err(error),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer for {} s", ANSWER.as_secs()),
            };
            tracing::warn!(window = %self.names(), "the window is over but could not be ended yet: {why}");
            let _ = failed.send(why);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn attempt(&self, order: &Order) -> Result<Outcome, Error> {
        let note = match order {
            Order::End => format!("end {}", self.names()),
            Order::Stay(why) => format!("{} stays: {why}", self.names()),
        };
        let edit = |state: &mut State| {
            for (host, window) in &self.windows {
                match order {
                    Order::End => drop(state.end_window(&window.id)),
                    Order::Stay(why) if state.site(host).is_some() => {
                        let windows = &mut state.site_mut(host).windows;
                        let mine = windows.iter_mut().filter(|other| other.id == window.id);
                        mine.for_each(|mine| {
                            (mine.source, mine.note) = (Source::Operator, why.clone());
                        });
                    }
                    Order::Stay(_) => {}
                }
            }
            Ok::<_, String>(())
        };
        self.control.change(&note, Strays::Leave, edit).await
    }

    async fn give_up(&self) {
        let store = &**self.control.store();
        // A lease without a window means nothing, so one that stays behind does no harm.
        let all = join_all(self.ids().map(|id| Lease::give_up(store, id)));
        let _ = tokio::time::timeout(LEASE, all).await;
    }

    fn ids(&self) -> impl Iterator<Item = &WindowId> {
        self.windows.iter().map(|(_, window)| &window.id)
    }

    fn names(&self) -> String {
        self.ids().map(WindowId::as_str).collect::<Vec<_>>().join(", ")
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
