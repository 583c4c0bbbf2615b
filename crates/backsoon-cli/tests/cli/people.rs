//! `backsoon user`, `backsoon token`, and the console that they are for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use super::place::{Place, words};

const PASSWORD: &str = "correct horse battery\n";

/// A gate with a console; killed when it is dropped.
struct Console {
    child: Child,
    address: String,
    /// What it said on standard error.
    said: String,
    /// Kept, since a program that can say nothing any more may end.
    _open: BufReader<std::process::ChildStderr>,
}

// === impl Console ===

impl Console {
    fn start(place: &Place) -> Self {
        let mut command = place.backsoon();
        command.args(words("serve --listen 127.0.0.1:0 --upstream http://127.0.0.1:9 --admin 0"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = out.find(|line| line.as_ref().unwrap().starts_with("the console")).unwrap().unwrap();
        let address = line.split("http://").nth(1).unwrap().trim_end_matches('/').to_owned();
        let mut said = String::new();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        if place.json("user list").as_array().unwrap().is_empty() {
            while !said.contains("/welcome") {
                assert!(err.read_line(&mut said).unwrap() > 0, "{said}");
            }
        }
        Self { child, address, said, _open: err }
    }

    fn ask(&self, request: &str, fields: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{fields}", self.address);
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `line` with `typed` on standard input.
fn typed(place: &Place, line: &str, typed: &str) -> (i32, String, String) {
    let mut command = place.backsoon();
    command.args(words(line)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Whoever is refused for the command line reads nothing.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn users_are_added_listed_changed_and_removed() {
    let place = Place::new();
    let (code, out, err) = typed(&place, "user add Ada --role admin", PASSWORD);
    assert_eq!((code, out.as_str()), (0, "added: ada may sign in as admin\n"), "{err}");
    assert_eq!(typed(&place, "user add bob@example.com --no-password", "").0, 0);
    let list = place.done("user list");
    assert!(list.contains("ada") && list.contains("here") && list.contains("at a proxy"), "{list}");
    let json = place.json("user list");
    assert_eq!(
        (&json[0]["name"], &json[0]["role"], &json[1]["has_password"]),
        (&"ada".into(), &"admin".into(), &false.into())
    );
    assert!(!json.to_string().contains("argon2"));

    let (code, _, err) = typed(&place, "user add ada", PASSWORD);
    assert!(code == 1 && err.contains("there is a user `ada` already"), "{err}");
    let (code, _, err) = typed(&place, "user add eve", "short\n");
    assert!(code == 1 && err.contains("fewer than 12 characters") && !err.contains("short"), "{err}");
    let (code, _, err) = typed(&place, "user add eve --role root", PASSWORD);
    assert!(code == 2 && err.contains("one of viewer, server, operator, admin"), "{err}");
    assert_eq!(typed(&place, "user add a/b", PASSWORD).0, 2);

    assert!(place.done("user set bob@example.com --role operator").contains("is operator"));
    assert_eq!(typed(&place, "user set ada --password", "another horse battery\n").0, 0);
    assert!(place.done("user remove ada").contains("removed: ada"));
    let ran = place.run("user remove ada");
    assert!(ran.code == 1 && ran.err.contains("there is no user `ada`"), "{ran:?}");
    assert_eq!(place.json("user list").as_array().unwrap().len(), 1);
}

#[test]
fn a_token_stands_alone_on_standard_output_and_is_kept_nowhere() {
    let place = Place::new();
    let ran = place.run("token new --name ci --role operator --for 90d");
    let token = ran.out.trim();
    assert!(ran.code == 0 && token.starts_with("bst_") && ran.out.lines().count() == 1, "{ran:?}");
    assert!(!ran.err.contains(token), "{ran:?}");
    let list = place.json("token list");
    let id = list[0]["id"].as_str().unwrap();
    assert_eq!((&list[0]["role"], &list[0]["last_used"]), (&"operator".into(), &serde_json::Value::Null));
    // The secret's own alphabet has `_` and `-` in it: it is all that follows the name of the token.
    let secret = token.splitn(3, '_').nth(2).unwrap();
    assert!(secret.len() > 40, "{ran:?}");
    let kept = std::process::Command::new("grep").args(["-rFe", secret]).arg(place.root()).output().unwrap();
    assert_eq!(kept.status.code(), Some(1), "{kept:?}");
    assert!(place.done(&format!("token revoke {id}")).starts_with("revoked"));
    let ran = place.run(&format!("token revoke {id}"));
    assert!(ran.code == 1 && ran.err.contains("there is no token"), "{ran:?}");
    assert!(place.done("token list").contains("there are no tokens"));
}

#[test]
fn a_link_is_printed_while_there_are_no_users() {
    let place = Place::new();
    let ran = place.run("user link");
    assert!(ran.code == 0 && ran.out.contains("/welcome?key="), "{ran:?}");
    typed(&place, "user add ada", PASSWORD);
    let ran = place.run("user link");
    assert!(ran.code == 1 && ran.err.contains("`backsoon user add NAME` adds another one"), "{ran:?}");
}

#[test]
fn the_gate_has_a_console_whose_link_makes_an_admin_and_whose_changes_everybody_sees() {
    let place = Place::new();
    let console = Console::start(&place);
    let key = console.said.split("key=").nth(1).unwrap().trim();
    let fields =
        format!("content-type: application/x-www-form-urlencoded\r\norigin: http://{}\r\n", console.address);
    let form = format!("key={key}&name=ada&password=correct+horse+battery");
    let answer = console.ask("POST /welcome", &fields, &form);
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert_eq!(place.json("user list")[0]["name"], "ada");

    let token = place.done("token new --name ci --role operator");
    let fields = format!("content-type: application/json\r\nauthorization: Bearer {}\r\n", token.trim());
    let answer = console.ask("POST /api/v1/windows", &fields, r#"{"mode":"on","note":"moving"}"#);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let status = place.json("status");
    assert_eq!(status["sites"]["*"]["mode"], "on");
    assert!(status["changed_by"].as_str().unwrap().contains("via API from 127.0.0.1"), "{status}");
    assert_eq!(place.run("off").code, 0, "a window of the console is an operator's");
    assert!(place.json("token list")[0]["last_used"].is_string());
}

#[test]
fn a_console_that_others_could_reach_under_any_name_does_not_start() {
    let place = Place::new();
    let ran = place.run("serve --upstream http://127.0.0.1:9 --listen 127.0.0.1:0 --admin 0.0.0.0:0");
    assert!(ran.code == 2 && ran.err.contains("must know its names"), "{ran:?}");
    place.write("backsoon.toml", "[admin]\nidentity_header = \"x-user\"\nlisten = \"0\"\n");
    let ran = place.run("serve --upstream http://127.0.0.1:9 --listen 127.0.0.1:0");
    assert!(ran.code == 2 && ran.err.contains("nobody is trusted to send it"), "{ran:?}");
    place.write("backsoon.toml", "[admin]\nlissten = \"0\"\n");
    let ran = place.run("check");
    assert!(ran.out.contains("did you mean `listen`?"), "{ran:?}");
}

#[test]
fn the_history_of_people_names_who_did_what_and_keeps_no_secret() {
    let place = Place::new();
    assert_eq!(typed(&place, "user add ada --role operator", PASSWORD).0, 0);
    assert_eq!(typed(&place, "user add ada", PASSWORD).0, 1, "the name is taken");
    assert_eq!(typed(&place, "user set ada --role admin", "").0, 0);
    assert_eq!(typed(&place, "user set ada --password", "another horse battery\n").0, 0);
    let (_, secret, _) = typed(&place, "token new --name ci --role viewer", "");
    let id = secret.split('_').nth(1).unwrap().to_owned();
    assert_eq!(typed(&place, &format!("token revoke {id}"), "").0, 0);
    assert_eq!(typed(&place, "user remove ada", "").0, 0);
    let history = place.json("user history");
    let what: Vec<_> = history.as_array().unwrap().iter().map(|record| record["what"].clone()).collect();
    assert_eq!(what, ["removed", "token-revoked", "token-made", "password-changed", "role-changed", "added"]);
    let all = history.to_string();
    assert!(all.contains("by the command line") && all.contains(&id), "{all}");
    for word in ["argon2", "horse", secret.trim()] {
        assert!(!all.contains(word), "{word}: {all}");
    }
    let (_, said, _) = typed(&place, "user history --limit 2", "");
    assert!(
        said.contains("ada was removed") && said.contains("was revoked") && !said.contains("was made"),
        "{said}"
    );
}
