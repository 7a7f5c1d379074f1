//! The program `firehose` on bad channels: what it says, and how it ends.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use firehose_blocking::{Credentials, LocalEndpoint};
use tempfile::tempdir;

use crate::proxy::{Conduct, Proxy};
use crate::server::{Authority, Server};
use crate::{SECRET, bundle};

/// Puts a line with this variable set; the exit status and what was printed as messages.
fn put(url: &str, variable: &str, value: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firehose"));
    command.args(["put", "logs", "--endpoint-url", url]).env_clear();
    command.env("AWS_REGION", "eu-west-1").env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", SECRET);
    // Without it Windows has no sockets.
    command.envs(env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
    command.env("HOME", "/nonexistent").env(variable, value);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that cannot connect need not read.
    let _ = child.stdin.take().unwrap().write_all(b"a line\n");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains(SECRET), "{stderr}");
    (output.status.code(), stderr)
}

#[test]
fn ends_well_with_a_server_that_is_trusted_and_says_why_it_does_not_with_others() {
    let (authority, stranger) = (Authority::new("us"), Authority::new("them"));
    let (_dir, path) = bundle(authority.pem());
    let good = Server::start(authority.sign_for("127.0.0.1"));
    let (code, stderr) = put(&good.url("127.0.0.1"), "AWS_CA_BUNDLE", &path);
    assert_eq!((code, good.requests().len()), (Some(0), 1), "{stderr}");

    for (server, words) in [
        (Server::start(stranger.sign_for("127.0.0.1")), &["not trusted", "AWS_CA_BUNDLE"] as &[&str]),
        (Server::start(authority.sign_for("other.example")), &["not for 127.0.0.1", "other.example"]),
        (Server::start(authority.sign("127.0.0.1", -3..-1)), &["has expired at"]),
        (Server::plain(), &["does not speak TLS", "begin its URL with http://"]),
    ] {
        let (code, stderr) = put(&server.url("127.0.0.1"), "AWS_CA_BUNDLE", &path);
        assert_eq!((code, server.connections(), server.requests().len()), (Some(1), 1, 0), "{stderr}");
        assert!(words.iter().all(|word| stderr.contains(word)), "{stderr}");
    }
    let (code, stderr) = put(&good.url("127.0.0.1"), "AWS_CA_BUNDLE", "/nonexistent");
    assert_eq!((code, good.connections()), (Some(3), 1), "{stderr}");
    assert!(stderr.contains("/nonexistent") && stderr.contains("AWS_CA_BUNDLE"), "{stderr}");
}

#[test]
fn says_which_proxy_does_not_let_it_through() {
    let proxy = Proxy::start(Conduct::Answer("407 Proxy Authentication Required"));
    let login = format!("user:{SECRET}@");
    let (code, stderr) = put("https://firehose.invalid", "HTTPS_PROXY", &proxy.url(&login));
    assert_eq!((code, proxy.connections()), (Some(1), 1), "{stderr}");
    for words in [&*proxy.url("…@"), "`HTTPS_PROXY`", "does not accept the user and password"] {
        assert!(stderr.contains(words), "{stderr}");
    }
}

#[test]
fn says_that_a_proxy_speaks_another_language_and_only_where_it_is_asked() {
    let server = Server::plain();
    let (code, stderr) = put(&format!("http://{}", server.address()), "ALL_PROXY", "socks5://127.0.0.1:1");
    assert_eq!((code, server.requests().len()), (Some(0), 1), "{stderr}");
    let (code, stderr) = put("https://firehose.invalid", "ALL_PROXY", "socks5h://127.0.0.1:1");
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains("`ALL_PROXY` is a SOCKS proxy's") && stderr.contains("NO_PROXY"), "{stderr}");
}

#[test]
fn says_how_far_its_clock_is_off_when_it_must_not_correct_it() {
    let dir = tempdir().unwrap();
    let builder = LocalEndpoint::builder(dir.path()).credentials(Credentials::new("AKIDEXAMPLE", SECRET));
    let endpoint = builder.faults("skew_s=1200".parse().unwrap()).start().unwrap();
    let (code, stderr) = put(endpoint.url(), "AWS_DISABLE_CLOCK_SKEW_CORRECTION", "true");
    assert_eq!(code, Some(4), "{stderr}");
    for words in [
        "Signature expired",
        "is now earlier than",
        "the local clock is 1",
        " s behind the service's, and disable_clock_skew_correction",
    ] {
        assert!(stderr.contains(words), "{stderr}");
    }
    let (code, stderr) = put(endpoint.url(), "AWS_DISABLE_CLOCK_SKEW_CORRECTION", "false");
    assert_eq!(code, Some(0), "{stderr}");
}
