//! What the drivers share, because it does not concern the transport: arguments and settings, the lines of the file,
//! clocks, files and processes.

use std::collections::hash_map::RandomState;
use std::error::Error;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, UNIX_EPOCH};
use std::{env, process};

use firehose_proto::batch::Batch;
use firehose_proto::call::{ClientState, Config};
use firehose_proto::credentials::{CredentialsRequest, FileError, Finder, Need, ProcessError, Provider, SearchState};
use firehose_proto::settings::{Overrides, Settings};
use firehose_proto::time::{Now, Tick};
use time::OffsetDateTime;

/// The task: ship lines, each with its newline, to a stream.
pub(crate) struct Job {
    pub(crate) stream: String,
    pub(crate) lines: Vec<Vec<u8>>,
    /// What the calls share, with the settings of the environment and the shared files.
    pub(crate) shared: ClientState,
    pub(crate) finder: Finder,
}

impl Job {
    /// Reads the command line, `STREAM FILE`, and finds the settings.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let mut arguments = env::args().skip(1);
        let (Some(stream), Some(file), None) = (arguments.next(), arguments.next(), arguments.next()) else {
            return Err("usage: STREAM FILE".into());
        };
        let content = fs::read(&file).map_err(|error| format!("{file}: {error}"))?;
        let lines = content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let variable = |name: &str| env::var(name).ok();
        let settings = Settings::find(&Overrides::default(), &variable, cfg!(windows), read)?;
        let config: Config = settings.config(&variable)?;
        let searches = SearchState::new(&settings, variable, cfg!(windows), seed());
        let finder = Finder::new(Provider::standard(), searches);
        Ok(Self { stream, lines, shared: ClientState::new(config, seed()), finder })
    }
}

/// The next batch of lines; `None` when there are no more.
pub(crate) fn next_batch(stream: &str, lines: &mut &[Vec<u8>]) -> Result<Option<Batch>, Box<dyn Error>> {
    let mut batch = Batch::new(stream)?;
    while let Some((line, rest)) = lines.split_first()
        && batch.push(line).is_ok()
    {
        *lines = rest;
    }
    match lines {
        [] => Ok((!batch.is_empty()).then_some(batch)),
        [line, ..] if batch.is_empty() => Err(format!("a line of {} bytes is too large", line.len()).into()),
        _ => Ok(Some(batch)),
    }
}

/// Prints how many records were accepted. It is a success if all were.
pub(crate) fn report(accepted: usize, lines: usize) -> ExitCode {
    let _ = writeln!(io::stdout(), "accepted {accepted}");
    if accepted == lines { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The current time, by both clocks.
pub(crate) fn now() -> Now {
    static START: OnceLock<Instant> = OnceLock::new();
    let since_1970 = UNIX_EPOCH.elapsed().unwrap_or_default();
    Now::new(Tick::from_duration(START.get_or_init(Instant::now).elapsed()), OffsetDateTime::UNIX_EPOCH + since_1970)
}

/// How long to try each record.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(40);

/// The deadline of a batch that is first sent now.
pub(crate) fn deadline() -> Tick {
    now().tick + TIMEOUT
}

/// A number that is different in each process.
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Does what a search asks of the machine: files and processes. The rest is the transport's.
pub(crate) fn carry_out(finder: &mut Finder, wanted: &mut CredentialsRequest) {
    match finder.poll(now(), wanted) {
        Need::ReadFile { path, max_bytes } => {
            let content = read(path, max_bytes);
            finder.handle_file(now(), content);
        }
        Need::WriteFile { path, content } => {
            let written = replace(path, content.expose()).map_err(file_error);
            finder.handle_written(now(), written);
        }
        Need::Run { command, .. } => {
            let printed = run(command.expose());
            finder.handle_process(now(), printed);
        }
        // There is nobody to type a code.
        _ => finder.decline(now()),
    }
}

fn read(path: &str, max_bytes: usize) -> Result<Vec<u8>, FileError> {
    let mut content = Vec::new();
    let file = File::open(path).map_err(file_error)?;
    file.take(max_bytes as u64 + 1).read_to_end(&mut content).map_err(file_error)?;
    Ok(content)
}

/// Replaces a file atomically by one that only its owner may read.
fn replace(path: &str, content: &[u8]) -> io::Result<()> {
    let temporary = format!("{path}.{}.tmp", process::id());
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&temporary)?.write_all(content)?;
    fs::rename(temporary, path)
}

fn run(command: &str) -> Result<Vec<u8>, ProcessError> {
    let (shell, flag) = if cfg!(windows) { ("cmd.exe", "/C") } else { ("sh", "-c") };
    let output = Command::new(shell).arg(flag).arg(command).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| ProcessError::Other(error.into()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(ProcessError::Failed { status: output.status.to_string(), code: output.status.code() })
}

fn file_error(error: io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::NotFound => FileError::NotFound,
        _ => FileError::Other(error.into()),
    }
}

/// A request for credentials, other than those that the service refused.
pub(crate) fn credentials_request(
    refused: Option<&Arc<firehose_proto::credentials::Credentials>>,
) -> CredentialsRequest {
    refused.map_or_else(CredentialsRequest::any, |refused| CredentialsRequest::other_than(Arc::clone(refused)))
}
