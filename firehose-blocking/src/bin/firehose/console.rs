//! What goes to the terminal: messages on standard error, exit statuses, and errors with their causes.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;

use firehose_blocking::firehose_proto::error::WithCauses;

/// How the program failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Some records were not accepted, or some input was not read.
    Incomplete = 1,
    /// The command line is not valid.
    Usage = 2,
    /// Configuration or credentials are missing or wrong.
    Configuration = 3,
    /// The service refused the call.
    Refused = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the program ends, and with which exit status.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What is wrong, in one line.
    pub(crate) message: String,
    /// What was tried, and what to do, a line each.
    pub(crate) details: Vec<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new() }
    }

    /// Adds details.
    pub(crate) fn with(mut self, details: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.details.extend(details.into_iter().map(Into::into));
        self
    }

    /// The message and the details, a line each.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        [&self.message].into_iter().chain(&self.details).map(String::as_str)
    }

    /// Writes it to standard error.
    pub(crate) fn eprint(&self) {
        self.lines().for_each(eprint);
    }
}

/// Writes a message to standard error.
pub(crate) fn eprint(message: &str) {
    // If this fails, there is nowhere left to report it.
    let _ = writeln!(io::stderr(), "firehose: {}", sanitize(message));
}

/// Replaces characters that would move a terminal's cursor, change its colours or reorder its text. The text may contain
/// names and messages of a server.
pub(crate) fn sanitize(text: &str) -> String {
    let is_bidirectional =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || is_bidirectional(c) { '\u{fffd}' } else { c }).collect()
}

/// Writes a line of JSON to standard error, for programs to read.
pub(crate) fn eprint_json(json: &str) {
    // If this fails, there is nowhere left to report it.
    let _ = writeln!(io::stderr(), "{json}");
}

/// Writes a line to standard output.
pub(crate) fn print(line: &str) -> io::Result<()> {
    write(format!("{line}\n").as_bytes())
}

/// Writes to standard output. A closed pipe is not a failure.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// An error and everything that caused it, on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    WithCauses(error).to_string()
}

/// Asks at the terminal for the code that a device shows; standard input may be the records.
pub(crate) fn ask_for_code(device: &str) -> io::Result<String> {
    let terminal = if cfg!(windows) { ["CONIN$", "CONOUT$"] } else { ["/dev/tty", "/dev/tty"] };
    let none = |error: io::Error| io::Error::new(error.kind(), "there is no terminal to ask at");
    let input = File::open(terminal[0]).map_err(none)?;
    let mut output = OpenOptions::new().write(true).open(terminal[1]).map_err(none)?;
    write!(output, "code of MFA device {device}: ")?;
    let mut code = String::new();
    BufReader::new(input.take(64)).read_line(&mut code)?;
    Ok(code)
}
