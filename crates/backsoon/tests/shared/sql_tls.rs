//! Encrypted lines: what is asked for is what there is, and a certificate that nobody vouches for is refused.

use testbed::{MariaDb, Postgres};

use super::sql_bed::{away, create, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    let server = Postgres::start().await;
    let certificate = server.offer_tls().await;
    let url = server.database().await.replace("127.0.0.1", "localhost");
    let checked = format!("{url}?sslmode=verify-full&sslrootcert={}", certificate.display());
    for encrypted in [format!("{url}?sslmode=require"), checked.clone()] {
        let store = open(&encrypted).await;
        store.get("state").await.expect("an encrypted line");
        let count = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE ssl AND datname = current_database()";
        assert_ne!(server.sql(&url, count).await.trim(), "0", "it is encrypted: {encrypted}");
    }
    create(&open(&checked).await, "state").await;
    for refused in [format!("{url}?sslmode=verify-full"), checked.replace("localhost", "127.0.0.1")] {
        let sentence = away(open(&refused).await.get("state").await);
        assert!(sentence.contains("certificate"), "{sentence}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb() {
    let server = MariaDb::start_with_tls().await;
    let url = server.database().await.replace("127.0.0.1", "localhost");
    let checked = format!("{url}?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", server.certificate().display());
    server.sql("mysql", "ALTER USER tester@'127.0.0.1' REQUIRE SSL").await;
    for encrypted in [format!("{url}?ssl-mode=REQUIRED"), url.clone(), checked.clone()] {
        open(&encrypted).await.get("state").await.expect("an encrypted line");
    }
    create(&open(&checked).await, "state").await;
    for refused in [format!("{url}?ssl-mode=VERIFY_IDENTITY"), checked.replace("localhost", "127.0.0.1")] {
        let sentence = away(open(&refused).await.get("state").await);
        assert!(sentence.contains("certificate"), "{sentence}");
    }
    let plain = away(open(&format!("{url}?ssl-mode=DISABLED")).await.get("state").await);
    assert!(plain.contains("1045"), "the server would not have let it in: {plain}");
}
