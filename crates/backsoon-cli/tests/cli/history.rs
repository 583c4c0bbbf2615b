//! `backsoon history` and `backsoon rollback`.

use insta::assert_snapshot;

use super::place::{Place, unpadded};

#[test]
fn every_change_is_there_and_can_be_put_back() {
    let place = Place::new();
    let _names = place.names();
    place.done("on --note 'ticket 7'");
    place.done("on --site shop.example.com --new-site --at 2090-01-01T00:00:00Z");
    place.done("off");
    assert_snapshot!(unpadded(&place.run("history").shown()), @"
    exit 0
      revision  at (UTC)  by  sites after it  change
      1  TIME  ann@HOST  * on  on *: ticket 7
      2  TIME  ann@HOST  * on, shop.example.com on  on shop.example.com, scheduled
      3  TIME  ann@HOST  shop.example.com scheduled  off *
    ");
    assert_snapshot!(place.run("rollback 1").shown(), @"
    exit 0
    revision 1 is in force again, as revision 4
      sites     * on
      store     file:DIR/state/backsoon/store, revision 4
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    ");
    assert_eq!(place.run("status --exit-code").code, 10);
    let sites = place.json("status")["sites"].clone();
    assert_eq!(sites.as_object().unwrap().len(), 1, "the site that revision 1 did not know has gone");
    assert_snapshot!(place.run("rollback 4").shown(), @"
    exit 0
    what revision 4 says is in force already
      sites     * on
      store     file:DIR/state/backsoon/store, revision 4
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    ");
    assert_eq!(place.json("rollback 2")["revision"], 5);
    assert_eq!(place.json("status")["sites"]["shop.example.com"]["windows"].as_array().unwrap().len(), 1);
}

#[test]
fn programs_get_whole_documents_without_a_gap() {
    let place = Place::new();
    for number in 0..5 {
        place.done(&format!("on --message {number}"));
    }
    let history = place.json("history");
    let revisions: Vec<_> =
        history.as_array().unwrap().iter().map(|state| state["revision"].as_u64().unwrap()).collect();
    assert_eq!(revisions, [1, 2, 3, 4, 5]);
    assert_eq!(history[2]["default"]["windows"].as_array().unwrap().len(), 3);
    assert_eq!(history[2]["default"]["windows"][2]["message"], "2");
}

#[test]
fn a_revision_that_is_not_there_is_refused() {
    let place = Place::new();
    let _names = place.names();
    place.done("on");
    place.done("off");
    assert_snapshot!(place.run("rollback 7").shown(), @"
    exit 1
    --- stderr
    error: revision 7 is not in the history, which has 1 to 2
    ");
    assert_eq!(place.run("rollback seven").code, 2);
    assert_eq!(place.run("rollback").code, 2);
    assert_eq!(place.json("status")["revision"], 2, "nothing was written");
}

#[test]
fn a_window_that_has_ended_meanwhile_stays_ended() {
    let place = Place::new();
    place.done("on --for 1s");
    place.done("on --message b");
    place.done("off");
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    place.done("rollback 2");
    let status = place.json("status");
    let windows = status["sites"]["*"]["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 1, "{windows:?}");
    assert_eq!(windows[0]["message"], "b");
}
