//! `firehose check`: whether a put would work, and if not, what would stop it.
//!
//! ```text
//! settings ─▶ credentials
//!    │            │
//!    ▼            ▼
//! connection ─▶ clock ─▶ identity (STS), stream (DescribeDeliveryStream), permission (PutRecordBatch without records)
//! ```
//!
//! Each step prints a line: that it is good, or what to do. It checks everything that it can, so that one run reports all
//! that is wrong. It writes nothing to the stream: to check the permission it puts a batch without records, which writes
//! nothing even if it is accepted.

use std::process::ExitCode;

use firehose_blocking::firehose_proto::error::{ErrorCode, ResponseError, ServiceError};
use firehose_blocking::firehose_proto::http::{Method, Request, Response};
use firehose_blocking::firehose_proto::internal::retry::ClockSkew;
use firehose_blocking::firehose_proto::internal::sts;
use firehose_blocking::firehose_proto::model::{DeliveryStreamDescription, DeliveryStreamStatus, DeliveryStreamType};
use firehose_blocking::firehose_proto::op::{
    DescribeDeliveryStream, DescribeDeliveryStreamInput, Operation, PutRecordBatch,
};
use firehose_blocking::firehose_proto::settings::{Setting, SettingSource};
use firehose_blocking::firehose_proto::sigv4::{Scope, SignError, Signer, SigningKey};
use firehose_blocking::firehose_proto::{Endpoint, call};
use firehose_blocking::{
    Client, Clock, Credentials, Settings, SystemClock, Transport, TransportError, TransportErrorKind, Ureq,
};
use serde_json::json;
use time::SignedDuration;

use crate::advice::{self, Target};
use crate::args::{CheckArgs, Output};
use crate::config::source_text;
use crate::connect::{check, configure, failure, setting};
use crate::console::{self, Exit, Failure};

/// How far a clock may be off: the service accepts signatures that are up to five minutes old, or older.
const MAX_SKEW: SignedDuration = SignedDuration::minutes(4);

/// Looks at everything that a put depends on, and prints what it found.
pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let mut report = Report { stream: &args.stream, lines: Vec::new() };
    run_checks(args, &mut report);
    let text = match args.output {
        Output::Text => report.text(),
        Output::Json => report.json(),
    };
    console::print(&text)
        .map_err(|error| Failure::new(Exit::Incomplete, format!("cannot write the report: {error}")))?;
    Ok(report.exit().map_or(ExitCode::SUCCESS, ExitCode::from))
}

/// What was found of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Good,
    /// A put would end with this status.
    Wrong(Exit),
    /// A put may work or not.
    Unknown,
}

impl Status {
    const fn exit(self) -> Option<Exit> {
        match self {
            Self::Wrong(exit) => Some(exit),
            Self::Good | Self::Unknown => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Wrong(_) => "wrong",
            Self::Unknown => "unknown",
        }
    }
}

/// What is said of one thing: what it is, and if it is not good, what to do.
struct Line {
    name: &'static str,
    status: Status,
    message: String,
    details: Vec<String>,
}

struct Report<'a> {
    stream: &'a str,
    lines: Vec<Line>,
}

