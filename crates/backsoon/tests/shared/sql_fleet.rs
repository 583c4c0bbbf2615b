//! What a shared store must carry: instances join, the site closes, that is proven, and it opens again.

use std::sync::Arc;
use std::time::Duration;

use backsoon::document::{Host, Mode, State, Window};
use backsoon::join::Options;
use backsoon::receipt::{Expect, Verdict};
use backsoon::store::Store;
use backsoon::{Control, Instance};

use super::sql_bed::{Bed, eventually, on_both, open};

on_both! {
    a_fleet_closes_and_opens;
}

async fn join(store: &Arc<dyn Store>, name: &str) -> Arc<Instance> {
    let mut options = Options::default();
    options.name = Some(name.to_owned());
    Instance::join(Arc::clone(store), options).await
}

/// Two processes' worth of stores; the third is the operator's.
async fn a_fleet_closes_and_opens(bed: Bed) {
    let url = bed.database().await;
    let fleet = [join(&open(&url).await, "web-1").await, join(&open(&url).await, "web-2").await];
    let control = Control::new(open(&url).await, "test");
    let closed = control.begin(&Host::any(), Window::new(Mode::On)).await.expect("it closes");
    let expect = Expect { sites: vec![Host::any()], instances: 2, ..Expect::default() };
    let receipt = control.wait(closed.state(), &expect, Duration::from_secs(30), |_| {}).await;
    let receipt = receipt.expect("a receipt");
    assert_eq!(receipt.verdict, Verdict::Confirmed, "{receipt:?}");
    for instance in &fleet {
        assert_eq!(instance.mode("*"), Mode::On);
    }
    let open = |state: &mut State| {
        state.default.windows.clear();
        Ok::<_, String>(())
    };
    control.update("off", open).await.expect("it opens");
    eventually("all are open again", async || fleet.iter().all(|one| one.mode("*") == Mode::Off)).await;
    for instance in fleet {
        instance.leave().await;
    }
}
