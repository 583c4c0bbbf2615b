//! The command that tells the proxy, and its end.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use backsoon::Mode;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};

/// For how long what was killed may take to be gone.
const GONE: Duration = Duration::from_secs(2);

/// Runs `command`, which is told `mode` and has ended within `limit`, or is ended with everything that it has started: what
/// goes on later could undo what the next one does.
///
/// # Errors
/// When it cannot be started, fails or takes too long.
pub(super) async fn proxy(command: &str, mode: Mode, limit: Duration) -> Result<()> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null());
    // A group of its own, so that one signal reaches all of it.
    shell.env("BACKSOON_MODE", mode.to_string()).process_group(0).kill_on_drop(true);
    let mut shell = shell.spawn().with_context(|| format!("`{command}` cannot be started"))?;
    let ended = match tokio::time::timeout(limit, shell.wait()).await {
        Ok(ended) => ended.with_context(|| format!("nobody can say how `{command}` ended"))?,
        Err(_) => {
            end(&mut shell).await;
            return Err(anyhow!("`{command}` has not ended within {} s", limit.as_secs()));
        }
    };
    if !ended.success() {
        bail!("the files are written, but `{command}` failed ({ended})");
    }
    Ok(())
}

/// Kills the whole group of `shell`, and waits until nobody of it is left.
async fn end(shell: &mut Child) {
    // Nobody has waited for it yet, so its number is nobody else's.
    let Some(group) = shell.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else {
        return;
    };
    let _ = kill_process_group(group, Signal::KILL);
    let _ = shell.wait().await;
    // Others than the shell are not ours to wait for. In a container nobody may be, and a zombie does nothing more.
    let gone = async {
        while test_kill_process_group(group).is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = tokio::time::timeout(GONE, gone).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a process runs: a zombie does not.
    fn runs(id: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.starts_with(" Z"))
    }

    #[tokio::test]
    async fn what_takes_too_long_is_ended_with_everything_that_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let child = format!("echo $$ > {}; sleep 4; echo on > {}", at("id"), at("flag"));
        let command = format!("sh -c '{child}' & wait");
        let error = proxy(&command, Mode::On, Duration::from_secs(2)).await.unwrap_err();
        assert!(error.to_string().contains("has not ended within 2 s"), "{error}");
        let id = std::fs::read_to_string(at("id")).unwrap();
        assert!(!runs(&id), "{id} goes on");
        assert!(!folder.path().join("flag").exists());
        assert!(runs(&std::process::id().to_string()), "and nobody else was ended");
    }

    #[tokio::test]
    async fn what_it_leaves_running_when_it_ends_well_may_run() {
        let folder = tempfile::tempdir().unwrap();
        let id = folder.path().join("id");
        let command = format!("sleep 30 & echo $! > {}", id.display());
        proxy(&command, Mode::Off, Duration::from_secs(20)).await.unwrap();
        let id = std::fs::read_to_string(id).unwrap();
        assert!(runs(&id), "a proxy that was started stays");
        let pid = Pid::from_raw(id.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
        let failed = proxy("exit 3", Mode::Off, Duration::from_secs(20)).await.unwrap_err();
        assert!(failed.to_string().contains("failed"), "{failed}");
    }
}
