//! How the services that give out credentials are asked: the client's settings hold for them, too.

use std::fs;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use firehose_blocking::firehose_proto::http::{Request, Response};
use firehose_blocking::{ClientBuilder, Timeouts, Transport, TransportError};
use tempfile::{TempDir, tempdir};

use crate::server::{Reply, Server};
use crate::world::{Scripted, builder, story};

const ROLE: &str = "[default]\nrole_arn = one\nsource_profile = base\n\
                    [profile base]\naws_access_key_id = AKID\naws_secret_access_key = s\n";

/// A builder for a role, with more lines in its profile.
fn role(more: &str, variables: &[(&str, &str)]) -> (TempDir, ClientBuilder) {
    let dir = tempdir().unwrap();
    let path = dir.path().join("config");
    fs::write(&path, ROLE.replace("[profile base]", &format!("{more}[profile base]"))).unwrap();
    let builder = builder(&[&[("AWS_CONFIG_FILE", path.to_str().unwrap())], variables].concat());
    (dir, builder)
}

#[test]
fn as_often_as_is_configured() {
    for (more, variables, code, attempts) in [
        ("", &[][..], None, 3),
        ("max_attempts = 5\n", &[], None, 5),
        ("max_attempts = 5\n", &[("AWS_MAX_ATTEMPTS", "1")], None, 1),
        // What code says is about calls: a program that makes them again itself has each made once.
        ("max_attempts = 5\n", &[], NonZeroU32::new(2), 5),
    ] {
        let transport = Scripted::new(|_| Response::new(500, Vec::new()));
        let (_dir, mut builder) = role(more, variables);
        if let Some(code) = code {
            builder = builder.max_attempts(code);
        }
        builder.transport(transport.clone()).find_credentials().unwrap_err();
        assert_eq!(transport.asked().len(), attempts, "{more} {variables:?} {code:?}");
    }
}

/// Fails, and remembers how long it might have taken.
#[derive(Clone, Default)]
struct Hasty(Arc<Mutex<Vec<Timeouts>>>);

impl Transport for Hasty {
    fn send(&self, _: &Request<'_>, timeouts: &Timeouts) -> Result<Response, TransportError> {
        self.0.lock().unwrap().push(*timeouts);
        Ok(Response::new(403, Vec::new()))
    }
}

#[test]
fn for_as_long_as_the_client_waits() {
    for (variables, read, connect_ms, read_ms) in
        [(&[][..], None, 3_100, 30_000), (&[("AWS_DEFAULTS_MODE", "in-region")], Some(7), 1_100, 7_000)]
    {
        let transport = Hasty::default();
        let (_dir, mut builder) = role("", variables);
        if let Some(seconds) = read {
            builder = builder.read_timeout(Duration::from_secs(seconds));
        }
        builder.transport(transport.clone()).find_credentials().unwrap_err();
        let timeouts = transport.0.lock().unwrap()[0];
        let milliseconds = (timeouts.connect.as_millis(), timeouts.read.as_millis());
        assert_eq!(milliseconds, (connect_ms, read_ms), "{variables:?}");
    }
}

#[test]
fn an_attempt_ends_when_its_time_is_up() {
    let server = Server::start(|_, _| Reply::Silence);
    let (_dir, builder) = role("", &[("AWS_ENDPOINT_URL_STS", &server.url()), ("AWS_MAX_ATTEMPTS", "1")]);
    let began = Instant::now();
    let error = builder.attempt_timeout(Duration::from_millis(50)).find_credentials().unwrap_err();
    assert!(story(&error).contains("timed out"), "{}", story(&error));
    assert!(began.elapsed() < Duration::from_secs(20), "the read time-out is 30 s");
}

#[test]
fn by_the_clock_that_the_client_goes_by() {
    for (more, attempts) in [("", 2), ("disable_clock_skew_correction = true\n", 1)] {
        let transport = Scripted::new(|_| {
            let error = "<ErrorResponse><Error><Code>RequestExpired</Code></Error></ErrorResponse>";
            let mut response = Response::new(400, error.into());
            response.headers.append("Date", "Sun, 22 Nov 2026 12:20:00 GMT").unwrap();
            response
        });
        let (_dir, builder) = role(more, &[("AWS_MAX_ATTEMPTS", "2")]);
        builder.transport(transport.clone()).find_credentials().unwrap_err();
        assert_eq!(transport.asked().len(), attempts, "{more}");
        let is_shifted = transport.asked().iter().any(|text| text.contains("x-amz-date: 20261122T122000Z"));
        assert_eq!(is_shifted, more.is_empty());
    }
}

#[test]
fn where_the_settings_say() {
    let services = "services = local\n[services local]\nsts =\n  endpoint_url = http://127.0.0.1:3\n";
    for (more, variables, url) in [
        ("", vec![], "https://sts.eu-west-1.amazonaws.com/"),
        ("use_fips_endpoint = true\n", vec![], "https://sts-fips.eu-west-1.amazonaws.com/"),
        ("", vec![("AWS_USE_DUALSTACK_ENDPOINT", "true")], "https://sts.eu-west-1.api.aws/"),
        ("sts_regional_endpoints = legacy\n", vec![], "https://sts.eu-west-1.amazonaws.com/"),
        ("", vec![("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:2")], "http://127.0.0.1:2/"),
        (services, vec![], "http://127.0.0.1:3/"),
        (services, vec![("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")], "https://sts.eu-west-1.amazonaws.com/"),
    ] {
        let transport = Scripted::new(|_| Response::new(403, Vec::new()));
        let (_dir, builder) = role(more, &variables);
        let error = builder.transport(transport.clone()).find_credentials().unwrap_err();
        let asked = transport.asked();
        assert!(
            asked[0].starts_with(&format!("POST {url}\n")),
            "{more} {variables:?}: {}, {}",
            asked[0],
            story(&error)
        );
    }
}