impl Report<'_> {
    fn add(&mut self, name: &'static str, status: Status, message: impl Into<String>, details: Vec<String>) {
        self.lines.push(Line { name, status, message: message.into(), details });
    }

    fn good(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Status::Good, message, Vec::new());
    }

    fn failed(&mut self, name: &'static str, mut failure: Failure) {
        // The end of the report says that once.
        failure.details.retain(|line| line != advice::LOCAL_HINT);
        self.add(name, Status::Wrong(failure.exit), failure.message, failure.details);
    }

    fn not_tried(&mut self, names: &[&'static str], why: &str) {
        for name in names {
            self.add(name, Status::Unknown, format!("not tried: {why}"), Vec::new());
        }
    }

    /// How a put would end, if not well.
    fn exit(&self) -> Option<Exit> {
        self.lines.iter().find_map(|line| line.status.exit())
    }

    /// Whether a put would work, as far as that is known.
    fn would_work(&self) -> Option<bool> {
        if self.exit().is_some() {
            return Some(false);
        }
        self.lines.iter().all(|line| line.status == Status::Good).then_some(true)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for Line { name, status, message, details } in &self.lines {
            text.push_str(&format!("{:<9}{name:<13}{}\n", status.as_str(), console::sanitize(message)));
            for detail in details {
                text.push_str(&format!("{:22}{}\n", "", console::sanitize(detail)));
            }
        }
        let stream = self.stream;
        text.push_str(&match self.would_work() {
            Some(true) => format!("a put into {stream} would work"),
            Some(false) => format!("a put into {stream} would not work"),
            None => format!("found nothing that would stop a put into {stream}, but could not check everything"),
        });
        if self.exit().is_some_and(|exit| exit != Exit::Refused) {
            text.push_str(&format!("; {}", advice::LOCAL_HINT));
        }
        text
    }

    fn json(&self) -> String {
        let line = |line: &Line| {
            let Line { name, status, message, details } = line;
            let details: Vec<_> = details.iter().map(|detail| detail.trim_start()).collect();
            json!({"name": name, "result": status.as_str(), "message": message, "details": details})
        };
        let checks: Vec<_> = self.lines.iter().map(line).collect();
        json!({"stream": self.stream, "would_work": self.would_work(), "checks": checks}).to_string()
    }
}

/// Makes all checks, as far as each allows the next.
fn run_checks(args: &CheckArgs, report: &mut Report<'_>) {
    let builder = configure(Client::builder(), &args.service);
    let settings = match builder.settings() {
        Ok(settings) => settings,
        Err(error) => return report.failed("settings", failure(&error)),
    };
    let endpoint = settings.endpoint();
    match &endpoint {
        Ok(endpoint) => report.add("settings", Status::Good, summary(&settings, endpoint), settings.warnings.clone()),
        Err(error) => report.failed("settings", setting(error)),
    }
    let found = builder.find_credentials().map_err(|error| failure(&error));
    let found = found.and_then(|found| check(&found.credentials).map(|()| found));
    let credentials = match found {
        Ok(found) => {
            let credentials = found.credentials;
            report.good("credentials", format!("{} from {}", credentials.access_key_id, found.provider));
            Some(credentials)
        }
        Err(failure) => {
            report.failed("credentials", failure);
            None
        }
    };
    let Ok(endpoint) = endpoint else { return };
    let transport = match Ureq::configured(&settings) {
        Ok(transport) => transport,
        Err(error) => return report.failed("connection", failure(&error)),
    };
    let offset = SignedDuration::ZERO;
    let mut service = Service { settings: &settings, endpoint, transport, offset, software: String::new() };
    if let Err(error) = service.connect(report) {
        return report.not_tried(&["clock", "identity", "stream", "permission"], error);
    }
    let Some(credentials) = credentials else {
        return report.not_tried(&["identity", "stream", "permission"], "there are no credentials");
    };
    service.identify(&credentials, report);
    service.check_stream(&credentials, report);
}

/// What of the settings a put depends on most, and where it was found.
fn summary(settings: &Settings, endpoint: &Endpoint) -> String {
    let Setting { value: profile, source } = &settings.profile;
    let region = settings.region.as_ref().map_or(&SettingSource::Default, |region| &region.source);
    let url = settings.endpoint_url.as_ref().map_or_else(|| "the region's own".into(), |url| source_text(&url.source));
    format!(
        "region {} ({}), endpoint {} ({url}), profile {profile} ({})",
        endpoint.region(),
        source_text(region),
        endpoint.url(),
        source_text(source),
    )
}

/// The service, and how to reach it.
struct Service<'s> {
    settings: &'s Settings,
    endpoint: Endpoint,
    transport: Ureq,
    /// How far its clock is ahead, as far as signatures go by that.
    offset: SignedDuration,
    /// What it calls itself.
    software: String,
}

/// Why there is no answer.
enum SendError {
    Sign(SignError),
    Transport(TransportError),
}

