//! What a closing has done to visitors, for the news that it is over.

use std::time::Duration;

use backsoon::control::Control;
use backsoon::impact::{self, Impact};
use backsoon::time::Timestamp;

use super::event::{Ending, Event, Over};
use super::text;

/// How long the news waits for what servers have to say.
const PATIENCE: Duration = Duration::from_secs(2);

/// The event with the impact of the window that is over, as far as servers say so in time.
pub(crate) async fn told(control: &Control, event: &Event, over: &Over) -> Event {
    let Some(impact) = of(control, over).await else { return event.clone() };
    Event { text: text::with_impact(&event.text, &impact), impact: Some(impact), ..event.clone() }
}

async fn of(control: &Control, over: &Over) -> Option<Impact> {
    if over.how == Ending::ByTheClock {
        // No revision tells which reports are later than the end, so they get the time to be written.
        let passed = Timestamp::now().since(over.window.end?);
        tokio::time::sleep(PATIENCE.saturating_sub(passed)).await;
    }
    let ended = [(over.site.clone(), over.window.clone())];
    // News without it is better than none: whatever goes wrong here leaves it out.
    let mut impact = impact::gather(control, &ended, &over.by, PATIENCE).await.ok()?.pop()?;
    if impact.from.is_none() && over.how == Ending::ByTheClock {
        let added = control.added(&over.by).await.ok()?;
        impact.from = added.into_iter().find(|(id, _)| *id == impact.window).map(|(_, at)| at);
    }
    // Without a server there was no visitor to be counted.
    (impact.servers > 0 || !impact.untold.is_empty()).then_some(impact)
}
