//! A home, a state directory and a working directory that no other test sees.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use insta::Settings;
use insta::internals::SettingsBindDropGuard;

/// Where one test lives.
pub(crate) struct Place {
    root: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

// === impl Place ===

impl Place {
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("backsoon-cli-").tempdir().unwrap();
        // Nobody else's, whatever the umask: `check` looks at this.
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        for folder in ["home", "state", "desk"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root, variables: Vec::new() }
    }

    #[allow(dead_code, reason = "the tests of shared stores use this")]
    /// One in which every command also sees `variables`.
    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { variables: variables.collect(), ..Self::new() }
    }

    /// A path below the working directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("desk").join(name)
    }

    /// The store that is used when nothing names one.
    pub(crate) fn default_store(&self) -> PathBuf {
        self.root.path().join("state/backsoon/store")
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Writes a file into the working directory.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The binary with an environment that holds nothing but this place.
    pub(crate) fn backsoon(&self) -> Command {
        // Whoever runs the tests in the background may ignore these, and a program inherits that.
        let mut command = self.program("env");
        command.args(["--default-signal=INT", "--default-signal=QUIT"]);
        command.arg(assert_cmd::cargo::cargo_bin("backsoon"));
        command
    }

    /// Any program, likewise.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.path("")).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.root.path().join("home"));
        command.env("XDG_STATE_HOME", self.root.path().join("state"));
        command.env("USER", "ann").env("TZ", "UTC").envs(self.variables.iter().cloned());
        command
    }

    /// Runs `backsoon` with `line`, whose words are split at spaces, but not within single quotes.
    pub(crate) fn run(&self, line: &str) -> Ran {
        Ran::of(self.backsoon().args(words(line)))
    }

    /// Runs it and expects that everything was done.
    pub(crate) fn done(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "backsoon {line}: {ran:?}");
        ran.out
    }

    /// Runs it with `--json`, and reads what it prints.
    pub(crate) fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.done(&format!("{line} --json"))).unwrap()
    }

    /// What differs from run to run has a name in snapshots as long as this is held.
    pub(crate) fn names(&self) -> SettingsBindDropGuard {
        let root = std::fs::canonicalize(self.root.path()).unwrap();
        let mut settings = Settings::clone_current();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        for (pattern, name) in [
            (root.to_str().unwrap(), "DIR"),
            (r"w-[2-9a-z]{8}\b", "w-ID"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
            (r"\bp-[2-9a-z]{8}\b", "p-ID"),
            (r"\.[0-9a-f]{40}\b", ".SECRET"),
            (r"[0-9a-f]{32}", "NAME"),
            (r"[\d.]+ s ago", "AGO"),
            (r"(confirmed|forced|scheduled, confirmed) after [\d.]+ s\b", "$1 after SPAN"),
            (r"(GET|POST) (/\S*) (for|after) [\d.]+ s\b", "$1 $2 $3 SPAN"),
            (r"\(in \d+ d( \d+ h)?\)", "(in SPAN)"),
            (r#"Retry-After: \d{5,}|"retry_after": "\d{5,}""#, "RETRY-AFTER"),
            (r"[\w-]+-\d+-[0-9a-f]{4}\b", "INSTANCE"),
            (&format!(r"ann@{}\b", host.trim()), "ann@HOST"),
        ] {
            settings.add_filter(pattern, name);
        }
        settings.bind_to_scope()
    }
}

// === impl Ran ===

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        // A test beside this one may fork while the copy of the program is still open for writing in this process,
        // and until its child has become another program the copy counts as busy.
        let busy = |result: &std::io::Result<_>| {
            result.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ExecutableFileBusy)
        };
        let mut result = command.output();
        for _ in 0..100 {
            if !busy(&result) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            result = command.output();
        }
        let output = result.expect("it starts");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let code = output.status.code().unwrap_or_else(|| panic!("{command:?} ended by {}", output.status));
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }

    /// Everything that a snapshot should hold.
    pub(crate) fn shown(&self) -> String {
        let mut shown = format!("exit {}\n{}", self.code, self.out);
        if !self.err.is_empty() {
            shown.push_str(&format!("--- stderr\n{}", self.err));
        }
        shown
    }
}

/// `text` without the padding of tables, which depends on the names in them.
pub(crate) fn unpadded(text: &str) -> String {
    let unpad = |line: &str| {
        let (text, indent) = (line.trim_start(), line.len() - line.trim_start().len());
        let cells: Vec<_> = text.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect();
        format!("{}{}\n", " ".repeat(indent), cells.join("  "))
    };
    text.lines().map(unpad).collect()
}

pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    assert!(!quoted, "a quote is open in {line}");
    // Spaces at the ends are no words; an empty pair of quotes is one.
    if line.is_empty() || line.ends_with(' ') {
        words.pop();
    }
    words
}
