//! The news of trouble: servers that do not confirm or are lost, and windows whose program has gone.

use backsoon::document::{Host, Mode, Source, Window};
use backsoon::{Control, store};
use serde_json::json;

use super::{assert_valid, telling};
use crate::gate::Gate;
use crate::place::Place;
use crate::receiver::Receiver;
use crate::running::{Running, eventually};

async fn control(place: &Place) -> Control {
    let store = store::open(&format!("file:{}", place.default_store().display())).await.unwrap();
    Control::new(store, "importer")
}

#[test]
fn a_server_that_does_not_confirm_is_named_and_so_is_one_that_is_lost() {
    let receiver = Receiver::new();
    let place = telling(&receiver.url(), "events = [\"late\"]\nlate_after = \"1s\"");
    let _gate = Gate::before_nothing(&place);
    for (name, lease_ms) in [("behind-1", 600_000), ("lost-1", 100)] {
        let report = json!({
            "name": name, "kind": "web", "program": "1.2", "beat": 1, "lease_ms": lease_ms,
            "place": {"host": "elsewhere", "boot": "b", "pid": 1, "started": 1},
            "clock": "2026-11-20T12:00:00Z", "lineage": null, "revision": 0, "closings": {}, "serves": [],
            "draining": {}, "held": 0, "age_ms": 1, "troubles": [],
        });
        std::fs::write(place.default_store().join("roster").join(name), report.to_string()).unwrap();
    }
    assert_eq!(place.run("on --site shop.example.com --new-site").code, 3, "they are late");
    eventually("both are told", || receiver.heard().len() >= 2);
    let problem = |name: &str| {
        let found = receiver.heard().into_iter().find(|delivery| delivery.json()["server"]["name"] == name);
        let found = found.unwrap_or_else(|| panic!("{name} among {:#?}", receiver.heard()));
        assert_valid(&found);
        found.json()["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        problem("behind-1"),
        "Server behind-1 has not confirmed that shop.example.com is closed (revision 1): still has revision 0"
    );
    let lost = problem("lost-1");
    assert!(
        lost.starts_with("Server lost-1 is lost while shop.example.com is closed: not heard from for "),
        "{lost}"
    );
    // The gate looks at them again and again, and says it once; a change that it is not told of goes by.
    assert_eq!(place.run("on --site other.example.com --new-site").code, 3);
    eventually("they are late for the next change, too", || receiver.heard().len() >= 4);
    assert_eq!(receiver.heard().len(), 4, "{:#?}", receiver.heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_whose_program_has_gone_is_told() {
    let receiver = Receiver::new();
    let place = telling(&receiver.url(), "events = [\"lapsed\"]\nsites = [\"*.example.com\"]");
    let words = ["serve", "--auth", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1"];
    let _gate = Running::start(&place, &words);
    for (id, site) in [("import", "shop.example.com"), ("else", "shop.example.net")] {
        let mut window = Window::new(Mode::On);
        (window.id, window.source, window.by) = (id.parse().unwrap(), Source::Code, "importer@worker".into());
        control(&place).await.begin(&site.parse::<Host>().unwrap(), window).await.unwrap();
    }
    eventually("it is told", || !receiver.heard().is_empty());
    let delivery = receiver.heard().remove(0);
    assert_valid(&delivery);
    assert_eq!(
        delivery.json()["text"],
        "shop.example.com stays closed: the program that added window import by importer@worker has gone; somebody has to end it with `backsoon off --window import`"
    );
    assert_eq!(receiver.heard().len(), 1, "the other site is not this hook's");
}
