//! What tests with other people's programs share: the scripts' environment, and how to do without.

use std::{
    env,
    fmt::Display,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use crate::processes::{self, Scratch, Server};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop");

/// Makes or finds the Python environment that a file among the scripts asks for.
///
/// # Errors
/// Says which step failed, and how.
pub fn python(tmp: &Path, requirements: &str) -> Result<PathBuf, String> {
    processes::python(tmp, &Path::new(SCRIPTS).join(requirements))
}

/// The environment's interpreter, or nothing if the caller is to be skipped.
#[must_use]
pub fn available(environment: &'static Result<PathBuf, String>) -> Option<&'static Path> {
    environment.as_deref().map_err(|error| skip(error)).ok()
}

/// Says that the caller is skipped, and why; fails where it must not be.
///
/// # Panics
/// With `FIREHOSE_INTEROP=required`.
pub fn skip(why: &str) {
    assert!(env::var_os("FIREHOSE_INTEROP").is_none_or(|value| value != "required"), "{why}");
    // Not by `eprintln`, which a passing test does not show.
    let _ = writeln!(io::stderr(), "skipped a test with other people's programs: {why}");
}

/// What a test cannot do without.
///
/// # Panics
/// With the error.
#[track_caller]
pub fn must<T, E: Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// A command that sees nothing of the caller's AWS settings and proxies, and leaves no files among the sources.
#[must_use]
pub fn clean(program: &Path, scratch: &Scratch) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", scratch.path());
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1").env("PYTHONPATH", SCRIPTS);
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// Starts a server whose address follows a sign in what it prints.
#[must_use]
pub fn start(command: &mut Command, sign: &str, scratch: &Scratch) -> Server {
    must(Server::start(command, sign, &scratch.path().join("log")))
}

/// Starts moto's server.
#[must_use]
pub fn moto(clients: &Path, scratch: &Scratch) -> Server {
    let mut command = clean(clients, scratch);
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]);
    start(&mut command, "Running on", scratch)
}