impl Service<'_> {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        self.transport.send(request, &self.settings.timeouts())
    }

    /// Sends an unsigned request: any answer shows that there is a connection, and the service's time.
    fn connect(&mut self, report: &mut Report<'_>) -> Result<(), &'static str> {
        let sent = SystemClock.now();
        let response = match self.send(&self.request(DescribeDeliveryStream::TARGET, b"{}")) {
            Ok(response) => response,
            Err(error) => {
                let hint = match error.kind() {
                    TransportErrorKind::Connect | TransportErrorKind::Timeout => {
                        Some(self.target("", "").reachability_hint())
                    }
                    // Other errors name their cause.
                    _ => None,
                };
                let hint = hint.into_iter().collect();
                report.add("connection", Status::Wrong(Exit::Incomplete), console::chain(&error), hint);
                return Err("there is no connection");
            }
        };
        report.good("connection", format!("{} answers ({})", self.endpoint.authority(), self.connection_details()));
        self.software = response.headers.value("server").unwrap_or_default().to_owned();
        let (date, has_age) = (response.headers.value("date"), response.headers.value("age").is_some());
        let Some(skew) = ClockSkew::new().observe(sent, SystemClock.now(), date, has_age) else {
            report.add("clock", Status::Unknown, "the answer has no date to compare with", Vec::new());
            return Ok(());
        };
        self.report_clock(skew, report);
        if !self.settings.disable_clock_skew_correction.value {
            self.offset = skew;
        }
        Ok(())
    }

    /// How the endpoint is reached: whether by TLS, by whose certificates, and through which proxy.
    fn connection_details(&self) -> String {
        let how = if self.endpoint.is_https() { "TLS, its certificate is trusted" } else { "without TLS" };
        let bundle = self.settings.ca_bundle.as_ref().filter(|_| self.endpoint.is_https());
        let bundle = bundle.map_or_else(String::new, |Setting { value, source }| format!(" by {value} ({source})"));
        let proxy = self.settings.proxies.for_url(self.endpoint.url()).ok().flatten();
        let proxy = proxy.map_or_else(String::new, |Setting { value, source }| format!(", through {value} ({source})"));
        format!("{how}{bundle}{proxy}")
    }

    /// Reports how far the clocks are apart, and whether that matters.
    fn report_clock(&self, skew: SignedDuration, report: &mut Report<'_>) {
        // The header counts whole seconds.
        let (seconds, way) = (skew.whole_seconds().abs(), if skew.is_negative() { "ahead of" } else { "behind" });
        let message = match seconds {
            0..=1 => "agrees with the service's".into(),
            _ => format!("{seconds} s {way} the service's"),
        };
        let forbidden = &self.settings.disable_clock_skew_correction;
        if skew.abs() <= MAX_SKEW {
            report.good("clock", message);
        } else if forbidden.value {
            let forbids = source_text(&forbidden.source);
            let hint = format!("set the clock, or allow signatures to be corrected ({forbids} turns that off)");
            report.add("clock", Status::Wrong(Exit::Refused), message, vec![hint]);
        } else {
            let hint =
                "signatures are corrected by that much; set the clock anyway, because certificates depend on it".into();
            report.add("clock", Status::Good, message, vec![hint]);
        }
    }

    /// A request to the endpoint, unsigned.
    fn request(&self, target: &str, body: &[u8]) -> Request<'static> {
        let mut request = Request::new(Method::Post, self.endpoint.url().to_owned());
        for (name, value) in
            [("host", self.endpoint.host()), ("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)]
        {
            let added = request.headers.append(name, value);
            debug_assert!(added.is_ok(), "an endpoint's host has no control characters");
        }
        request.set_body(body.to_vec());
        request
    }

    /// Makes one attempt at a call, whatever its limits.
    fn call(&self, target: &str, input: &[u8], credentials: &Credentials) -> Result<Response, SendError> {
        let mut request = self.request(target, input);
        let now = SystemClock.now().saturating_add(self.offset);
        let sign = |request: &mut Request<'_>| {
            let scope = Scope::new(now, self.endpoint.region().as_str(), "firehose")?;
            Signer::new(credentials, &SigningKey::derive(credentials, scope)?).sign(now, request)
        };
        sign(&mut request).map_err(SendError::Sign)?;
        self.send(&request).map_err(SendError::Transport)
    }

    /// Asks STS whose credentials they are. A put does not need that, so no answer is not an error.
    fn identify(&self, credentials: &Credentials, report: &mut Report<'_>) {
        let unknown = |report: &mut Report<'_>, message: String| {
            report.add("identity", Status::Unknown, message, Vec::new());
        };
        let region = self.endpoint.region().clone();
        let (fips, dual_stack) = (self.settings.use_fips_endpoint.value, self.settings.use_dualstack_endpoint.value);
        let endpoint = match &self.settings.sts_endpoint_url {
            Some(url) => Endpoint::custom(&url.value, region),
            None if self.is_aws() => Ok(sts::endpoint(region, fips, dual_stack)),
            None => {
                return unknown(
                    report,
                    "not asked: the endpoint is not AWS's own, and AWS_ENDPOINT_URL_STS is not set".into(),
                );
            }
        };
        let endpoint = match endpoint {
            Ok(endpoint) => endpoint,
            Err(error) => return unknown(report, format!("the endpoint of STS cannot be used: {error}")),
        };
        let now = SystemClock.now().saturating_add(self.offset);
        let request = match sts::get_caller_identity(now, &endpoint, credentials) {
            Ok(request) => request,
            Err(error) => return unknown(report, console::chain(&error)),
        };
        let answer = self.send(&request).map_err(|error| console::chain(&error));
        match answer.and_then(|response| sts::read_identity(&response).map_err(|error| console::chain(&error))) {
            Ok(identity) => report.good("identity", format!("{} in account {}", identity.arn, identity.account)),
            Err(why) => unknown(report, format!("{} did not say: {why}", endpoint.authority())),
        }
    }

    /// Whether the endpoint is one of AWS's, and not somebody's stand-in.
    fn is_aws(&self) -> bool {
        let host = self.endpoint.hostname();
        let partition = self.endpoint.region().partition();
        [partition.dns_suffix, partition.dual_stack_dns_suffix]
            .iter()
            .any(|suffix| host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')))
    }

    /// Whether the endpoint is one of `firehose local`, and of this kind.
    fn is_local(&self, kind: &str) -> bool {
        self.software.starts_with("firehose-local/") && self.software.contains(kind)
    }

    /// Asks for the stream, and for the permission to put into it.
    fn check_stream(&self, credentials: &Credentials, report: &mut Report<'_>) {
        let input = DescribeDeliveryStreamInput::new(report.stream).limit(1);
        let mut body = Vec::new();
        DescribeDeliveryStream::write_input(&input, &mut body);
        let described = self.call(DescribeDeliveryStream::TARGET, &body, credentials).map(|response| {
            let output = call::decode::<DescribeDeliveryStream>(&input, &response);
            output.map(|output| output.delivery_stream_description)
        });
        match described {
            Ok(Ok(description)) => report_stream(&description, report),
            Ok(Err(ResponseError::Refused(error))) => {
                if let Err(why) = self.report_refusal(&error, report) {
                    return report.not_tried(&["stream", "permission"], why);
                }
            }
            Ok(Err(error @ ResponseError::Malformed(_))) => {
                let hint = format!("is {} a Firehose endpoint?", self.endpoint.url());
                report.add("stream", Status::Wrong(Exit::Incomplete), console::chain(&error), vec![hint]);
            }
            Ok(Err(error)) => report.add("stream", Status::Unknown, console::chain(&error), Vec::new()),
            Err(error) => error.report("stream", report),
        }
        self.check_permission(credentials, report);
    }

    /// Reports that the stream was not described. An error says why there is no use in asking for more.
    fn report_refusal(&self, error: &ServiceError, report: &mut Report<'_>) -> Result<(), &'static str> {
        if is_about_caller(error) {
            // That is no news about the stream.
            self.add_refusal("credentials", DescribeDeliveryStream::NAME, error, report);
            return Err("the service does not accept the credentials");
        }
        if is_denial(error) {
            let hint =
                format!("to check it, allow firehose:DescribeDeliveryStream, which a put does not need: {error}");
            report.add("stream", Status::Unknown, "these credentials do not allow describing it", vec![hint]);
        } else if is_for_the_moment(error) {
            report.add("stream", Status::Unknown, format!("the service could not say now: {error}"), Vec::new());
        } else if is_somebody_else(error) {
            self.add_refusal("connection", DescribeDeliveryStream::NAME, error, report);
            return Err("the endpoint does not seem to be Firehose");
        } else if error.code == Some(ErrorCode::ResourceNotFoundException) && self.is_local("(auto-create)") {
            report.good("stream", format!("{} does not exist yet; the first put creates it", report.stream));
        } else {
            self.add_refusal("stream", DescribeDeliveryStream::NAME, error, report);
        }
        Ok(())
    }

    /// Puts a batch without records, not even a list of none, which some stand-ins would take.
    ///
    /// Firehose decides whether one may put before it looks at what is put: a stream's ARN in place of its name, which
    /// breaks the same kind of rule, is answered with
    /// [`AccessDeniedException`](https://github.com/aws-solutions-library-samples/guidance-for-game-analytics-pipeline-on-aws/pull/97),
    /// not with `ValidationException`. That is seen, not documented, so the line says what it goes by.
    fn check_permission(&self, credentials: &Credentials, report: &mut Report<'_>) {
        let input = json!({"DeliveryStreamName": report.stream}).to_string();
        let unknown = |report: &mut Report<'_>, message: String| {
            report.add("permission", Status::Unknown, message, Vec::new());
        };
        let response = match self.call(PutRecordBatch::TARGET, input.as_bytes(), credentials) {
            Ok(response) => response,
            Err(error) => return error.report("permission", report),
        };
        if response.is_success() {
            return report.good("permission", "a PutRecordBatch without records is accepted");
        }
        let error = ServiceError::read(&response);
        let words = "a PutRecordBatch without records is refused for having none";
        match &error.code {
            _ if is_denial(&error) || is_about_caller(&error) => {
                self.add_refusal("permission", PutRecordBatch::NAME, &error, report);
            }
            Some(code) if is_about_records(code, &error.message) && self.is_aws() => {
                report
                    .good("permission", format!("{words}; Firehose has been seen to check the permission before that"));
            }
            Some(_) if self.is_local("") => report.good("permission", "`firehose local` requires none"),
            Some(code) if is_about_records(code, &error.message) => {
                unknown(
                    report,
                    format!("{words}; it is not known whether this endpoint checks the permission before that"),
                );
            }
            Some(
                ErrorCode::ResourceNotFoundException
                | ErrorCode::InvalidArgumentException
                | ErrorCode::InvalidKMSResourceException
                | ErrorCode::InvalidSourceException,
            ) => self.add_refusal("permission", PutRecordBatch::NAME, &error, report),
            _ => unknown(report, format!("the answer to a PutRecordBatch without records is inconclusive: {error}")),
        }
    }

    fn target<'t>(&'t self, action: &'t str, stream: &'t str) -> Target<'t> {
        let (region, url) = (self.endpoint.region().as_str(), self.endpoint.url());
        Target { action, stream: Some(stream), region, url }
    }

    /// Reports a refusal, in place of an earlier line of that name.
    fn add_refusal(&self, name: &'static str, operation: &str, error: &ServiceError, report: &mut Report<'_>) {
        let action = format!("firehose:{operation}");
        let target = self.target(&action, report.stream);
        let code = error.code.as_ref().map_or_else(|| error.status.to_string(), ToString::to_string);
        let message = target.meaning(&code, &error.message);
        let details = [Some(format!("the service said: {error}")), target.hint(&code, &error.message)];
        let details = details.into_iter().flatten().collect();
        // A put treats that as no answer.
        let exit = if error.is_foreign() { Exit::Incomplete } else { Exit::Refused };
        let line = Line { name, status: Status::Wrong(exit), message, details };
        match report.lines.iter_mut().find(|line| line.name == name) {
            Some(before) => *before = line,
            None => report.lines.push(line),
        }
    }
}

