//! Where a process runs, and whether it is still there.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::Life;

/// Where a process runs. Equal host and boot mean the same machine and one clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The host's name.
    pub host: String,
    /// The boot of its kernel and the namespace of its process ids; empty where nobody can tell.
    pub boot: String,
    /// The process.
    pub pid: u32,
    /// When the process started, in the kernel's ticks: ids of processes are used again.
    pub started: u64,
}

/// A machine, found out once per process: whoever looks at a large roster asks for it many thousand times.
#[derive(Clone)]
struct Machine {
    host: String,
    boot: String,
    /// The process that has found it out: a fork of it may be in another namespace.
    asked_by: u32,
}

// === impl Place ===

impl Place {
    /// Where this process runs.
    pub fn here() -> Self {
        Self::of(std::process::id())
    }

    /// Where the process `pid` of this machine runs.
    pub fn of(pid: u32) -> Self {
        let Machine { host, boot, .. } = Machine::here();
        Self { host, boot, pid, started: started(pid).unwrap_or(0) }
    }

    /// Whether its process lives, if that can be told from here.
    pub fn lives(&self) -> Option<Life> {
        let here = Machine::here();
        if self.boot.is_empty() || (&self.host, &self.boot) != (&here.host, &here.boot) {
            return None;
        }
        match started(self.pid) {
            Some(started) if started == self.started => Some(Life::Live),
            // Whoever is hidden looks as if it had ended, and may be serving.
            None if std::fs::read_to_string("/proc/self/mountinfo")
                .is_ok_and(|mounts| is_hiding(&mounts)) =>
            {
                None
            }
            _ => Some(Life::Dead),
        }
    }
}

// === impl Machine ===

impl Machine {
    /// The machine of this process.
    fn here() -> Self {
        static HERE: Mutex<Option<Machine>> = Mutex::new(None);
        let asks = std::process::id();
        // Whoever was forked while another thread looked finds it locked for ever.
        let Ok(mut here) = HERE.try_lock() else { return Self::of(asks) };
        match &*here {
            Some(machine) if machine.asked_by == asks => machine.clone(),
            _ => here.insert(Self::of(asks)).clone(),
        }
    }

    fn of(asked_by: u32) -> Self {
        let read =
            |path: &str| std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
        let pids = std::fs::read_link("/proc/self/ns/pid")
            .map(|link| link.display().to_string())
            .unwrap_or_default();
        let boot = read("/proc/sys/kernel/random/boot_id");
        let boot = if boot.is_empty() { boot } else { format!("{boot} {pids}") };
        Self { host: read("/proc/sys/kernel/hostname"), boot, asked_by }
    }
}

/// Whether `/proc` hides processes of other users (`hidepid` of proc(5)), by what `mounts` says of it.
fn is_hiding(mounts: &str) -> bool {
    let mut proc = mounts.lines().filter(|line| line.split(' ').nth(4) == Some("/proc"));
    let options = proc.next_back().and_then(|line| line.rsplit(' ').next()).unwrap_or_default();
    options
        .split(',')
        .filter_map(|option| option.strip_prefix("hidepid="))
        .any(|how| !["0", "off"].contains(&how))
}

/// Field 22 of `/proc/<pid>/stat` (proc(5)); the name before it may hold anything, so count from its last bracket.
/// A zombie has ended.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_hiding;

    #[test]
    fn a_proc_that_hides_processes_proves_nobody_dead() {
        let root = "29 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw";
        let proc =
            |options: &str| format!("{root}\n30 29 0:25 / /proc rw,nosuid shared:2 - proc proc {options}\n");
        for options in ["rw,hidepid=invisible", "rw,gid=4,hidepid=2", "rw,hidepid=noaccess,subset=pid"] {
            assert!(is_hiding(&proc(options)), "{options}");
            let above = proc("rw") + &proc(options);
            assert!(is_hiding(&above), "what is mounted last is seen: {options}");
        }
        for options in ["rw", "rw,hidepid=0", "rw,hidepid=off"] {
            assert!(!is_hiding(&proc(options)), "{options}");
        }
        assert!(!is_hiding(&(proc("rw,hidepid=2") + &proc("rw"))));
        assert!(!is_hiding(""));
    }
}
