//! `firehose call`: any operation of the API, its input and output as JSON.
//!
//! ```text
//! --input ─▶ check the document: every breach ─▶ read ─▶ sign, send (or print: --dry-run) ─▶ print the output
//! ```
//!
//! With `--skeleton` nothing is called: it prints an input to begin with.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use firehose_blocking::firehose_proto::error::{InputError, ResponseError, Violation, Violations};
use firehose_blocking::firehose_proto::http::{Request, Response};
use firehose_blocking::firehose_proto::op::Operation;
use firehose_blocking::firehose_proto::settings::{Setting, SettingSource};
use firehose_blocking::firehose_proto::{Endpoint, call};
use firehose_blocking::{Client, ClientBuilder, Error, Timeouts, Transport, TransportError, TransportErrorKind};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::advice::Target;
use crate::args::{CallArgs, Output};
use crate::connect::{configure, connect, failure, no_credentials};
use crate::console::{self, Exit, Failure};
use crate::operations::{self, Visitor};
use crate::skeleton::{self, Extent};

/// Why there is no output.
enum CallFailure {
    Failed(Failure),
    /// The input cannot be read or breaks rules: all of them are reported.
    Invalid(Violations),
    /// The call failed; what to do about it, a line each.
    Call(Error, Vec<String>),
}

impl From<Failure> for CallFailure {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub(crate) fn run(args: &CallArgs) -> ExitCode {
    if args.output == Output::Json {
        // Standard error has one object on one line, and nothing else.
        log::set_max_level(log::LevelFilter::Off);
    }
    let called = operations::visit(&args.operation, Run(args)).unwrap_or_else(|nearest| {
        let message = format!("{:?} is not an operation of Firehose; the nearest one is {nearest}", args.operation);
        Err(Failure::new(Exit::Usage, message).into())
    });
    called.unwrap_or_else(|failure| {
        let (failure, object) = explain(failure);
        match args.output {
            Output::Json => console::eprint_json(&object.to_string()),
            Output::Text => failure.eprint(),
        }
        failure.exit.into()
    })
}

/// Runs the command for the operation that was named.
struct Run<'a>(&'a CallArgs);

impl Visitor for Run<'_> {
    type Output = Result<ExitCode, CallFailure>;

    fn visit<O: Operation>(self) -> Self::Output {
        run_one::<O>(self.0)
    }
}

fn run_one<O: Operation>(args: &CallArgs) -> Result<ExitCode, CallFailure> {
    if args.skeleton {
        let extent = if args.all { Extent::Whole } else { Extent::Minimal };
        let skeleton = skeleton::write(O::INPUT, extent);
        return print(format!("{skeleton}\n").as_bytes()).map(|()| ExitCode::SUCCESS);
    }
    let document = read(args.input.as_deref().unwrap_or("{}"))?;
    check::<O>(&document, args.no_validate)?;
    let input = O::read_input(&document).map_err(unreadable)?;

    let sent = Sent::default();
    let mut builder = configure(Client::builder().parameter_validation(!args.no_validate), &args.service);
    if args.dry_run {
        builder = keep_request(builder, &sent)?;
    }
    let client = connect(builder)?;
    let outcome = client.exchange::<O>(&input);
    if let Some(request) = sent.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return print(&request).map(|()| ExitCode::SUCCESS);
    }
    let response = outcome.map_err(|error| {
        let details = advise::<O>(&error, &document, client.endpoint());
        CallFailure::Call(error, details)
    })?;
    let output = call::decode::<O>(&input, &response).map_err(|error| match error {
        ResponseError::Malformed(error) => CallFailure::Call(Error::Malformed(error), Vec::new()),
        refused => Failure::new(Exit::Refused, console::chain(&refused)).into(),
    })?;
    print_output::<O>(&output, args.output)
}

/// Has a client keep its request instead of sending it. Credentials and region are looked up as for a call.
fn keep_request(mut builder: ClientBuilder, sent: &Sent) -> Result<ClientBuilder, Failure> {
    let settings = builder.settings().map_err(|error| failure(&error))?;
    let found = builder.find_credentials().map_err(|error| failure(&error))?;
    if let Some(Setting { value: region, source: SettingSource::InstanceMetadata }) = settings.region {
        builder = builder.region(region.as_str());
    }
    Ok(builder.credentials(found.credentials).transport(DryRun(Arc::clone(sent))))
}

/// Prints an output. It is an error if records of a batch were not accepted.
fn print_output<O: Operation>(output: &O::Output<'_>, format: Output) -> Result<ExitCode, CallFailure> {
    let mut text = Vec::new();
    O::write_output(output, &mut text);
    let value: Value = serde_json::from_slice(&text).unwrap_or_default();
    let text = match format {
        Output::Json => value.to_string(),
        Output::Text => format!("{value:#}"),
    };
    print(format!("{text}\n").as_bytes())?;
    let failed = value.get("FailedPutCount").and_then(Value::as_u64).unwrap_or_default();
    if failed > 0 {
        let message = format!("the service did not accept {failed} of the records; send those again");
        return Err(Failure::new(Exit::Incomplete, message).into());
    }
    Ok(ExitCode::SUCCESS)
}

