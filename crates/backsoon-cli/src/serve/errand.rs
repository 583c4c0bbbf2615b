//! A request that writes, on its way to the upstream and back: it is run to its answer though the visitor leaves.
//!
//! What it does there is done whether or not anybody reads the answer, so a closing has to wait for it. The exchange is a
//! task of its own. While the visitor stays, the request counts by the door's permit; whoever leaves hands a permit over to
//! the task, which holds it until the head of the answer has come, or the upstream has failed or taken too long
//! (`response_timeout`). A window's `cut_after` and the drain's limit end it. An upload that breaks off is given up with its visitor: the
//! upstream never has all of it.

use backsoon::Permit;
use backsoon::instance::HandedOn;
use http::Response;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::answer::AnswerBody;
use super::body::Progress;
use super::failure::Failure;
use super::proxy::NoAnswer;
use super::tunnel::Tunnels;

/// What came of an exchange.
pub(crate) type Answer = Result<Response<AnswerBody>, NoAnswer>;

/// The visitor's end of an exchange. Dropped before the answer, it leaves the exchange to itself.
#[derive(Debug)]
pub(crate) struct Errand {
    answer: oneshot::Receiver<Answer>,
    task: AbortHandle,
    upload: Progress,
    /// Taken when nobody has to be told any more.
    leaving: Option<(oneshot::Sender<Orphan>, HandedOn)>,
}

/// What a visitor who has left leaves behind. In this order it is dropped: what is told as cut is told while it counts.
#[derive(Debug)]
struct Orphan {
    handed_on: HandedOn,
    permit: Permit,
}

// === impl Errand ===

impl Errand {
    /// Begins `exchange`, which sends a body whose way `upload` tells.
    pub(crate) fn begin(
        exchange: impl Future<Output = Answer> + Send + 'static,
        upload: Progress,
        handed_on: HandedOn,
        tunnels: &Tunnels,
    ) -> Self {
        let (answers, answer) = oneshot::channel();
        let (leaving, left) = oneshot::channel();
        let carried = carry(exchange, answers, left, tunnels.cut.clone());
        let task = tunnels.running.spawn(carried).abort_handle();
        Errand { answer, task, upload, leaving: Some((leaving, handed_on)) }
    }

    /// What came of it, for a visitor who stays.
    pub(crate) async fn answer(mut self) -> Answer {
        let answer = (&mut self.answer).await.unwrap_or_else(|_| {
            let detail = "the exchange ended without a word".to_owned();
            Err(NoAnswer { failure: Failure::Broken, detail })
        });
        if let Some((_, handed_on)) = self.leaving.take() {
            settle(handed_on, &answer);
        }
        answer
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        let Some((leaving, handed_on)) = self.leaving.take() else { return };
        // From here on the task keeps its answer.
        self.answer.close();
        if let Ok(answer) = self.answer.try_recv() {
            return settle(handed_on, &answer);
        }
        let stays = if self.upload.break_off() { None } else { handed_on.take_over() };
        match stays {
            // A task that is gone has panicked; then what it was is told as cut.
            Some(permit) => drop(leaving.send(Orphan { handed_on, permit })),
            None => self.task.abort(),
        }
    }
}

/// What the upstream has answered, or never had, ends with its permit; the rest may still run there.
pub(crate) fn settle(handed_on: HandedOn, answer: &Answer) {
    if !answer.as_ref().is_err_and(NoAnswer::is_at_work) {
        handed_on.answered();
    }
}

/// Runs `exchange` for a visitor, and without one once that has `left`.
async fn carry(
    exchange: impl Future<Output = Answer>,
    visitor: oneshot::Sender<Answer>,
    mut left: oneshot::Receiver<Orphan>,
    cut: CancellationToken,
) {
    let mut exchange = Box::pin(exchange);
    let orphan = tokio::select! {
        biased;
        answer = &mut exchange => {
            // Whoever has left at this very moment has left something behind.
            if let Err(answer) = visitor.send(answer)
                && let Ok(Orphan { handed_on, permit }) = left.await
            {
                settle(handed_on, &answer);
                drop((answer, permit));
            }
            return;
        }
        Ok(orphan) = &mut left => orphan,
    };
    let answer = tokio::select! {
        biased;
        () = orphan.permit.cut() => None,
        () = cut.cancelled() => None,
        answer = &mut exchange => Some(answer),
    };
    // Nothing is on its way any more when the permit goes; nobody reads what would follow the head of the answer.
    drop(exchange);
    let Orphan { handed_on, permit } = orphan;
    match answer {
        Some(answer) => settle(handed_on, &answer),
        // Told where it was ordered, or, at the drain's limit, by the gate.
        None => handed_on.answered(),
    }
    drop(permit);
}
