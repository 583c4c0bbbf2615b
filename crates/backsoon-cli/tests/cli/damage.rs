//! What happens when something lies in the State's place that is none: who serves keeps what they had and says so,
//! the operator can still act, and nothing is deleted.

use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use super::gate::{Gate, until};
use super::place::Place;

/// One kind of damage, by its name.
fn damages() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", Vec::new()),
        ("cut", b"{\"schema\": 1, \"lineage\": \"ab".to_vec()),
        ("binary", (0..=255).cycle().take(10_000).collect()),
        ("another document", b"{\"schema\": 1, \"hello\": [1, 2, 3]}".to_vec()),
        ("not a document", b"off\n".to_vec()),
        ("a schema from the past", b"{\"schema\": -1}".to_vec()),
    ]
}

/// A closed site with a gate that has it.
fn closed() -> (Place, Gate, PathBuf) {
    let place = Place::new();
    let gate = Gate::before_nothing(&place);
    place.done("on --message 'Closed for good reason.'");
    assert_eq!(gate.status(), 503);
    let state = place.default_store().join("state");
    (place, gate, state)
}

/// Waits until the gate has looked and says what it found.
fn is_said(place: &Place, words: &str) -> String {
    until(place, "status", |ran| ran.out.contains(words)).out
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).map(|entries| entries.map(|e| e.unwrap().path()).collect()).unwrap_or_default()
}

#[test]
fn the_gate_keeps_what_it_had_and_the_operator_goes_on_from_there() {
    let (place, gate, state) = closed();
    for (name, bytes) in damages() {
        std::fs::write(&state, &bytes).unwrap();
        let status = is_said(&place, ": the state in the store was not applied: it is damaged");
        assert!(status.contains("keep what they had; `backsoon on` or `backsoon off`"), "{name}: {status}");
        assert_eq!(place.run("status").code, 1, "{name}");
        assert_eq!(place.run("status --exit-code").code, 1, "{name}: neither open nor closed");
        assert_eq!(gate.status(), 503, "{name}: a damaged state opens nothing");
        assert_eq!(std::fs::read(&state).unwrap(), bytes, "{name}: to look changes nothing");

        let ran = place.run("on --read-only");
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
        assert!(ran.out.contains("all have it"), "{name}: {ran:?}");
        assert!(ran.err.contains("was damaged") && ran.err.contains("its bytes are kept"), "{name}: {ran:?}");
        let kept: Vec<_> = files(&state.with_file_name("damaged"));
        assert!(kept.iter().any(|file| std::fs::read(file).unwrap() == bytes), "{name}: {kept:?}");
        let status = place.json("status");
        let messages = |window: &serde_json::Value| window["message"] == "Closed for good reason.";
        let windows = status["sites"]["*"]["windows"].as_array().unwrap();
        assert!(windows.iter().any(messages), "{name}: what was closed stays closed: {windows:?}");
        assert_eq!(gate.status(), 503, "{name}");
    }
    assert_eq!(files(&state.with_file_name("damaged")).len(), damages().len(), "not one was thrown away");
    let ran = place.run("off");
    assert_eq!((ran.code, gate.status()), (0, 502), "{ran:?}");
}

#[test]
fn off_acts_on_a_damaged_state_too() {
    let (place, gate, state) = closed();
    std::fs::write(&state, "{").unwrap();
    is_said(&place, "was not applied");
    let ran = place.run("off");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("was damaged"), "{ran:?}");
    assert_eq!(gate.status(), 502, "open, and nothing is behind it");
}

#[test]
fn a_huge_state_is_set_aside_as_it_is() {
    const SIZE: u64 = 100 * 1024 * 1024;
    let (place, gate, state) = closed();
    // In place of the old one, as a program would do that went wild.
    let huge = std::fs::File::create(state.with_file_name("huge")).unwrap();
    huge.set_len(SIZE).unwrap();
    std::fs::rename(state.with_file_name("huge"), &state).unwrap();
    let status = is_said(&place, "is 104857600 bytes long");
    assert!(status.contains("at most 16777216"), "{status}");
    assert_eq!(gate.status(), 503);

    let ran = place.run("on --hold");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("all have it") && ran.err.contains("was damaged"), "{ran:?}");
    let aside: Vec<_> = files(state.parent().unwrap())
        .into_iter()
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("state.aside-"))
        .collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(std::fs::metadata(&aside[0]).unwrap().len(), SIZE);
    place.done("off");
    assert_eq!(gate.status(), 502);
}

