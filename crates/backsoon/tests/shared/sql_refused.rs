//! What the server or the URL refuses: a sentence with the way out and without a secret.

use backsoon::store::{Error, PutMode};

use super::sql_bed::{Bed, away, create, no_secret, on_both, open};

on_both! {
    wrong_credentials_names_and_tls_say_so;
    a_server_that_takes_no_writes_is_still_read;
}

async fn wrong_credentials_names_and_tls_say_so(bed: Bed) {
    let url = bed.database().await;
    let name = url.rsplit('/').next().expect("a name");
    let elsewhere = url.replace(name, "db_missing");
    let encrypted = format!("{url}?{}", bed.either("sslmode=require", "ssl-mode=REQUIRED"));
    for (url, code, way_out) in [
        (url.replace("p%40ss", "p%40SS"), bed.either("28P01", "1045"), "look at the user and the password"),
        (elsewhere, bed.either("3D000", "1049"), "create that database"),
        (encrypted, "TLS", "look at the server's certificate, or at `sslmode`"),
    ] {
        let store = open(&url).await;
        for sentence in
            [away(store.get("state").await), away(store.put("state", "value".into(), PutMode::Create).await)]
        {
            let sentence = sentence.replace("SS/w:rd", "p@ss/w:rd");
            assert!(sentence.contains(code) && sentence.contains(way_out), "{sentence}");
            assert!(!sentence.contains("/w:rd") && !sentence.contains("%2Fw"), "{sentence}");
        }
        let shown = no_secret(store.url(), &format!("{store:?}"));
        assert!(shown.contains("127.0.0.1") && !shown.contains("p%40SS"), "{shown}");
    }
}

async fn a_server_that_takes_no_writes_is_still_read(bed: Bed) {
    let url = bed.database().await;
    create(&open(&url).await, "state").await;
    let name = url.rsplit('/').next().expect("a name");
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    bed.sql(name, bed.either(&read_only, "SET GLOBAL read_only = 1")).await;
    let store = open(&url).await;
    let held = store.get("state").await.expect("a get").expect("it is there");
    for refused in [
        store.put("state", "new".into(), PutMode::Overwrite).await.map(drop),
        store.put("state", "new".into(), PutMode::Update(held.version.clone())).await.map(drop),
        store.put("other", "new".into(), PutMode::Create).await.map(drop),
        store.delete("state").await,
    ] {
        let sentence = away(refused);
        assert!(sentence.contains("name the primary"), "{sentence}");
    }
    assert_eq!(store.list("").await.expect("a list"), [held]);
}

#[tokio::test]
async fn urls_that_are_none_are_refused_without_their_secrets() {
    for (url, says) in [
        ("postgres://ann:s3cret@host", "the database is missing"),
        ("postgres://ann:s3cret@host/", "the database is missing"),
        ("postgres:///db", "the host is missing"),
        ("mysql://ann:s3c/ret@host/db", "percent-encoded"),
        ("postgres://ann:s3cret#@host/db", "percent-encoded"),
        ("mysql://ann:s3cret@host/db#x", "`#`"),
        ("postgres://host/db?password=s3cret", "before the host"),
        ("postgres://ann:s3cret@host/db?sslmod=require", "`sslmode`"),
        ("postgres://ann:s3cret@host/db?sslmode=maybe", "maybe"),
        ("mysql://ann:s3cret@host/db?ssl-mode=maybe", "maybe"),
        ("mysql://ann:s3cret@host/db?charset=latin1", "`ssl-mode`"),
        ("postgres://ann:s3cret@host:99999/db", "percent-encoded"),
        ("postgres:db", "the host is missing"),
        ("postgre://ann:s3cret@host/db", "did you mean `postgres://***@host/db`"),
    ] {
        let refused = backsoon::store::open(url).await;
        let Err(Error::Url(sentence)) = &refused else { panic!("{url}: {refused:?}") };
        assert!(sentence.contains(says), "{url}: {sentence}");
        assert!(!sentence.contains("s3c"), "{sentence}");
    }
    for (url, shown) in [
        ("postgresql://ann:s3cret@host:1/db?sslmode=require", "postgresql://ann@host:1/db?sslmode=require"),
        ("mariadb://ann:s3cret@host/db", "mariadb://ann@host/db"),
        ("postgres:///db?host=/run/postgresql", "postgres:///db?host=/run/postgresql"),
        (
            "mysql://localhost/db?socket=/run/mysqld/mysqld.sock",
            "mysql://localhost/db?socket=/run/mysqld/mysqld.sock",
        ),
    ] {
        assert_eq!(open(url).await.url(), shown);
    }
}
