//! HAProxy with `deploy/haproxy/haproxy.cfg`, which follows the files of a mirror and is told by `deploy/haproxy/apply`.

use std::os::unix::fs::PermissionsExt as _;

use testbed::Server;

use crate::program::Program;
use crate::stage::{RULES, Stage};

const FOLDER: &str = "/etc/haproxy/backsoon";
const SOCKET: &str = "/run/haproxy/admin.sock";

/// Starts the mirror and then HAProxy, as the recipe says.
fn start(stage: &Stage) -> (Program, Server) {
    let folder = stage.place.path("");
    let folder = folder.to_str().unwrap().trim_end_matches('/').to_owned();
    let names = [(FOLDER, folder.clone()), (SOCKET, format!("{folder}/admin.sock"))];
    let reload = ("systemctl reload haproxy", format!("kill -USR2 \"$(cat {folder}/haproxy.pid)\""));
    stage.place.write("apply", stage.recipe("haproxy/apply", &[&names[..], &[reload]].concat()));
    std::fs::set_permissions(stage.place.path("apply"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let ports = [
        ("bind :80", format!("bind 127.0.0.1:{}", stage.port)),
        ("127.0.0.1:3000", format!("127.0.0.1:{}", stage.application.port)),
    ];
    let recipe = stage.recipe("haproxy/haproxy.cfg", &[&names[..], &ports].concat());
    let mirror = recipe.lines().find_map(|line| line.strip_prefix("#   backsoon ")).unwrap();
    let mirror = mirror.split(" --store").next().unwrap();
    let mirror = Program::start(&stage.place, mirror, " follows ");
    stage.place.write("haproxy.cfg", &recipe);
    let mut command = stage.place.program("haproxy");
    command.args(["-W", "-p", "haproxy.pid", "-f", "haproxy.cfg"]);
    let mut server = Server::start(&command);
    server.wait_for_port(stage.port);
    stage.until_open(&server);
    (mirror, server)
}

#[test]
fn haproxy_follows_a_mirror() {
    let stage = Stage::new();
    let place = &stage.place;
    let (mirror, server) = start(&stage);
    place.write("rules.toml", RULES);
    place.done("apply rules.toml");

    for round in ["at nine", "at ten"] {
        let said = place.done(&format!("on --message 'Back {round}.' --wait=30s"));
        assert!(said.contains("in force") && !said.contains("confirmed"), "{said}");
        assert!(said.contains("ignored   health paths, hooks, office, robots.txt"), "{said}");
        let page = stage.refused("GET", "/", "accept: text/html\r\n");
        assert!(page.status == 503 && page.head.contains("\nretry-after: 60"), "{page:?}");
        assert!(
            page.body.contains(&format!("Back {round}.")) && page.body.contains("<!doctype html>"),
            "{page:?}"
        );
        let problem = stage.refused("POST", "/cart", "accept: application/json\r\ncontent-length: 0\r\n");
        assert!(
            problem.head.contains("application/problem+json") && problem.body.contains(round),
            "{problem:?}"
        );
        for lie in ["x-forwarded-for: 203.0.113.9", "x-forwarded-host: open.example", "backsoon-status: 200"]
        {
            assert_eq!(stage.refused("GET", "/", &format!("{lie}\r\n")).status, 503, "{lie}");
        }
        for path in ["/hooks/pay", "/healthz", "/.well-known/acme-challenge/../../cart"] {
            stage.refused("GET", path, "");
        }
        assert_eq!(stage.get("/.well-known/acme-challenge/a").body, "application\n");
        place.done("off --wait=30s");
        assert_eq!(stage.get("/").body, "application\n");
    }
    for host in ["SHOP.example.com:80", "other.example.com", "shop.example.com."] {
        let is_known = host.starts_with("SHOP");
        assert_eq!(stage.at(host, "GET", "/", "").body == "application\n", is_known, "{host}");
    }
    place.done("on --read-only --wait=30s");
    assert_eq!(stage.get("/").body, "application\n");
    stage.refused("POST", "/", "content-length: 0\r\n");
    stage.refused("GET", "/live", "connection: upgrade\r\nupgrade: websocket\r\n");
    place.done("off --wait=30s");

    // A proxy that cannot be told has not closed, and nobody says that it has.
    server.kill();
    let ran = place.run("on --wait=4s");
    assert!(
        ran.code == 3 && ran.out.contains("not confirmed") && ran.out.contains("apply` failed"),
        "{ran:?}"
    );
    // What stands in the files outlives the mirror.
    mirror.stop();
    assert_eq!(std::fs::read_to_string(place.path("sites.map")).unwrap(), "shop.example.com on\n");
}
