//! A machine, its user's files and AWS's services on virtual time, to drive a search in.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use firehose_proto::credentials::{
    CredentialsError, FileError, Found, Need, ProcessError, Provider, Search, SearchState,
};
use firehose_proto::error::{TransportError, TransportErrorKind};
use firehose_proto::http::{Request, Response};
use firehose_proto::settings::{Overrides, Settings};
use firehose_proto::time::{HttpDate, IsoDate, Now, Tick};
use time::OffsetDateTime;

/// 2026-11-22T12:00:00Z
pub(crate) const START: OffsetDateTime = match OffsetDateTime::from_unix_timestamp(1_795_348_800) {
    Ok(start) => start,
    Err(_) => panic!("it is a time"),
};

/// The largest number of requests of a search that ends.
pub(crate) const MAX_NEEDS: usize = 200;

/// A fault that happens once, at the next opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Connect,
    Timeout,
    Broken,
    Status(u16),
    /// A success that is truncated.
    HalfDocument,
    /// A token's file is read while it is being written.
    EmptyToken,
    HalfToken,
    /// The process takes too long.
    SlowProcess,
    /// The portal of single sign-on gives no credentials.
    Portal(u16),
    /// The instance has been given another role since its name was asked for.
    OtherRole,
    /// The program is suspended this long while something is in flight.
    Suspended(Duration),
    /// From now on, the service's clock is this many minutes ahead.
    Ahead(i64),
}

pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) faults: VecDeque<Fault>,
    /// What the search has asked for, except waits.
    pub(crate) asked: Vec<String>,
    /// How many minutes the services' clocks are ahead.
    ahead: i64,
    variables: BTreeMap<String, String>,
}

impl World {
    /// A user's home with these files in `/home/me`, and these variables.
    pub(crate) fn new(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut variables: BTreeMap<_, _> = variables.iter().map(owned).collect();
        variables.insert("HOME".into(), "/home/me".into());
        variables.insert("AWS_REGION".into(), "eu-west-1".into());
        let files = files.iter().map(|(name, text)| (format!("/home/me/{name}"), (*text).to_owned())).collect();
        let now = Now::new(Tick::default(), START);
        Self { now, files, faults: VecDeque::new(), asked: Vec::new(), ahead: 0, variables }
    }

    pub(crate) fn shared(&self, profile: Option<&str>) -> SearchState {
        let variables = self.variables.clone();
        let variable = move |name: &str| variables.get(name).cloned();
        let mut code = Overrides::default();
        code.profile = profile.map(str::to_owned);
        let settings = Settings::find(&code, &variable, false, |path, _| self.read(path)).unwrap();
        SearchState::new(&settings, variable, false, 7)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.files.get(path).map(|text| text.clone().into_bytes()).ok_or(FileError::NotFound)
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = Now::new(self.now.tick + time, self.now.utc + time);
    }

    /// Drives a search to its end.
    pub(crate) fn find(&mut self, shared: &mut SearchState, provider: Provider) -> Result<Found, CredentialsError> {
        let mut search = Search::new(provider);
        for _ in 0..MAX_NEEDS {
            match search.poll(self.now, shared) {
                Need::Transmit { request, timeouts } => {
                    let line = line(request);
                    let outcome = self.transmit(request, timeouts.read);
                    self.asked.push(line);
                    search.handle_response(self.now, outcome);
                }
                Need::ReadFile { path, .. } => {
                    self.asked.push(format!("read {path}"));
                    let content = self.read_token(path);
                    search.handle_file(self.now, content);
                }
                Need::WriteFile { path, content } => {
                    self.asked.push(format!("write {path}"));
                    self.files.insert(path.to_owned(), String::from_utf8(content.expose().clone()).unwrap());
                    search.handle_written(self.now, Ok(()));
                }
                Need::Run { command, timeout } => {
                    self.asked.push(format!("run {}", command.expose()));
                    let printed = self.run(timeout);
                    search.handle_process(self.now, printed);
                }
                Need::MfaCode { serial } => {
                    self.asked.push(format!("ask for the code of {serial}"));
                    search.handle_mfa_code(self.now, Ok("123456\n".into()));
                }
                Need::Custom { id } => {
                    self.asked.push(format!("custom {id}"));
                    search.handle_custom(self.now, Err(CredentialsError::absent("nothing here")));
                }
                Need::Wait(until) => {
                    assert!(until > self.now.tick, "a wait that has passed");
                    self.pass(until.since(self.now.tick));
                }
                Need::Done(result) => return result.clone(),
            }
        }
        panic!("it does not end: {:?}", self.asked);
    }

    /// The next fault, if it is one of these.
    fn fault(&mut self, is_possible: impl Fn(Fault) -> bool) -> Option<Fault> {
        let next = *self.faults.front()?;
        if let Fault::Suspended(time) = next {
            self.faults.pop_front();
            self.pass(time);
            return self.fault(is_possible);
        }
        if let Fault::Ahead(minutes) = next {
            self.faults.pop_front();
            self.ahead = minutes;
            return self.fault(is_possible);
        }
        if is_possible(next) { self.faults.pop_front() } else { None }
    }

