//! `backsoon` while it runs.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::gate::PATIENCE;
use super::place::Place;

/// A running `backsoon`; killed when it is dropped.
pub(crate) struct Running {
    child: Option<Child>,
    /// What was read of its standard error so far.
    said: String,
}

/// How one ended.
#[derive(Debug)]
pub(crate) struct Over {
    /// The signal that ended it has 1000 added, so that it is mistaken for no exit code.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

// === impl Running ===

impl Running {
    /// `backsoon` with `words`, which may hold whatever a shell's script may.
    pub(crate) fn start(place: &Place, words: &[&str]) -> Self {
        let mut command = place.backsoon();
        command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: Some(command.spawn().expect("it starts")), said: String::new() }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
    }

    /// Waits until it has said `text` on its standard error.
    pub(crate) fn says(&mut self, text: &str) {
        let error = self.child.as_mut().unwrap().stderr.as_mut().unwrap();
        while !self.said.contains(text) {
            let mut some = [0; 1024];
            let length = error.read(&mut some).unwrap();
            assert!(length > 0, "it ended without {text:?}: {:?}", self.said);
            self.said.push_str(&String::from_utf8_lossy(&some[..length]));
        }
    }

    /// Whether it has ended by itself.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) fn over(mut self) -> Over {
        use std::os::unix::process::ExitStatusExt as _;
        let begun = Instant::now();
        while !self.is_over() {
            assert!(begun.elapsed() < 2 * PATIENCE, "it did not end");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let code = output.status.code().unwrap_or_else(|| 1000 + output.status.signal().unwrap());
        Over { code, out: text(output.stdout), err: self.said.clone() + &text(output.stderr) }
    }

    /// Ends it as a crash would; what it has started goes on.
    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until the file `name` is there.
pub(crate) fn there(place: &Place, name: &str) {
    eventually(&format!("{name} is there"), || place.path(name).exists());
}

/// Waits until `is_so`.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
