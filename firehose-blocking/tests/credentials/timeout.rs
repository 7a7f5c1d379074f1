//! How long, and how often, those are asked who give out credentials, when they are slow, confused or in repair.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use firehose_blocking::credentials::{Chain, Container, InstanceMetadata};
use firehose_blocking::firehose_proto::http::{Request, Response};
use firehose_blocking::firehose_proto::time::{AmzDate, HttpDate, IsoDate};
use firehose_blocking::{BuildError, ClientBuilder, Clock, Timeouts, Transport, TransportError, TransportErrorKind};
use time::OffsetDateTime;

use crate::server::{Reply, Server};
use crate::world::{SECRET, START, Virtual, builder, story};

const AGENT: &str = "http://169.254.170.2/role";

/// What comes of a request, given its path and how many came before it.
type Script = dyn Fn(&str, usize) -> Result<Response, TransportErrorKind> + Send + Sync;

/// A line on virtual time, on which what is not answered takes as long as it may.
#[derive(Clone)]
struct Line {
    clock: Virtual,
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Line {
    fn new(script: impl Fn(&str, usize) -> Result<Response, TransportErrorKind> + Send + Sync + 'static) -> Self {
        Self { clock: Virtual::new(), script: Arc::new(script), asked: Arc::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The time that passed.
    fn elapsed(&self) -> Duration {
        (self.clock.now() - START).unsigned_abs()
    }

    fn builder(&self, variables: &[(&str, &str)]) -> ClientBuilder {
        builder(variables).clock(self.clock.clone()).transport(self.clone())
    }

    fn metadata(&self) -> ClientBuilder {
        self.builder(&[]).credentials_provider(InstanceMetadata)
    }

    fn agent(&self) -> ClientBuilder {
        self.builder(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", AGENT)]).credentials_provider(Container)
    }
}

impl Transport for Line {
    fn send(&self, request: &Request<'_>, timeouts: &Timeouts) -> Result<Response, TransportError> {
        let path = request.path().to_owned();
        let count = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(path.clone());
            asked.len() - 1
        };
        (self.script)(&path, count).map_err(|kind| {
            match kind {
                TransportErrorKind::Connect => self.clock.advance(timeouts.connect),
                TransportErrorKind::Timeout => self.clock.advance(timeouts.read),
                _ => {}
            }
            TransportError::new(kind)
        })
    }
}

const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const ROLE: &str = "/latest/meta-data/iam/security-credentials/ship";

fn ok(body: impl Into<String>) -> Response {
    Response::new(200, body.into().into_bytes())
}

fn document(expiration: &str) -> Response {
    ok(format!(
        r#"{{"Code":"Success","AccessKeyId":"AKIDROLE","SecretAccessKey":"{SECRET}","Token":"T","Expiration":"{expiration}"}}"#
    ))
}

/// What the metadata answer, or the agent, whose path is another.
fn good(path: &str) -> Response {
    match path {
        TOKEN => ok("TOKEN"),
        ROLES => ok("ship"),
        _ => document("2026-11-22T18:00:00Z"),
    }
}

fn failure(result: Result<impl Sized, BuildError>) -> (String, bool) {
    let Err(BuildError::Credentials(error)) = result else { panic!("there are none") };
    (story(&error), error.is_transient())
}

#[test]
fn gives_up_those_who_do_not_answer_after_three_times_their_timeout() {
    let line = Line::new(|_, _| Err(TransportErrorKind::Timeout));
    let (text, is_transient) = failure(line.agent().find_credentials());
    assert!(is_transient && text.contains("container") && text.contains("timed out"), "{text}");
    assert_eq!(line.asked().len(), 3);
    // Beside the waits, of which the longer is 100 ms.
    assert!(line.elapsed() < Duration::from_millis(15_200), "{:?}", line.elapsed());

    // Somebody behind one router too many: the connection stands, but the answer to this request does not arrive.
    let line = Line::new(|_, _| Err(TransportErrorKind::Timeout));
    let (text, is_transient) = failure(line.builder(&[]).credentials_provider(Chain::standard()).find_credentials());
    for words in ["instance metadata: http://169.254.169.254 gives no token", "HttpPutResponseHopLimit", "timed out"] {
        assert!(is_transient && text.contains(words), "{text}");
    }
    assert_eq!(line.asked(), [TOKEN; 3]);
    assert!(line.elapsed() < Duration::from_millis(3_200), "{:?}", line.elapsed());

    for slow in [ROLES, ROLE] {
        let line =
            Line::new(move |path, _| if path == slow { Err(TransportErrorKind::Timeout) } else { Ok(good(path)) });
        let (text, is_transient) = failure(line.metadata().find_credentials());
        assert!(is_transient && text.contains("timed out") && !text.contains("HopLimit"), "{text}");
        assert!(line.elapsed() < Duration::from_millis(3_200), "{slow}: {:?}", line.elapsed());
    }
}

#[test]
fn takes_the_patience_with_the_metadata_from_the_settings() {
    for (timeout, attempts, seconds) in [("1", "1", 1), ("5", "2", 10), ("2", "4", 8)] {
        let line = Line::new(|_, _| Err(TransportErrorKind::Timeout));
        let variables = [("AWS_METADATA_SERVICE_TIMEOUT", timeout), ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", attempts)];
        failure(line.builder(&variables).credentials_provider(InstanceMetadata).find_credentials());
        assert_eq!(line.asked().len().to_string(), attempts);
        assert_eq!(line.elapsed().as_secs(), seconds);
    }
}

#[test]
fn asks_once_for_metadata_that_cannot_be_reached_but_again_for_an_agent_that_was_promised() {
    let line = Line::new(|_, _| Err(TransportErrorKind::Connect));
    let (text, _) = failure(line.metadata().find_credentials());
    assert!(text.contains("http://169.254.169.254 cannot be reached"), "{text}");
    assert_eq!((line.asked().len(), line.elapsed()), (1, Duration::from_secs(1)));

    let line = Line::new(|_, _| Err(TransportErrorKind::Connect));
    failure(line.agent().find_credentials());
    assert_eq!(line.asked().len(), 3);
}

/// One of those who give out credentials, and what they are asked for.
type Source = (fn(&Line) -> ClientBuilder, &'static [&'static str]);

const SOURCES: [Source; 2] = [(Line::metadata, &[TOKEN, ROLES, ROLE]), (Line::agent, &["/role"])];

#[test]
fn comes_through_two_failures_in_a_row_but_not_through_three() {
    let failures: [fn() -> Result<Response, TransportErrorKind>; 7] = [
        || Ok(Response::new(500, Vec::new())),
        || Ok(Response::new(503, b"<html>".to_vec())),
        || Ok(ok("<html lang=\"en\">")),
        || Ok(ok("")),
        || Ok(ok("{\"Code\":\"Succ")),
        || Err(TransportErrorKind::Timeout),
        || Err(TransportErrorKind::Broken),
    ];
    for (source, questions) in SOURCES {
        for question in questions {
            for (index, failure_of) in failures.into_iter().enumerate() {
                // An instance's role may be absent, and a token may be any word.
                if *question == ROLES && index == 3 || *question == TOKEN && index == 4 {
                    continue;
                }
                for failures in [2, 3] {
                    let first = questions.iter().position(|known| known == question).unwrap();
                    let line = Line::new(move |path, count| {
                        if (first..first + failures).contains(&count) { failure_of() } else { Ok(good(path)) }
                    });
                    let result = source(&line).find_credentials();
                    let case = format!("{question}, {index}, {failures}: {:?}", line.asked());
                    assert_eq!(result.is_ok(), failures == 2, "{case}");
                    let expected = if failures == 2 { questions.len() + 2 } else { first + 3 };
                    assert_eq!(line.asked().len(), expected, "{case}");
                    assert!(result.is_ok() || failure(result).1, "{case}");
                }
            }
        }
    }
}

#[test]
fn takes_no_for_an_answer() {
    for (source, questions) in SOURCES {
        for (number, question) in questions.iter().enumerate() {
            for status in [400, 403, 405] {
                let line = Line::new(move |path, count| {
                    Ok(if count == number { Response::new(status, b"<html>".to_vec()) } else { good(path) })
                });
                let (text, is_transient) = failure(source(&line).find_credentials());
                assert!(!is_transient && text.contains(&status.to_string()), "{question}: {text}");
                assert_eq!(line.asked().len(), number + 1, "{question} {status}");
            }
        }
    }
}

#[test]
fn asks_for_one_new_token_when_tokens_are_refused_and_no_more() {
    let line = Line::new(|path, _| Ok(if path == ROLES { Response::new(401, Vec::new()) } else { good(path) }));
    let (text, _) = failure(line.metadata().find_credentials());
    assert!(text.contains("401"), "{text}");
    assert_eq!(line.asked(), [TOKEN, ROLES, TOKEN, ROLES]);
}

#[test]
fn asks_for_a_new_token_two_minutes_before_the_old_one_ends() {
    let tokens = |line: &Line| line.asked().iter().filter(|path| *path == TOKEN).count();
    for (ttl, seconds, expected) in [("21600", 21_479, 1), ("21600", 21_480, 2), ("600", 479, 1), ("600", 480, 2)] {
        let line = Line::new(move |path, _| {
            let mut response = if path == ROLE { document("2026-11-22T12:01:00Z") } else { good(path) };
            response.headers.append("x-aws-ec2-metadata-token-ttl-seconds", ttl).unwrap();
            Ok(response)
        });
        let context = line.metadata().build().unwrap();
        context.credentials().unwrap();
        assert_eq!(tokens(&line), 1);
        line.clock.set(Duration::from_secs(seconds));
        context.credentials().unwrap();
        assert_eq!(tokens(&line), expected, "{ttl} {seconds}: {:?}", line.asked());
    }
}

#[test]
fn does_not_wait_for_those_who_never_come_to_an_end() {
    for start in ["HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"] {
        let server = Server::start(move |_, _| Reply::Drip(start));
        let url = server.url();
        let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url), ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1")];
        let began = Instant::now();
        let (text, _) = failure(builder(&variables).credentials_provider(InstanceMetadata).find_credentials());
        assert!(text.contains("timed out"), "{text}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

/// Plays the security token service with a clock of its own: so many minutes ahead of the local one.
#[derive(Clone)]
struct TokenService {
    clock: Virtual,
    ahead: Arc<Mutex<i64>>,
    asked: Arc<Mutex<usize>>,
}

impl Transport for TokenService {
    fn send(&self, request: &Request<'_>, _: &Timeouts) -> Result<Response, TransportError> {
        *self.asked.lock().unwrap() += 1;
        let now: OffsetDateTime = self.clock.now() + time::Duration::minutes(*self.ahead.lock().unwrap());
        let signed_at = AmzDate::parse(request.headers.value("x-amz-date").unwrap()).unwrap();
        let mut response = if (now - signed_at).abs() > time::Duration::minutes(5) {
            let code =
                "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>m</Message></Error></ErrorResponse>";
            Response::new(403, code.into())
        } else {
            let expiration = IsoDate::new(self.clock.now() + Duration::from_secs(60));
            ok(format!(
                "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIDSTS</AccessKeyId><SecretAccessKey>s\
                 </SecretAccessKey><SessionToken>t</SessionToken><Expiration>{}</Expiration></Credentials>\
                 </AssumeRoleResult></AssumeRoleResponse>",
                expiration.as_str()
            ))
        };
        response.headers.append("Date", HttpDate::new(now).as_str()).unwrap();
        Ok(response)
    }
}

#[test]
fn corrects_its_clock_for_the_security_token_service_after_each_jump() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    let role = "[default]\nrole_arn = arn:aws:iam::123456789012:role/ship\ncredential_source = Environment\n";
    std::fs::write(&config, role).unwrap();
    let service = TokenService { clock: Virtual::new(), ahead: Arc::default(), asked: Arc::default() };
    let variables = [
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("AWS_PROFILE", "default"),
        ("AWS_ACCESS_KEY_ID", "AKIDBASE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
    ];
    let provider = firehose_blocking::credentials::Profile::selected();
    let builder = builder(&variables).clock(service.clock.clone()).transport(service.clone());
    let client = builder.credentials_provider(provider).build().unwrap();
    for (minutes, expected) in [(0, 1), (20, 2), (20, 1), (-20, 2), (0, 2), (0, 1)] {
        *service.ahead.lock().unwrap() = minutes;
        let before = *service.asked.lock().unwrap();
        client.credentials().unwrap();
        // What came has expired.
        service.clock.advance(Duration::from_secs(61));
        assert_eq!(*service.asked.lock().unwrap() - before, expected, "at {minutes} minutes");
    }
}
