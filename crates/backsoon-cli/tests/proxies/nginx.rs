//! nginx with `deploy/nginx/auth_request.conf`.

use testbed::Server;

use crate::stage::{Stage, asks};

/// The rest of a configuration: in the foreground, and nothing outside the stage.
const MAIN: &str = "daemon off; user root; pid nginx.pid; error_log stderr warn; worker_processes 1; events {}
http {
    access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    include recipe.conf;
}
";

fn start(stage: &Stage, auth: u16) -> Server {
    let recipe = stage.recipe(
        "nginx/auth_request.conf",
        &[
            ("server 127.0.0.1:8081;", format!("server 127.0.0.1:{auth};")),
            ("server 127.0.0.1:3000;", format!("server 127.0.0.1:{};", stage.application.port)),
            ("listen 80;", format!("listen 127.0.0.1:{};", stage.port)),
        ],
    );
    stage.place.write("recipe.conf", recipe);
    stage.place.write("nginx.conf", MAIN);
    let mut command = stage.place.program("nginx");
    command.args(["-e", "stderr", "-p"]).arg(stage.place.path("")).args(["-c", "nginx.conf"]);
    let mut server = Server::start(&command);
    server.wait_for_port(stage.port);
    server
}

#[test]
fn nginx_asks_and_shows_the_page() {
    asks(start, 503);
}