    fn read_token(&mut self, path: &str) -> Result<Vec<u8>, FileError> {
        if !path.ends_with("token") {
            return self.read(path);
        }
        match self.fault(|fault| matches!(fault, Fault::EmptyToken | Fault::HalfToken)) {
            Some(Fault::EmptyToken) => Ok(b"\n".to_vec()),
            Some(_) => Ok(b"eyJhbGciOiJub25lIn0.eyJzdWIi".to_vec()),
            None => self.read(path),
        }
    }

    fn run(&mut self, timeout: Duration) -> Result<Vec<u8>, ProcessError> {
        if self.fault(|fault| fault == Fault::SlowProcess).is_some() {
            self.pass(timeout);
            return Err(ProcessError::Timeout);
        }
        Ok(br#"{"Version": 1, "AccessKeyId": "AKIDPROCESS", "SecretAccessKey": "s"}"#.to_vec())
    }

    fn transmit(&mut self, request: &Request<'_>, timeout: Duration) -> Result<Response, TransportError> {
        let is_of_transport = |fault| match fault {
            Fault::EmptyToken | Fault::HalfToken | Fault::SlowProcess => false,
            Fault::Portal(_) => request.uri.contains("/federation/credentials"),
            Fault::OtherRole => request.uri.contains("/security-credentials/ship"),
            _ => true,
        };
        let fault = self.fault(is_of_transport);
        self.pass(Duration::from_millis(20));
        let service_now = self.now.utc + time::Duration::minutes(self.ahead);
        let mut response = match fault {
            None => answer(request, service_now, self.now.utc),
            Some(Fault::Status(status) | Fault::Portal(status)) => Response::new(status, b"<html>".to_vec()),
            Some(Fault::OtherRole) => Response::new(404, Vec::new()),
            Some(Fault::HalfDocument) => {
                let mut response = answer(request, service_now, self.now.utc);
                // A token or the name of a role stays valid when it is truncated.
                let is_word = request.uri.contains("/latest/api/") || request.uri.ends_with("security-credentials/");
                if response.status == 200 && !is_word {
                    response.body.truncate(response.body.len() / 2);
                }
                response
            }
            Some(fault) => {
                let kind = match fault {
                    Fault::Connect => TransportErrorKind::Connect,
                    Fault::Broken => TransportErrorKind::Broken,
                    _ => TransportErrorKind::Timeout,
                };
                if kind == TransportErrorKind::Timeout {
                    self.pass(timeout);
                }
                return Err(TransportError::new(kind));
            }
        };
        response.headers.append("Date", HttpDate::new(service_now).as_str()).unwrap();
        Ok(response)
    }
}

/// A request on one line: its target, and what distinguishes it.
fn line(request: &Request<'_>) -> String {
    let body = String::from_utf8_lossy(request.body());
    let form: Vec<_> = ["Action=", "RoleArn=", "TokenCode=", "WebIdentityToken="]
        .into_iter()
        .filter_map(|name| body.split('&').find(|pair| pair.starts_with(name)))
        .collect();
    let line = format!("{} {} {}", request.method.as_str(), request.uri, form.join(" "));
    line.trim_end().to_owned()
}

fn ok(body: String) -> Response {
    Response::new(200, body.into_bytes())
}

/// The services' response when their clock shows `now`. Credentials last an hour by the local clock.
fn answer(request: &Request<'_>, now: OffsetDateTime, local: OffsetDateTime) -> Response {
    let expiry = local + Duration::from_secs(3600);
    let expires = IsoDate::new(expiry);
    let expires = expires.as_str();
    let coded = |id: &str| {
        ok(format!(
            r#"{{"Code":"Success","AccessKeyId":"{id}","SecretAccessKey":"s","Token":"t","Expiration":"{expires}"}}"#
        ))
    };
    let host = request.authority().unwrap_or_default();
    match (host, request.path()) {
        ("169.254.169.254", "/latest/api/token") => ok("TOKEN".into()),
        ("169.254.169.254", "/latest/meta-data/iam/security-credentials/") => ok("ship".into()),
        ("169.254.169.254", "/latest/meta-data/placement/region") => ok("eu-west-1".into()),
        ("169.254.169.254", _) => coded("AKIDINSTANCE"),
        ("169.254.170.2", _) => coded("AKIDTASK"),
        ("oidc.us-east-1.amazonaws.com", _) => ok(r#"{"accessToken":"new","expiresIn":3600}"#.into()),
        ("portal.sso.us-east-1.amazonaws.com", _) => ok(format!(
            r#"{{"roleCredentials":{{"accessKeyId":"AKIDSSO","secretAccessKey":"s","sessionToken":"t","expiration":{}}}}}"#,
            expiry.unix_timestamp() * 1000
        )),
        _ => {
            let signed_at = request.headers.value("x-amz-date").and_then(firehose_proto::time::AmzDate::parse);
            if signed_at.is_some_and(|at| (now - at).abs() > time::Duration::minutes(5)) {
                let code = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>";
                return Response::new(403, code.into());
            }
            ok(format!(
                "<R><Q><Credentials><AccessKeyId>AKIDROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                 <SessionToken>t</SessionToken><Expiration>{expires}</Expiration></Credentials></Q></R>"
            ))
        }
    }
}
