//! `firehose local`: the local endpoint as a server of its own.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::mpsc;

use firehose_blocking::{Credentials, LocalEndpoint, LocalEndpointBuilder};

use crate::args::LocalArgs;
use crate::console::{self, Exit, Failure};
use crate::signals;

const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// Serves until it is interrupted or terminated.
pub(crate) fn run(args: &LocalArgs) -> Result<ExitCode, Failure> {
    if !args.listen.ip().is_loopback() && !args.allow_remote {
        let message = format!("other machines can reach {}; --allow-remote allows that", args.listen);
        return Err(Failure::new(Exit::Usage, message));
    }
    let configuration = |message| Failure::new(Exit::Configuration, message);
    if !args.no_auto_create {
        check_dir(&args.dir)?;
    }
    let credentials = credentials()?;
    let (interrupt, interrupted) = mpsc::channel();
    // Before the address is printed, so that every signal finds the handler.
    signals::on_termination(move || _ = interrupt.send(()))
        .map_err(|error| configuration(format!("cannot wait for signals: {error}")))?;
    let builder = LocalEndpoint::builder(&args.dir);
    let endpoint = (args.allowed_host.iter().fold(builder, LocalEndpointBuilder::allowed_host))
        .listen(args.listen)
        .credentials(credentials)
        .auto_create(!args.no_auto_create)
        .creating_for(args.creating_for)
        .fsync(args.fsync)
        .allow_remote(args.allow_remote)
        .faults(args.faults.unwrap_or_default())
        .start()
        .map_err(|error| configuration(console::chain(&error)))?;
    console::print(&format!("listening on {}", endpoint.url()))
        .map_err(|error| Failure::new(Exit::Incomplete, format!("cannot print the address: {error}")))?;
    // The handler lives as long as the process, so there is always one who may send.
    let _ = interrupted.recv();
    let faults = endpoint.faults();
    let accepted = endpoint.stop();
    console::eprint(&format!(
        "accepted {} records, {} bytes, in {}",
        accepted.records,
        accepted.bytes,
        args.dir.display()
    ));
    if let Some(settings) = args.faults {
        console::eprint(&format!("with {settings}: {faults}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks that records can be written to a directory, and creates it if it does not exist.
pub(crate) fn check_dir(dir: &Path) -> Result<(), Failure> {
    let write = || {
        if dir.exists() && !dir.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        fs::create_dir_all(dir)?;
        let trial = dir.join(format!(".firehose-trial-{}", process::id()));
        File::create_new(&trial)?;
        fs::remove_file(&trial)
    };
    write().map_err(|error: io::Error| {
        Failure::new(Exit::Configuration, format!("cannot keep records in {}: {error}", dir.display()))
    })
}

/// The key pair that callers have to sign with.
fn credentials() -> Result<Credentials, Failure> {
    let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let missing = match (set(ACCESS_KEY_ID), set(SECRET_ACCESS_KEY)) {
        (Some(key), Some(secret)) => {
            let credentials = Credentials::new(key, secret);
            return Ok(match set(SESSION_TOKEN) {
                Some(token) => credentials.with_session_token(token),
                None => credentials,
            });
        }
        (None, None) => return Ok(Credentials::new("test", "test")),
        (Some(_), None) => SECRET_ACCESS_KEY,
        (None, Some(_)) => ACCESS_KEY_ID,
    };
    Err(Failure::new(Exit::Configuration, format!("incomplete key pair: {missing} is not set")))
}
