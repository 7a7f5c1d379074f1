//! Runs a credential process, with a timeout.

use std::io::{self, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use firehose_proto::credentials::ProcessError;
use firehose_proto::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;

/// How often to check a program that has closed its output but not ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Runs a command line in a shell and returns its output, at most one byte above the limit.
pub(super) fn run(command_line: &str, timeout: Duration) -> Result<Vec<u8>, ProcessError> {
    let deadline = Instant::now() + timeout;
    let (mut command, is_group) = shell(command_line);
    // The program's messages may contain secrets.
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(other)?;
    let mut running = Running { child, is_group, has_ended: false };
    let stdout = running.child.stdout.take();
    let printed = stdout.map_or_else(|| Ok(None), |stdout| read_until(stdout, deadline)).map_err(other)?;
    let printed = printed.ok_or(ProcessError::Timeout)?;
    if printed.len() > MAX_CREDENTIAL_DOCUMENT_BYTES {
        return Ok(printed);
    }
    let status = running.wait_until(deadline).map_err(other)?.ok_or(ProcessError::Timeout)?;
    if !status.success() {
        return Err(ProcessError::Failed { status: status.to_string(), code: status.code() });
    }
    Ok(printed)
}

fn other(error: io::Error) -> ProcessError {
    ProcessError::Other(error.into())
}

/// The shell command for the line, and whether it leads a process group of its own.
#[cfg(unix)]
fn shell(command_line: &str) -> (Command, bool) {
    use std::os::unix::process::CommandExt;

    let mut command = Command::new("sh");
    command.arg("-c").arg(command_line);
    // At a terminal the program may ask for a password, which only processes in the foreground can do.
    let is_group = std::fs::File::open("/dev/tty").is_err();
    if is_group {
        command.process_group(0);
    }
    (command, is_group)
}

#[cfg(windows)]
fn shell(command_line: &str) -> (Command, bool) {
    use std::os::windows::process::CommandExt;

    let mut command = Command::new("cmd.exe");
    command.arg("/C").raw_arg(format!("\"{command_line}\""));
    (command, false)
}

/// Reads a program's output to its end, or until it is too long. `None` after the timeout.
///
/// A thread does the reading. It ends once all of the program's processes have been ended, because then nothing can
/// print any more.
fn read_until(stdout: ChildStdout, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    let limit = MAX_CREDENTIAL_DOCUMENT_BYTES + 1;
    thread::Builder::new().name("credential-process".into()).spawn(move || {
        let mut printed = Vec::with_capacity(limit);
        let result = stdout.take(u64::try_from(limit).unwrap_or(u64::MAX)).read_to_end(&mut printed);
        // The receiver may have given up.
        let _ = sender.send(result.map(|_| printed));
    })?;
    receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok().transpose()
}

/// A child process that does not outlive this value.
struct Running {
    child: Child,
    is_group: bool,
    has_ended: bool,
}

impl Running {
    fn wait_until(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.has_ended = true;
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        if self.is_group {
            // The standard library ends single processes only. The group exists until its leader is reaped.
            let kill = format!("kill -KILL -{}", self.child.id());
            let _ = Command::new("sh").arg("-c").arg(kill).stderr(Stdio::null()).status();
        }
        // It may have ended in between.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn ends_a_program_that_takes_too_long_with_all_that_it_started() {
        for command in ["sleep 60", "sleep 60 | sleep 60", "exec >&-; sleep 60", "sleep 60 &"] {
            let began = Instant::now();
            let error = run(command, Duration::from_millis(100)).unwrap_err();
            assert!(matches!(error, ProcessError::Timeout), "{command}: {error:?}");
            assert!(began.elapsed() < Duration::from_secs(30), "{command}");
        }
    }
}
