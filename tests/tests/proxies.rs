//! Our client through a proxy of other people's, which has to take what we ask and to leave alone what we send.
//!
//! Without Python, or without the package, the tests pass without testing and say so; with `FIREHOSE_INTEROP=required` they
//! fail.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use firehose_blocking::{
    Batch, Client, ClientBuilder, Credentials, Error, LocalEndpoint, PutRecordInput, Record, TransportErrorKind,
};
use firehose_tests::processes::{self, Scratch, Server};

#[path = "../../firehose-blocking/tests/channels/server.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "shared with other tests; fails at the line that is wrong")]
mod tls;

const TMP: &str = env!("CARGO_TARGET_TMPDIR");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop");
const LOGIN: &str = "user:p@ss";

// Once for all tests, which would stand in each other's way.
static PYTHON: LazyLock<Result<PathBuf, String>> =
    LazyLock::new(|| processes::python(Path::new(TMP), &Path::new(SCRIPTS).join("requirements-proxy.txt")));

/// The proxy with a login, asked by TLS if it is given an identity, or nothing if the caller is to be skipped.
fn start(name: &str, identity: Option<&tls::Identity>) -> Option<(Scratch, Server)> {
    let python = match &*PYTHON {
        Ok(python) => python,
        Err(why) => {
            assert!(env::var_os("FIREHOSE_INTEROP").is_none_or(|value| value != "required"), "{why}");
            // Not by `eprintln`, which a passing test does not show.
            let _ = writeln!(io::stderr(), "skipped a test with another's proxy: {why}");
            return None;
        }
    };
    let scratch = must(Scratch::new(Path::new(TMP), name));
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1").current_dir(SCRIPTS);
    command.args(["-m", "real_proxy", LOGIN]);
    if let Some(tls::Identity(certificate, key)) = identity {
        let key = tls::labelled("PRIVATE KEY", key.secret_der());
        for (name, pem) in [("certificate.pem", tls::pem(certificate)), ("key.pem", key)] {
            let path = scratch.path().join(name);
            must(fs::write(&path, pem));
            command.arg(path);
        }
    }
    let server = must(Server::start(&mut command, "listening on", &scratch.path().join("log")));
    Some((scratch, server))
}

#[track_caller]
fn must<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}

/// A client of an endpoint through a proxy, with this login.
fn through(proxy: &Server, login: &str, endpoint: &str) -> ClientBuilder {
    let url = proxy.url().replacen("://", &format!("://{login}"), 1);
    let variable = move |name: &str| ["HTTP_PROXY", "https_proxy"].contains(&name).then(|| url.clone());
    let builder = Client::builder().region("eu-west-1").endpoint_url(endpoint).environment(variable);
    builder.credentials(Credentials::new("test", "test"))
}

fn put(client: &Client) -> Result<String, Error> {
    client.put_record(&PutRecordInput::new("s", Record::new(b"data"))).map(|output| output.record_id.into_owned())
}

/// An authority's certificate in a file, and a server with one of its own for a name that leads nowhere without a proxy.
fn encrypted(authority: &tls::Authority, scratch: &Scratch) -> (PathBuf, tls::Server, String) {
    let path = scratch.path().join("authorities.pem");
    must(fs::write(&path, authority.pem()));
    let server = tls::Server::start(authority.sign_for("firehose.invalid"));
    let url = server.url("firehose.invalid");
    (path, server, url)
}

#[test]
fn a_signed_batch_of_full_size_comes_through_unchanged() {
    let Some((scratch, proxy)) = start("batch", None) else { return };
    let endpoint =
        must(LocalEndpoint::builder(scratch.path().join("delivered")).allowed_host("firehose.invalid").start());
    // The endpoint checks the signature, which covers the host's name.
    let url = endpoint.url().replacen("127.0.0.1", "firehose.invalid", 1);
    let client = must(through(&proxy, "user:p%40ss@", &url).build());
    let mut batch = must(Batch::new("s"));
    for _ in 0..4 {
        must(batch.push(&[b'x'; 1_000_000]));
    }
    assert_eq!(must(client.put_batch(&mut batch)).failed_put_count, 0);
    must(put(&client));
    let asked = format!("asked for {}", url.trim_start_matches("http://"));
    assert_eq!(proxy.printed().matches(&asked).count(), 1, "both calls take one tunnel: {}", proxy.printed());
}

#[test]
fn tls_is_spoken_through_a_tunnel() {
    let Some((scratch, proxy)) = start("tunnel", None) else { return };
    let (path, server, url) = encrypted(&tls::Authority::new("us"), &scratch);
    let client = must(through(&proxy, "user:p%40ss@", &url).ca_bundle(path.to_string_lossy()).build());
    assert_eq!(must(put(&client)), "id");
    assert_eq!((server.connections(), server.requests().len()), (1, 1));

    let firehose = must(processes::firehose(Path::new(TMP)));
    let mut command = Command::new(firehose);
    let input = scratch.path().join("input");
    must(fs::write(&input, "a line\n"));
    let proxy_url = proxy.url().replacen("://", "://user:p%40ss@", 1);
    command.args(["put", "logs", "--endpoint-url", &url]).arg(&input).env_clear().env("HOME", scratch.path());
    command.envs([("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]);
    must(processes::run(command.env("AWS_CA_BUNDLE", &path).env("HTTPS_PROXY", proxy_url)));
    assert_eq!((server.connections(), server.requests().len()), (2, 2));
}

#[test]
fn a_proxy_is_itself_asked_by_tls() {
    let authority = tls::Authority::new("us");
    let Some((scratch, proxy)) = start("encrypted", Some(&authority.sign_for("127.0.0.1"))) else { return };
    let (path, server, url) = encrypted(&authority, &scratch);
    let proxy_url = proxy.url().replacen("http://", "https://user:p%40ss@", 1);
    let builder = through(&proxy, "", &url).proxy(&proxy_url).ca_bundle(path.to_string_lossy());
    let client = must(builder.build());
    assert_eq!(must(put(&client)), "id");
    assert_eq!(must(put(&client)), "id");
    assert_eq!((server.connections(), server.requests().len()), (1, 2));
}

#[test]
fn the_proxy_s_own_refusals_are_understood() {
    let Some((scratch, proxy)) = start("refusals", None) else { return };
    let (_, server, url) = encrypted(&tls::Authority::new("us"), &scratch);
    let nobody = "https://firehose.invalid:1";
    for (login, url, kind, words) in [
        ("", &*url, TransportErrorKind::Proxy, "it requires a user and a password (407)"),
        ("user:wrong@", &url, TransportErrorKind::Proxy, "it does not accept the user and password of its URL (407)"),
        ("user:p%40ss@", nobody, TransportErrorKind::Connect, "it answers 502"),
    ] {
        let result = put(&must(through(&proxy, login, url).build()));
        let Err(Error::Transport { error, .. }) = result else { panic!("{result:?}") };
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(format!("{error:?}").contains(words) && !format!("{error:?}").contains("wrong"), "{error:?}");
    }
    assert_eq!(server.connections(), 0);
}
