//! Why records were not accepted, and why a run was stopped, in the command line's own terms.

use firehose_blocking::Client;
use firehose_blocking::firehose_proto::batch::{Failure, Reason, Undelivered};
use firehose_blocking::firehose_proto::limits::MAX_ERROR_TEXT_BYTES;

use crate::advice::Target;
use crate::connect::no_credentials;
use crate::console::Exit;

/// Why a record has come back. A reason is kept for each record: none may be endless.
pub(crate) fn reason_of(record: &Undelivered) -> String {
    let mut reason = record.reason.as_ref().map_or_else(|| record.failure.to_string(), ToString::to_string);
    let end = reason.char_indices().map(|(at, _)| at).find(|&at| at >= MAX_ERROR_TEXT_BYTES);
    reason.truncate(end.unwrap_or(reason.len()));
    match record.failure {
        _ if record.attempts == 0 => format!("not sent: {reason}"),
        Failure::Unknown => format!("{reason}; an earlier attempt may have stored it"),
        _ => reason,
    }
}

/// Why a run was stopped before the end of its input.
#[derive(Debug, Clone)]
pub(crate) struct Stopped {
    pub(crate) exit: Exit,
    /// What happened, and what to do, a line each.
    pub(crate) messages: Vec<String>,
    /// The same in short, for the records that it concerns.
    pub(crate) reason: String,
}

impl Stopped {
    /// A stop for this reason, of a run with this client.
    pub(crate) fn new(reason: &Reason, client: &Client, stream: &str) -> Self {
        let endpoint = client.endpoint();
        let target = Target {
            action: "firehose:PutRecordBatch",
            stream: Some(stream),
            region: endpoint.region().as_str(),
            url: endpoint.url(),
        };
        let (exit, messages) = match &reason.code {
            // Of several calls, the message tells the code itself.
            Some(code) if reason.message.contains(&**code) => (Exit::Refused, target.refused(code, &reason.message)),
            Some(code) => (Exit::Refused, target.refused(code, &reason.to_string())),
            None => match client.credentials() {
                Err(error) => (Exit::Configuration, no_credentials(&error).lines().map(str::to_owned).collect()),
                Ok(_) => (Exit::Incomplete, target.unreachable(&reason.to_string())),
            },
        };
        Self { exit, messages, reason: reason.to_string() }
    }
}
