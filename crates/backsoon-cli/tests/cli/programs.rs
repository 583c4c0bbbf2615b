//! Windows that programs have added, as the command line shows and ends them.

use std::time::{Duration, Instant};

use backsoon::document::{Host, Mode, Source, Window};
use backsoon::{Control, store};
use insta::assert_snapshot;

use super::place::Place;

async fn control(place: &Place) -> Control {
    let store = store::open(&format!("file:{}", place.path("state").display())).await.unwrap();
    Control::new(store, "importer")
}

fn window(id: &str, source: Source) -> Window {
    let mut window = Window::new(Mode::On).message("We are importing.");
    (window.id, window.source) = (id.parse().unwrap(), source);
    window
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_code_is_shown_and_ended_by_its_name_only() {
    let place = Place::new();
    let _names = place.names();
    let control = control(&place).await;
    let block = async {
        assert_snapshot!(place.run("status --store file:./state").shown(), @"
        exit 0
        file:DIR/desk/state, revision 1
        last change: on * (import), by importer at TIME (AGO)

        *: on
          window    import: on since TIME, until it is ended, by importer
          message   We are importing.
          program   it ends this window itself (`backsoon off --window import --store file:./state` does so now)
          rule      open health (built in): GET and HEAD of /healthz, /livez, /readyz
          rule      open robots (built in): GET and HEAD of /robots.txt

        trouble: nobody follows file:DIR/desk/state: no server closes or opens because of it
        ");
        let status = place.json("status --store file:./state");
        assert_eq!(status["lapsed"], serde_json::json!([]));
        assert_snapshot!(place.run("off --store file:./state").shown(), @"
        exit 3
        *: on
          store     file:DIR/desk/state, revision 1
          instances none
        --- stderr
        warning: nobody follows this store (file:DIR/desk/state): no server closes or opens because of it
        still closed: * is on because of window import of importer on *, added by a program (`backsoon off --window import --store file:./state` ends it all the same)
        ");
        assert_snapshot!(place.run("off --all --store file:./state").shown(), @"
        exit 3
        *: on
          store     file:DIR/desk/state, revision 1
          instances none
        --- stderr
        warning: nobody follows this store (file:DIR/desk/state): no server closes or opens because of it
        still closed: * is on because of window import of importer on *, added by a program (`backsoon off --window import --store file:./state` ends it all the same)
        ");
        assert_snapshot!(place.run("off --window import --store file:./state").shown(), @"
        exit 0
        *: open
          ended     import: on of importer
          store     file:DIR/desk/state, revision 2
          instances none
        --- stderr
        warning: nobody follows this store (file:DIR/desk/state): no server closes or opens because of it
        ");
    };
    control.during(&Host::any(), window("import", Source::Code), block).await.unwrap();
}

#[tokio::test]
async fn a_window_whose_program_has_gone_has_lapsed() {
    let place = Place::new();
    let _names = place.names();
    let control = control(&place).await;
    for (id, source) in [("nightly", Source::Run), ("import", Source::Code)] {
        let mut window = window(id, source);
        window.by = "importer@worker".into();
        control.begin(&Host::any(), window).await.unwrap();
    }
    assert_snapshot!(place.run("status --store file:./state").shown(), @"
    exit 0
    file:DIR/desk/state, revision 2
    last change: on * (import), by importer at TIME (AGO)

    *: on
      window    nightly: on since TIME, until it is ended, by importer@worker
      message   We are importing.
      lapsed    its program has gone
      window    import: on since TIME, until it is ended, by importer@worker
      message   We are importing.
      lapsed    its program has gone
      rule      open health (built in): GET and HEAD of /healthz, /livez, /readyz
      rule      open robots (built in): GET and HEAD of /robots.txt

    trouble: nobody follows file:DIR/desk/state: no server closes or opens because of it
    trouble: window nightly has lapsed: the program that added it has gone; `backsoon off --window nightly --store file:./state` ends it
    trouble: window import has lapsed: the program that added it has gone; `backsoon off --window import --store file:./state` ends it
    ");
    let status = place.json("status --store file:./state");
    assert_eq!(status["lapsed"], serde_json::json!(["nightly", "import"]));
    assert_eq!(place.run("off --store file:./state").code, 3);
    place.run("off --window nightly --store file:./state");
    place.done("off --window import --store file:./state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_not_renewed_has_lapsed_once_its_time_is_over() {
    let place = Place::new();
    let control = control(&place).await;
    // Its machine is another one, so only its beat could tell that it lives.
    let elsewhere = serde_json::json!({"host": "elsewhere", "boot": "b", "pid": 1, "started": 1});
    let lease = serde_json::json!({"window": "import", "place": elsewhere, "beat": 7, "lease_ms": 1_000});
    let key = "leases/import";
    let bytes = serde_json::to_vec(&lease).unwrap();
    control.store().put(key, bytes.into(), store::PutMode::Create).await.unwrap();
    control.begin(&Host::any(), window("import", Source::Code)).await.unwrap();
    let begun = Instant::now();
    assert_eq!(place.json("status --store file:./state")["lapsed"], serde_json::json!(["import"]));
    assert!(begun.elapsed() >= Duration::from_secs(1), "nobody can know sooner");
}
