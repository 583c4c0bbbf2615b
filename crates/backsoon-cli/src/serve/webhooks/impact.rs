//! What a closing has done to visitors, for the news that it is over.

use std::time::Duration;

use backsoon::control::Control;
use backsoon::impact::{self, Impact};
use backsoon::time::Timestamp;

use super::event::{Ending, Event, Over};
use super::text;

/// How long the news waits for what servers have to say.
const PATIENCE: Duration = Duration::from_secs(2);

/// The events, those of windows that are over with their impacts, as far as servers say so in time.
pub(crate) async fn told(control: &Control, events: &[Event]) -> Vec<Event> {
    let mut impacts = Vec::new();
    // Whoever keeps silent is waited for once by each change, however many windows that has ended.
    let over: Vec<&Over> = events.iter().filter_map(|event| event.over.as_deref()).collect();
    for together in over.chunk_by(|a, b| (a.by.revision, a.how) == (b.by.revision, b.how)) {
        impacts.extend(of(control, together).await);
    }
    let told = |event: &Event| {
        let over = event.over.as_deref()?;
        let is_its =
            |impact: &&Impact| (&impact.window, impact.revision) == (&over.window.id, over.by.revision);
        let impact = impacts.iter().find(is_its)?;
        let text = text::with_impact(&event.text, impact);
        Some(Event { text, impact: Some(impact.clone()), ..event.clone() })
    };
    events.iter().map(|event| told(event).unwrap_or_else(|| event.clone())).collect()
}

/// The impacts of windows that are over by the same State. News without them is better than none: whatever goes wrong here
/// leaves them out.
async fn of(control: &Control, over: &[&Over]) -> Vec<Impact> {
    let Some(first) = over.first() else { return Vec::new() };
    if first.how == Ending::ByTheClock {
        // No revision tells which reports are later than the end, so they get the time to be written.
        let last = over.iter().filter_map(|over| over.window.end).max();
        let passed = last.map_or(PATIENCE, |end| Timestamp::now().since(end));
        tokio::time::sleep(PATIENCE.saturating_sub(passed)).await;
    }
    let ended: Vec<_> = over.iter().map(|over| (over.site.clone(), over.window.clone())).collect();
    let mut impacts = impact::gather(control, &ended, &first.by, PATIENCE).await.unwrap_or_default();
    if first.how == Ending::ByTheClock && impacts.iter().any(|impact| impact.from.is_none()) {
        let added = control.added(&first.by).await.unwrap_or_default();
        for impact in impacts.iter_mut().filter(|impact| impact.from.is_none()) {
            impact.from = added.iter().find(|(id, _)| *id == impact.window).map(|(_, at)| *at);
        }
    }
    // Without a server there was no visitor to be counted.
    impacts.retain(|impact| impact.servers > 0 || !impact.untold.is_empty());
    impacts
}
