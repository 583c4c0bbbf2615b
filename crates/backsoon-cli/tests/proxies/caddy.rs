//! Caddy with `deploy/caddy/Caddyfile`.

use testbed::Server;

use crate::stage::{Stage, asks};

fn start(stage: &Stage, auth: u16) -> Server {
    let recipe = stage.recipe(
        "caddy/Caddyfile",
        &[
            ("forward_auth 127.0.0.1:8081", format!("forward_auth 127.0.0.1:{auth}")),
            ("reverse_proxy 127.0.0.1:3000", format!("reverse_proxy 127.0.0.1:{}", stage.application.port)),
            ("shop.example.com {", format!("http://shop.example.com:{} {{", stage.port)),
        ],
    );
    // No certificates, no interface of its own, and nothing left in anybody's home.
    stage.place.write("Caddyfile", format!("{{\n\tadmin off\n\tauto_https off\n}}\n{recipe}"));
    let mut command = stage.place.program("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(stage.place.path("Caddyfile"));
    command.env("XDG_DATA_HOME", stage.place.root()).env("XDG_CONFIG_HOME", stage.place.root());
    let mut server = Server::start(&command);
    server.wait_for_port(stage.port);
    server
}

#[test]
fn caddy_asks_and_shows_the_page() {
    asks(start, 502);
}