impl SendError {
    fn report(&self, name: &'static str, report: &mut Report<'_>) {
        let (status, error): (_, &dyn std::error::Error) = match self {
            Self::Sign(error) => (Status::Wrong(Exit::Configuration), error),
            // An answer came before, and may come again.
            Self::Transport(error) => (Status::Unknown, error),
        };
        report.add(name, status, console::chain(error), Vec::new());
    }
}

/// Whether a stream in this state takes puts.
fn report_stream(description: &DeliveryStreamDescription, report: &mut Report<'_>) {
    let DeliveryStreamDescription { delivery_stream_status: status, delivery_stream_type: kind, .. } = description;
    let mut message = format!("{} is {status}", report.stream);
    if let Some(failure) = &description.failure_description {
        message.push_str(&format!(": {}: {}", failure.r#type, failure.details));
    }
    let wrong = |hint: &str| (Status::Wrong(Exit::Refused), vec![hint.to_owned()]);
    let (status, details) = match (status, kind) {
        (DeliveryStreamStatus::Creating, _) => wrong("wait until it is ACTIVE, which takes some minutes"),
        (DeliveryStreamStatus::CreatingFailed, _) => wrong("delete it, fix what failed, and create it again"),
        (DeliveryStreamStatus::Deleting, _) => {
            (Status::Unknown, vec!["until it is gone it may accept records, and deliver them or not".into()])
        }
        (DeliveryStreamStatus::Active | DeliveryStreamStatus::DeletingFailed, DeliveryStreamType::DirectPut) => {
            message.push_str(" and takes puts");
            (Status::Good, Vec::new())
        }
        (DeliveryStreamStatus::Active | DeliveryStreamStatus::DeletingFailed, kind) if is_fed(kind) => {
            message.push_str(&format!(" and its source is {kind}: it takes no puts"));
            wrong("put into its source, or into a stream whose source is DirectPut")
        }
        (status, kind) => (
            Status::Unknown,
            vec![format!("this version does not know whether a stream that is {status}, of type {kind}, takes puts")],
        ),
    };
    report.add("stream", status, message, details);
}

/// Whether the stream takes its records from somewhere else than callers.
const fn is_fed(kind: &DeliveryStreamType) -> bool {
    use DeliveryStreamType::{DatabaseAsSource, KinesisStreamAsSource, MSKAsSource};
    matches!(kind, KinesisStreamAsSource | MSKAsSource | DatabaseAsSource)
}

/// Whether the service does not know the caller, or not by this signature.
fn is_about_caller(error: &ServiceError) -> bool {
    let is_about_signature = |code: &ErrorCode| {
        let stand_ins = ["SignatureDoesNotMatch", "MissingAuthenticationToken"];
        matches!(
            code,
            ErrorCode::InvalidSignatureException
                | ErrorCode::IncompleteSignature
                | ErrorCode::MissingAuthenticationTokenException
        ) || stand_ins.contains(&code.as_str())
    };
    error.is_about_credentials() || error.code.as_ref().is_some_and(is_about_signature)
}

/// Whether the service knows the caller and says no. Stand-ins, and those who guard the way, say it by the status alone.
fn is_denial(error: &ServiceError) -> bool {
    let is_denial = |code: &ErrorCode| ["AccessDenied", "NotAuthorized"].iter().any(|it| code.as_str().starts_with(it));
    error.code.as_ref().map_or(error.status == 403, is_denial)
}

/// Whether a refusal of a batch without records is about that.
fn is_about_records(code: &ErrorCode, words: &str) -> bool {
    let names_them = || words.to_ascii_lowercase().contains("records");
    *code == ErrorCode::ValidationException || *code == ErrorCode::InvalidArgumentException && names_them()
}

/// Whether something else than Firehose answered.
fn is_somebody_else(error: &ServiceError) -> bool {
    error.code.is_none() || error.code == Some(ErrorCode::UnknownOperationException)
}

/// Whether the same call may succeed later.
fn is_for_the_moment(error: &ServiceError) -> bool {
    error.is_throttling() || error.status >= 500
}
