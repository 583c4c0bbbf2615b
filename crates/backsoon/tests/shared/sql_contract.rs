//! PostgreSQL and MariaDB keep the contract, whoever makes the table.

use std::sync::Arc;

use backsoon::store::{Error, PutMode, VALUE_LIMIT};
use backsoon::testing::store::conformance;
use bytes::Bytes;

use super::sql_bed::{Bed, away, create, on_both, open};

on_both! {
    the_contract_is_kept;
    many_may_make_the_table;
    a_role_needs_no_more_than_four_rights;
    what_others_write_hurts_nobody;
    a_huge_row_is_refused_and_set_aside_but_never_deleted;
}

async fn the_contract_is_kept(bed: Bed) {
    let url = bed.database().await;
    // Opened apart they share nothing but the server; clones share connections and hints, too.
    conformance(async || open(&url).await).await;
    let store = open(&url).await;
    conformance(async || Arc::clone(&store)).await;
}

async fn many_may_make_the_table(bed: Bed) {
    let url = bed.database().await;
    let stores: Vec<_> = futures_util::future::join_all((0..12).map(|_| open(&url))).await;
    let empty = open(&url).await;
    for _ in 0..10 {
        assert_eq!(empty.get("state").await.expect("a get without a table"), None);
        assert_eq!(empty.list("").await.expect("a list without a table"), []);
        let start = Arc::new(tokio::sync::Barrier::new(stores.len()));
        let writers = stores.iter().enumerate().map(|(number, store)| {
            let (store, start) = (Arc::clone(store), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                create(&store, &format!("made/{number}")).await;
                store.put("state", number.to_string().into(), PutMode::Create).await
            })
        });
        let mut won = 0;
        for written in futures_util::future::join_all(writers).await {
            match written.expect("no panic") {
                Ok(_) => won += 1,
                Err(Error::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!((won, empty.list("made/").await.expect("a list").len()), (1, stores.len()));
        // The connections stay, so that in the next round all miss the table at the same moment.
        bed.sql(&url, "DROP TABLE backsoon_entries").await;
    }
}

async fn a_role_needs_no_more_than_four_rights(bed: Bed) {
    let url = bed.database().await;
    let name = url.rsplit('/').next().expect("a name");
    let grant = match &bed {
        Bed::Postgres(_) => "CREATE ROLE little LOGIN PASSWORD 'little'".to_owned(),
        Bed::MariaDb(_) => format!(
            "CREATE USER little@'127.0.0.1' IDENTIFIED BY 'little'; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO little@'127.0.0.1'"
        ),
    };
    bed.sql(name, &grant).await;
    let scheme = bed.either("postgres", "mariadb");
    let little = open(&format!("{scheme}://little:little@127.0.0.1:{}/{name}", bed.port())).await;
    let sentence = away(little.put("state", "value".into(), PutMode::Create).await);
    assert!(sentence.contains("denied") && sentence.contains("let an owner make the table"), "{sentence}");

    create(&open(&url).await, "made").await;
    if matches!(bed, Bed::Postgres(_)) {
        bed.sql(name, "GRANT SELECT, INSERT, UPDATE, DELETE ON backsoon_entries TO little").await;
    }
    conformance(async || Arc::clone(&little)).await;
}

async fn what_others_write_hurts_nobody(bed: Bed) {
    let url = bed.database().await;
    let store = open(&url).await;
    create(&store, "fleet/web-1").await;
    let foreign = "INSERT INTO backsoon_entries (`key`, `value`, version) VALUES \
        ('fleet/with space', 'x', 'v'), ('', '', ''), ('fleet/.hidden', 'x', ''), ('fleet/../x', 'x', 'v'), \
        ('fleet/web-1.aside-1700000000000', 'x', 'v'), ('FLEET/WEB-1', 'x', 'v'), ('fleet/zzz', '', '')";
    bed.sql(&url, foreign).await;
    if matches!(bed, Bed::MariaDb(_)) {
        bed.sql(&url, "INSERT INTO backsoon_entries VALUES (x'666c6565742fff00', x'00ff', x'ff')").await;
    }
    let listed = store.list("fleet/").await.expect("a list");
    let keys: Vec<_> = listed.iter().map(|entry| &*entry.key).collect();
    assert_eq!(keys, ["fleet/web-1", "fleet/zzz"], "what is no key is not ours");
    let empty = listed.last().expect("it was listed").clone();
    assert_eq!((&*empty.value, &*empty.version.0), (&b""[..], ""));
    store.put("fleet/zzz", "ours".into(), PutMode::Update(empty.version)).await.expect("it can be replaced");

    bed.sql(&url, "DROP TABLE backsoon_entries").await;
    assert_eq!(store.list("").await.expect("a list without a table"), []);
    create(&store, "fleet/web-1").await;
    bed.sql(&url, "DROP TABLE backsoon_entries; CREATE TABLE backsoon_entries (other int)").await;
    let sentence = away(store.get("fleet/web-1").await);
    assert!(sentence.contains("look at the server's log"), "{sentence}");
}

async fn a_huge_row_is_refused_and_set_aside_but_never_deleted(bed: Bed) {
    let url = bed.database().await;
    let store = open(&url).await;
    let largest = Bytes::from(vec![b'x'; VALUE_LIMIT as usize]);
    let written = store.put("largest", largest.clone(), PutMode::Create).await;
    match &bed {
        Bed::Postgres(_) => {
            written.expect("the largest value");
            let found = store.get("largest").await.expect("a get").expect("it is there");
            assert_eq!(found.value, largest);
            store.delete("largest").await.expect("a delete");
        }
        Bed::MariaDb(_) => {
            let sentence = away(written);
            assert!(
                sentence.contains("set its max_allowed_packet")
                    || sentence.contains("set max_allowed_packet"),
                "{sentence}"
            );
        }
    }
    create(&store, "state").await;
    if matches!(bed, Bed::MariaDb(_)) {
        // For those who connect from now on, as the one does who writes by hand.
        bed.sql("mysql", "SET GLOBAL max_allowed_packet = 67108864").await;
    }
    let huge = bed.either("convert_to(repeat('x', 16777217), 'UTF8')", "REPEAT('x', 16777217)");
    bed.sql(&url, &format!("UPDATE backsoon_entries SET `value` = {huge}")).await;
    for refused in [store.get("state").await.map(drop), store.list("").await.map(drop)] {
        assert!(matches!(refused, Err(Error::TooLarge { size: 16_777_217, .. })), "{refused:?}");
    }
    store.delete("state").await.expect("it is set aside");
    assert_eq!(store.list("").await.expect("a list"), []);
    let kept = bed.sql(&url, "SELECT length(`value`) FROM backsoon_entries").await;
    assert_eq!(kept.trim(), "16777217");
    create(&store, "state").await;
}
