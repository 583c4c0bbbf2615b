//! A server's process, which never outlives the test.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends what it started when this closes, so that not even `kill -9` of the test leaves a server behind.
///
/// Standard input is the test's end of a pipe: `read` returns when the pipe closes, however the test ended. A line
/// on it names a signal to send first.
const WARDEN: &str = r#"
"$@" </dev/null & child=$!
(
  while read -r signal; do kill -s "$signal" "$child"; done
  kill -s TERM "$child" 2>/dev/null; sleep 5; kill -s KILL "$child" 2>/dev/null
) <&3 & warden=$!
wait "$child"; code=$?
kill "$warden" 2>/dev/null
exit "$code"
"#;

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    log: tempfile::NamedTempFile,
}

// === impl Server ===

impl Server {
    /// Starts `command`, which must stay in the foreground.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(command: &Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let log = tempfile::NamedTempFile::new().unwrap_or_else(|error| panic!("no log for {name}: {error}"));
        let to_log = || log.reopen().map_or_else(|_| Stdio::null(), Stdio::from);
        let mut warden = Command::new("bash");
        // The pipe becomes descriptor 3, since a background process of a shell has no standard input.
        warden.args(["-c", &format!("exec 3<&0\n{WARDEN}"), "warden"]).arg(command.get_program());
        warden.args(command.get_args()).stdin(Stdio::piped()).stdout(to_log()).stderr(to_log());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => warden.env(key, value),
                None => warden.env_remove(key),
            };
        }
        if let Some(directory) = command.get_current_dir() {
            warden.current_dir(directory);
        }
        let child = warden.spawn().unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name, child, log }
    }

    /// Waits until something listens on `port` of loopback.
    ///
    /// # Panics
    /// With what the server has written, if it ends or takes more than a minute.
    pub fn wait_for_port(&mut self, port: u16) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = self.child.try_wait().ok().flatten();
            assert!(ended.is_none(), "{} ended with {ended:?}:\n{}", self.name, self.log());
            assert!(begun.elapsed() < PATIENCE, "{} does not listen:\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal by its name: `STOP`, `CONT`, `INT`.
    ///
    /// # Errors
    /// If the server has ended.
    pub fn signal(&mut self, name: &str) -> io::Result<()> {
        let pipe = self.child.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(pipe, "{name}")
    }

    /// Ends it at once, as a power cut would, and waits until it is gone.
    pub fn kill(mut self) {
        let _ = self.signal("KILL");
        let _ = self.child.wait();
    }

    /// Ends it by a signal of its own liking, and waits until it is gone.
    pub fn stop(mut self, signal: &str) {
        let _ = self.signal(signal);
        let _ = self.child.wait();
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lives(pid: &str) -> bool {
        Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    }

    fn sleeper() -> (Server, String) {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$; exec sleep 1000"]);
        let server = Server::start(&command);
        let begun = Instant::now();
        while !server.log().ends_with('\n') && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        let pid = server.log().trim().to_owned();
        assert!(lives(&pid), "it runs");
        (server, pid)
    }

    #[test]
    fn what_is_dropped_stopped_or_killed_is_gone() {
        let (server, pid) = sleeper();
        drop(server);
        assert!(!lives(&pid));
        let (server, pid) = sleeper();
        server.stop("INT");
        assert!(!lives(&pid));
        let (server, pid) = sleeper();
        server.kill();
        assert!(!lives(&pid));
    }

    #[test]
    fn what_was_stopped_by_a_signal_goes_on_by_another() {
        let (mut server, pid) = sleeper();
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let becomes = |wanted: &str| {
            let begun = Instant::now();
            while !state().contains(wanted) {
                assert!(begun.elapsed() < PATIENCE, "never {wanted}");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        server.signal("STOP").unwrap();
        becomes(") T ");
        server.signal("CONT").unwrap();
        becomes(") S ");
    }
}
