//! Three gates that reach the store by the console of a fourth one, closed and reopened under load.

use super::gate::Gate;
use super::main_job::Turns;
use super::place::Place;

const ROUNDS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gates_behind_a_console() {
    let front = Place::with(&[("BACKSOON_STORE", "sqlite:./fleet.db")]);
    let port = testbed::port::free();
    let gate = Gate::start(&front, &format!("--upstream http://127.0.0.1:9 --admin {port}"));
    let token = front.done("token new --name fleet --role operator");
    let url = format!("http://127.0.0.1:{port}");
    let place = Place::with(&[("BACKSOON_STORE", &url), ("BACKSOON_TOKEN", token.trim())]);
    let (on, off) = ("on --wait --instances 4".into(), "off --wait --instances 4".into());
    let proof = "4 servers at revision".into();
    let turns = Turns { store: "a console".into(), gates: 3, rounds: ROUNDS, on, off, proof };
    turns.under_load(&place).await;
    gate.stop();
}
