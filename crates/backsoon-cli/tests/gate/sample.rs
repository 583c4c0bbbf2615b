//! The sample site of `backsoon demo`, behind a gate.

use backsoon_cli::serve::sample;

use crate::support::{Raw, ask, gate_before};

#[tokio::test]
async fn the_sample_site_shows_all_that_a_gate_carries() {
    let gate = gate_before(sample::start().await.unwrap()).await;
    let read = async |path: &str| {
        ask(gate.address, format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await
    };
    assert!(read("/").await.contains("The little lamp shop"));
    assert!(read("/api/time").await.contains("{\"now\":\"2"));
    assert!(read("/slow?ms=50").await.contains("This took 50 ms"));
    assert!(read("/nowhere").await.starts_with("HTTP/1.1 404"));
    let mut client = Raw::to(gate.address).await;
    client.send("POST /orders HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nlamp").await;
    assert_eq!(client.answer().await.1, "lamp");
    client.send("GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await;
    for _ in 0..2 {
        let event = client.until("\n\n").await.unwrap();
        assert!(event.contains("data: 2"), "{event}");
    }
}
