//! Other people's programs on the other end: boto3 and the AWS CLI against our endpoint, our client against emulators.
//!
//! The checks are in the Python scripts of `interop/`; here the two ends are brought up and down. Without Python, or
//! without the packages, the tests pass without testing and say so; with `FIREHOSE_INTEROP=required` they fail.

use std::{
    env,
    fmt::Display,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use firehose_tests::processes::{self, Scratch, Server, run};

const TMP: &str = env!("CARGO_TARGET_TMPDIR");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop");

// Results, so that each test that needs one tells what went wrong.
static CLIENTS: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python("requirements.txt"));
static MINISTACK: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| python("requirements-ministack.txt"));
static FIREHOSE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| processes::firehose(Path::new(TMP)));

fn python(requirements: &str) -> Result<PathBuf, String> {
    processes::python(Path::new(TMP), &Path::new(SCRIPTS).join(requirements))
}

/// The environment's interpreter, or nothing if the caller is to be skipped.
fn available(environment: &'static Result<PathBuf, String>) -> Option<&'static Path> {
    match environment {
        Ok(interpreter) => Some(interpreter),
        Err(error) if env::var_os("FIREHOSE_INTEROP").is_some_and(|value| value == "required") => panic!("{error}"),
        Err(error) => {
            // Not by `eprintln`, which a passing test does not show.
            let _ = writeln!(io::stderr(), "skipped a test with other people's programs: {error}");
            None
        }
    }
}

fn firehose() -> &'static Path {
    must(FIREHOSE.as_deref())
}

#[track_caller]
fn must<T, E: Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// A command that sees nothing of the caller's AWS settings and proxies, and leaves no files among the sources.
fn clean(program: &Path, scratch: &Scratch) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", scratch.path());
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1").env("PYTHONPATH", SCRIPTS);
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn start(command: &mut Command, sign: &str, scratch: &Scratch) -> Server {
    must(Server::start(command, sign, &scratch.path().join("log")))
}

/// Starts `firehose local`; it delivers to `delivered` in the scratch directory.
fn local_endpoint(scratch: &Scratch, options: &[&str]) -> Server {
    let mut command = clean(firehose(), scratch);
    command.args(["local", "--listen", "127.0.0.1:0", "--dir"]).arg(delivered(scratch)).args(options);
    start(&mut command, "listening on", scratch)
}

fn delivered(scratch: &Scratch) -> PathBuf {
    scratch.path().join("delivered")
}

fn put_to_peer(clients: &Path, scratch: &Scratch, server: &Server, peer: &str) {
    let mut checks = clean(clients, scratch);
    checks.args(["-m", "put_to_peer"]).arg(firehose()).args([server.url(), peer]);
    must(run(&mut checks));
}

/// ministack, or a module that changes it; with `AUTH` it checks signatures, times, session tokens and policies.
fn ministack(interpreter: &Path, scratch: &Scratch, module: &str) -> Server {
    let mut command = clean(interpreter, scratch);
    command.env("AUTH", "true").args([
        "-m",
        "hypercorn",
        "--workers",
        "0",
        "--bind",
        "127.0.0.1:0",
        &format!("{module}:app"),
    ]);
    start(&mut command, "Running on", scratch)
}

#[test]
fn boto3_and_the_aws_cli_put_to_the_local_endpoint() {
    let Some(clients) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "boto3"));
    let server = local_endpoint(&scratch, &[]);
    let mut checks = clean(clients, &scratch);
    checks.args(["-m", "local_endpoint", server.url()]).arg(delivered(&scratch));
    must(run(&mut checks));
}

#[test]
fn boto3_finds_no_stream_that_nobody_created() {
    let Some(clients) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "absent"));
    let server = local_endpoint(&scratch, &["--no-auto-create"]);
    let mut checks = clean(clients, &scratch);
    checks.args(["-m", "local_endpoint", server.url()]).arg(delivered(&scratch)).arg("absent");
    must(run(&mut checks));
}

#[test]
fn puts_to_moto() {
    let Some(clients) = available(&CLIENTS) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "moto"));
    let server = {
        let mut command = clean(clients, &scratch);
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]);
        start(&mut command, "Running on", &scratch)
    };
    put_to_peer(clients, &scratch, &server, "moto");
}

#[test]
fn puts_to_ministack() {
    let (Some(clients), Some(interpreter)) = (available(&CLIENTS), available(&MINISTACK)) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "ministack"));
    let server = ministack(interpreter, &scratch, "ministack.app");
    put_to_peer(clients, &scratch, &server, "ministack");
}

#[test]
fn resends_what_ministack_refuses() {
    let (Some(clients), Some(interpreter)) = (available(&CLIENTS), available(&MINISTACK)) else { return };
    let scratch = must(Scratch::new(Path::new(TMP), "flaky"));
    let server = ministack(interpreter, &scratch, "flaky_ministack");
    put_to_peer(clients, &scratch, &server, "flaky");
}