/// The input's text: as it is, of a file, or of standard input.
fn read(input: &str) -> Result<Vec<u8>, Failure> {
    let (name, text) = match input.strip_prefix('@') {
        Some(path) => (path, fs::read(path)),
        None if input == "-" => {
            let mut text = Vec::new();
            ("standard input", io::stdin().lock().read_to_end(&mut text).map(|_| text))
        }
        None => {
            let is_json = serde_json::from_str::<IgnoredAny>(input).is_ok();
            // If this was meant as JSON, the check has a better message.
            if is_json || input.trim_start().starts_with(['{', '[']) || input.trim().is_empty() {
                return Ok(input.into());
            }
            // Do not show anything else: it may be a secret or a record.
            let is_name = input.ends_with(".json") || Path::new(input).is_file();
            let name = if is_name { input } else { "FILE" };
            let failure = Failure::new(Exit::Usage, "the input is not JSON");
            return Err(failure.with([format!("to read it from a file: --input @{name}")]));
        }
    };
    text.map_err(|error| Failure::new(Exit::Usage, format!("cannot read the input from {name}: {error}")))
}

/// Reports every breach; without validation only what cannot be read without loss.
fn check<O: Operation>(document: &[u8], is_lenient: bool) -> Result<(), CallFailure> {
    match O::check_document(document) {
        Err(InputError::Invalid(violations)) if is_lenient => {
            let of_shape = violations.iter().filter(|violation| violation.rule.is_of_shape()).cloned().collect();
            Violations::check(of_shape).map_err(CallFailure::Invalid)
        }
        result => result.map_err(unreadable),
    }
}

fn unreadable(error: InputError) -> CallFailure {
    match error {
        InputError::Invalid(violations) => CallFailure::Invalid(violations),
        error => Failure::new(Exit::Usage, format!("the input cannot be read: {error}")).into(),
    }
}

/// What to do about a call that failed.
fn advise<O: Operation>(error: &Error, document: &[u8], endpoint: &Endpoint) -> Vec<String> {
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    let target = Target {
        action: &format!("firehose:{}", O::NAME),
        stream: document.get("DeliveryStreamName").and_then(Value::as_str),
        region: endpoint.region().as_str(),
        url: endpoint.url(),
    };
    let hint = match error {
        Error::Refused { error, .. } => {
            let code = error.code.as_ref().map_or_else(|| error.status.to_string(), ToString::to_string);
            target.hint(&code, &error.message)
        }
        Error::Transport { .. } => Some(target.reachability_hint()),
        _ => return Vec::new(),
    };
    [hint, target.check_hint()].into_iter().flatten().collect()
}

fn print(bytes: &[u8]) -> Result<(), CallFailure> {
    console::write(bytes)
        .map_err(|error| Failure::new(Exit::Incomplete, format!("cannot write to standard output: {error}")).into())
}

/// How the program ends, with the messages for people and the object for other programs.
fn explain(failure: CallFailure) -> (Failure, Value) {
    match failure {
        CallFailure::Failed(failure) => {
            let object = unanswered(&failure.lines().collect::<Vec<_>>().join("\n"), false);
            (failure, object)
        }
        CallFailure::Invalid(violations) | CallFailure::Call(Error::Invalid(violations), _) => {
            let message = "the input is not valid; nothing was sent";
            let of = |violation: &Violation| json!({"path": violation.path, "message": violation.to_string()});
            let objects: Vec<Value> = violations.iter().map(of).collect();
            let failure = Failure::new(Exit::Usage, message).with(violations.iter().map(ToString::to_string));
            (failure, json!({"message": message, "violations": objects}))
        }
        CallFailure::Call(Error::Credentials(error), _) => {
            let failure = no_credentials(&error);
            let object = unanswered(&failure.lines().collect::<Vec<_>>().join("\n"), error.is_transient());
            (failure, object)
        }
        CallFailure::Call(error, details) => {
            let message = console::chain(&error);
            let object = match &error {
                Error::Refused { error, is_transient, .. } => json!({
                    "code": error.code.as_ref().map(ToString::to_string),
                    "message": error.message,
                    "status": error.status,
                    "request_id": error.request_id,
                    "retryable": is_transient,
                }),
                error => unanswered(&message, error.is_transient()),
            };
            let exit = match error {
                Error::Refused { .. } => Exit::Refused,
                Error::Sign(_) => Exit::Configuration,
                _ => Exit::Incomplete,
            };
            (Failure::new(exit, message).with(details), object)
        }
    }
}

/// An error other than a refusal of the service.
fn unanswered(message: &str, is_retryable: bool) -> Value {
    json!({"code": null, "message": message, "status": null, "request_id": null, "retryable": is_retryable})
}

/// What a dry run would have sent.
type Sent = Arc<Mutex<Option<Vec<u8>>>>;

/// Keeps the request that it is to send.
struct DryRun(Sent);

impl Transport for DryRun {
    fn send(&self, request: &Request<'_>, _: &Timeouts) -> Result<Response, TransportError> {
        let path = if request.path().is_empty() { "/" } else { request.path() };
        let mut text = format!("{} {path} HTTP/1.1\r\n", request.method.as_str());
        let length = request.body().len().to_string();
        for (name, value) in request.headers.iter().chain([("content-length", &*length)]) {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("\r\n");
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sent = Some([text.as_bytes(), request.body()].concat());
        Err(TransportError::new(TransportErrorKind::Request))
    }
}