#[test]
fn a_state_of_a_newer_backsoon_is_never_replaced() {
    let (place, gate, state) = closed();
    let _names = place.names();
    let newer = r#"{"schema": 7, "what": "nobody here knows"}"#;
    std::fs::write(&state, newer).unwrap();
    is_said(&place, "was not applied: it has schema 7");
    assert_snapshot!(place.run("on").shown(), @"
    exit 1
    --- stderr
    error: the state in file:DIR/state/backsoon/store cannot be used: it has schema 7, and this Backsoon reads up to 2; use a newer one
    ");
    for line in ["off", "off --window w-2345678a", "rollback 1", "history", "explain --url http://a.example/"]
    {
        let ran = place.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{line}: {ran:?}");
        assert!(ran.err.contains("use a newer one"), "{line}: {ran:?}");
    }
    place.write("site.toml", "[sites.\"*\".page]\ntitle = \"a\"\n");
    assert_eq!(place.run("apply site.toml").code, 1);
    assert_eq!(std::fs::read_to_string(&state).unwrap(), newer);
    assert_eq!(gate.status(), 503, "the gate keeps what it had");
    assert_eq!(place.run("check").code, 1);
}

#[test]
fn a_store_that_lost_the_state_opens_nothing() {
    let (place, gate, state) = closed();
    std::fs::remove_file(&state).unwrap();
    nothing_opens(&place, &gate);
}

#[test]
fn an_emptied_store_opens_nothing() {
    let (place, gate, state) = closed();
    for entry in std::fs::read_dir(state.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let gone = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        // The gate may have put its report there again.
        gone.or_else(|error| if path.exists() { Ok(()) } else { Err(error) }).unwrap();
    }
    nothing_opens(&place, &gate);
}

/// The gate stays closed, `status` says why, `on` puts back what it knows, and `off` opens it.
fn nothing_opens(place: &Place, gate: &Gate) {
    let status = is_said(place, "the store is empty; the last known state stays");
    assert!(status.contains("is empty, but instances hold a state from it"), "{status}");
    assert_eq!(gate.status(), 503);
    let ran = place.run("on --read-only");
    assert!(ran.err.contains("was gone; revision"), "{ran:?}");
    assert_eq!(place.json("status")["sites"]["*"]["mode"], "on", "what was closed stays closed");
    place.done("off");
    assert_eq!(gate.status(), 502);
}

#[test]
fn what_cannot_be_read_says_what_would_help() {
    let place = Place::new();
    let _names = place.names();
    place.done("on --store file:./state");
    place.write("state/state", "{");
    for line in ["history", "rollback 1", "explain --url http://a.example/"] {
        let ran = place.run(&format!("{line} --store file:./state"));
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{line}: {ran:?}");
        assert!(ran.err.contains("`backsoon on` or `off` sets the damaged bytes aside"), "{line}: {ran:?}");
    }
    assert_snapshot!(place.run("status --store file:./state").shown(), @"
    exit 1
    file:DIR/desk/state
    the state cannot be read

    trouble: the state in file:DIR/desk/state was not read: it is damaged: EOF while parsing an object at line 1 column 1. Instances keep what they had; `backsoon on --store file:./state` or `backsoon off --store file:./state` sets the damaged bytes aside and goes on from the last known state
    trouble: nobody follows file:DIR/desk/state: no server closes or opens because of it
    ");
    let status = place.run("status --json --store file:./state");
    assert_eq!(status.code, 1);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["sites"], serde_json::json!({}), "it says nothing about any site");
}

#[test]
fn the_history_goes_on_from_the_newest_that_anybody_knows() {
    let place = Place::new();
    for message in ["one", "two", "three"] {
        place.done(&format!("on --message {message} --store file:./state"));
    }
    // An instance that was behind has kept what it held.
    let history = place.path("state/history");
    let lineage =
        std::fs::read_dir(&history).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let first = history.join(&lineage).join(format!("{:020}", 1));
    std::fs::create_dir(place.path("state/kept")).unwrap();
    std::fs::copy(first, place.path(&format!("state/kept/{lineage}-{:020}", 1))).unwrap();
    place.write("state/state", "");
    place.run("on --message four --store file:./state");
    let status = place.json("status --store file:./state");
    let windows = status["sites"]["*"]["windows"].as_array().unwrap();
    let messages: Vec<_> = windows.iter().map(|window| window["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["one", "two", "four"], "only the last change was nowhere else");
}

#[test]
fn a_damaged_row_is_set_aside_as_well() {
    let place = Place::new();
    place.done("on --store sqlite:./a.db --message one");
    place.done("on --store sqlite:./a.db --message two");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("sqlite:{}", place.path("a.db").display());
    let put = |bytes: &'static str| {
        runtime.block_on(async {
            let store = backsoon::store::open(&url).await.unwrap();
            store.put("state", bytes.into(), backsoon::store::PutMode::Overwrite).await.unwrap();
        });
    };
    put("damaged");
    assert_eq!(place.run("status --store sqlite:./a.db").code, 1);
    let ran = place.run("off --store sqlite:./a.db");
    assert_eq!(ran.code, 0, "{ran:?}");
    let kept = runtime.block_on(async {
        let store = backsoon::store::open(&url).await.unwrap();
        store.list("damaged/").await.unwrap()
    });
    assert_eq!(kept.iter().map(|entry| &*entry.value).collect::<Vec<_>>(), [b"damaged"]);
    put(r#"{"schema": 3}"#);
    assert_eq!(place.run("on --store sqlite:./a.db").code, 1, "a newer one is never replaced");
}
