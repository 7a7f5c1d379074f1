//! Credentials from the output of a program.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::answer::ProcessError;
use super::step::{Cx, Step, Then};
use crate::credentials::plan::Process;
use crate::credentials::{Credentials, CredentialsError, process};
use crate::limits::MAX_CREDENTIAL_DOCUMENT_BYTES;
use crate::sensitive::Sensitive;

/// How long a credential process may take: a user may have to touch a key or type a code.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Runs the program. No message quotes its command line or its output.
pub(super) fn credentials(process: Process) -> Step<Result<Credentials, CredentialsError>> {
    let Process { command, account_id } = process;
    let ended = move |_: &mut Cx<'_>, printed: Result<Sensitive<Vec<u8>>, ProcessError>| {
        Step::Done(printed.map_err(failure).and_then(|printed| {
            if printed.expose().len() > MAX_CREDENTIAL_DOCUMENT_BYTES {
                let message = format!("the credential process printed more than {MAX_CREDENTIAL_DOCUMENT_BYTES} bytes");
                return Err(CredentialsError::failed(message));
            }
            let mut credentials = process::read(printed.expose()).map_err(|error| {
                CredentialsError::failed("the credential process printed no credentials").with_source(error)
            })?;
            credentials.account_id = credentials.account_id.or(account_id);
            Ok(credentials)
        }))
    };
    Step::Run(command, TIMEOUT, Then::new(ended))
}

fn failure(error: ProcessError) -> CredentialsError {
    match error {
        ProcessError::Other(error) => CredentialsError::failed("cannot run the credential process").with_source(error),
        ProcessError::Timeout => {
            CredentialsError::transient(format!("the credential process did not end within {TIMEOUT:?}"))
        }
        ProcessError::Failed { status, code } => {
            // The exit codes of a shell that cannot run a program.
            let why = match code {
                Some(126) => ", its program is not executable",
                Some(127) => ", its program was not found",
                _ => "",
            };
            let message = format!("the credential process failed ({status}{why}): run it by hand to see what it says");
            CredentialsError::failed(message)
        }
    }
}
