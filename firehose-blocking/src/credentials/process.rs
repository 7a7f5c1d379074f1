//! Credentials that a program prints.

use std::io::{self, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use firehose_proto::credentials::plan::Process;
use firehose_proto::credentials::{Credentials, process};
use firehose_proto::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;
use firehose_proto::sensitive::Sensitive;

use super::CredentialsError;
use super::context::Context;

/// How often a program is looked at that prints no more but has not ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Runs the program. Neither its command line nor what it prints shows in any message.
pub(super) fn credentials(context: &Context, process: &Process) -> Result<Credentials, CredentialsError> {
    let printed = run(process.command.reveal(), context.process_timeout)?;
    let mut credentials = process::read(printed.reveal()).map_err(|error| {
        CredentialsError::failed("the credential process printed no credentials").with_source(error)
    })?;
    if credentials.account_id.is_none() {
        credentials.account_id.clone_from(&process.account_id);
    }
    Ok(credentials)
}

fn run(command_line: &str, timeout: Duration) -> Result<Sensitive<Vec<u8>>, CredentialsError> {
    let deadline = Instant::now() + timeout;
    let (mut command, is_group) = shell(command_line);
    // Somebody else's messages may hold secrets.
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let child =
        child.map_err(|error| CredentialsError::failed("cannot start the credential process").with_source(error))?;
    let mut running = Running { child, is_group, has_ended: false };
    let printed = running.child.stdout.take().map_or_else(|| Ok(None), |stdout| read_until(stdout, deadline));
    let printed = match printed {
        Ok(Some(printed)) => printed,
        Ok(None) => return Err(too_slow(timeout)),
        Err(error) => {
            return Err(CredentialsError::transient("cannot read from the credential process").with_source(error));
        }
    };
    if printed.reveal().len() > MAX_CREDENTIAL_DOCUMENT_BYTES {
        let message = format!("the credential process printed more than {MAX_CREDENTIAL_DOCUMENT_BYTES} bytes");
        return Err(CredentialsError::failed(message));
    }
    match running.wait_until(deadline) {
        Ok(Some(status)) if status.success() => Ok(printed),
        Ok(Some(status)) => {
            // What a shell says of a program that it cannot run.
            let why = match status.code() {
                Some(126) => ", its program may not be run",
                Some(127) => ", its program was not found",
                _ => "",
            };
            let message = format!("the credential process failed ({status}{why}): run it by hand to see what it says");
            Err(CredentialsError::failed(message))
        }
        Ok(None) => Err(too_slow(timeout)),
        Err(error) => Err(CredentialsError::failed("cannot wait for the credential process").with_source(error)),
    }
}

fn too_slow(timeout: Duration) -> CredentialsError {
    CredentialsError::transient(format!("the credential process did not end within {timeout:?}"))
}

/// The command that has a shell run the line, and whether it leads a process group of its own.
#[cfg(unix)]
fn shell(command_line: &str) -> (Command, bool) {
    use std::os::unix::process::CommandExt;

    let mut command = Command::new("sh");
    command.arg("-c").arg(command_line);
    // At a terminal it may ask for a password, which only processes in the foreground may do.
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

/// Reads what a program prints until it prints no more, or too much; `None` when that takes too long.
///
/// A thread does the reading. It ends when nobody can print any more, which is when all of the program's processes
/// have been ended.
fn read_until(stdout: ChildStdout, deadline: Instant) -> io::Result<Option<Sensitive<Vec<u8>>>> {
    let (sender, receiver) = mpsc::channel();
    let limit = MAX_CREDENTIAL_DOCUMENT_BYTES + 1;
    thread::Builder::new().name("credential-process".into()).spawn(move || {
        let mut printed = Vec::with_capacity(limit);
        let result = stdout.take(u64::try_from(limit).unwrap_or(u64::MAX)).read_to_end(&mut printed);
        // Whoever asked may have given up.
        let _ = sender.send(result.map(|_| Sensitive::new(printed)));
    })?;
    receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok().transpose()
}

/// A program that does not outlive this value.
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
            // The standard library ends single processes only. The group exists as long as its leader is not reaped.
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
            assert_eq!(error.to_string(), "the credential process did not end within 100ms");
            assert!(error.is_transient() && began.elapsed() < Duration::from_secs(30));
        }
    }
}
