//! Proxies: what they are asked, what they are never asked, and what is said when they do not serve.

use std::net::TcpListener;
use std::time::Duration;

use firehose_blocking::credentials::{Container, InstanceMetadata};
use firehose_blocking::firehose_proto::http::{Method, Request};
use firehose_blocking::firehose_proto::settings::Proxies;
use firehose_blocking::{Client, Credentials, Error, LocalEndpoint, Timeouts, Transport, TransportErrorKind, Ureq};
use tempfile::tempdir;

use crate::proxy::{Conduct, Proxy};
use crate::server::{Authority, Server};
use crate::{SECRET, builder, bundle, put, story};

/// Names that nobody has ([RFC 2606](https://www.rfc-editor.org/rfc/rfc2606)): only a proxy leads there.
const PLAIN: &str = "http://firehose.invalid";
const ENCRYPTED: &str = "https://firehose.invalid";

/// The value of a header, whatever the case of its name.
fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)))
        .map(|it| it.1)
}

#[test]
fn tunnels_to_all_endpoints_and_tells_the_proxy_nothing_else() {
    let authority = Authority::new("us");
    let (_dir, path) = bundle(authority.pem());
    let plain = || Server::plain();
    let encrypted = || Server::start(authority.sign_for("firehose.invalid"));
    for (variable, login, authorization, url, target, server) in [
        ("HTTP_PROXY", "", None, "http://firehose.invalid:8080/base", "firehose.invalid:8080", plain()),
        ("http_proxy", "user@", Some("Basic dXNlcjo="), PLAIN, "firehose.invalid:80", plain()),
        ("ALL_PROXY", "user:p%40ss@", Some("Basic dXNlcjpwQHNz"), PLAIN, "firehose.invalid:80", plain()),
        ("all_proxy", "", None, ENCRYPTED, "firehose.invalid:443", encrypted()),
        ("HTTPS_PROXY", "user:p%40ss@", Some("Basic dXNlcjpwQHNz"), ENCRYPTED, "firehose.invalid:443", encrypted()),
        ("https_proxy", "", None, ENCRYPTED, "firehose.invalid:443", encrypted()),
    ] {
        let proxy = Proxy::start(Conduct::Tunnel(server.address()));
        let variables = [(variable, &*proxy.url(login)), ("AWS_CA_BUNDLE", &path)];
        let client = builder(url, &variables).build().unwrap();
        assert_eq!(put(&client).unwrap(), "id", "{variable}");
        assert_eq!(put(&client).unwrap(), "id", "{variable}");
        assert_eq!((proxy.connections(), server.connections()), (1, 1), "both puts take one tunnel: {variable}");
        assert_eq!(server.requests().len(), 2, "{variable}");
        let [head] = &*proxy.seen() else { panic!("{:?}", proxy.seen()) };
        assert!(head.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")), "{head}");
        assert_eq!(
            (header(head, "host"), header(head, "proxy-authorization")),
            (Some(target), authorization),
            "{head}"
        );
        assert!(!head.contains("x-amz") && !head.contains("AWS4"), "{head}");
    }
}

#[test]
fn does_not_trust_whoever_answers_in_the_tunnel() {
    let server = Server::start(Authority::new("them").sign_for("firehose.invalid"));
    let proxy = Proxy::start(Conduct::Tunnel(server.address()));
    let client = builder(ENCRYPTED, &[("HTTPS_PROXY", &proxy.url(""))]).build().unwrap();
    let text = story(&put(&client).unwrap_err());
    assert!(text.contains("not trusted") && text.contains("through the proxy"), "{text}");
    assert_eq!((proxy.connections(), server.requests().len()), (1, 0));
}

#[test]
fn tells_a_proxy_that_cannot_be_trusted_nothing() {
    let proxy = Server::start(Authority::new("them").sign_for("127.0.0.1"));
    for (endpoint, variable) in [(PLAIN, "HTTP_PROXY"), (ENCRYPTED, "HTTPS_PROXY")] {
        let before = proxy.connections();
        let url = proxy.url("127.0.0.1").replacen("://", &format!("://user:{SECRET}@"), 1);
        let error = put(&builder(endpoint, &[(variable, &url)]).build().unwrap()).unwrap_err();
        let Error::Transport { error: cause, attempts: 1 } = &error else { panic!("{}", story(&error)) };
        assert_eq!(cause.kind(), TransportErrorKind::Tls, "{}", story(&error));
        let text = story(&error);
        assert!(text.contains("not trusted") && text.contains("through the proxy https://…@127.0.0.1"), "{text}");
        assert!(!text.contains(SECRET), "{text}");
        assert_eq!((proxy.connections() - before, proxy.bytes()), (1, 0));
    }
}

#[test]
fn says_which_proxy_does_not_serve_and_why_but_no_password() {
    use TransportErrorKind::{Connect, Proxy as Refused};
    for (conduct, user, kind, attempts, words) in [
        (
            Conduct::Answer("407 Proxy Authentication Required"),
            "",
            Refused,
            1,
            "it requires a user and a password (407)",
        ),
        (Conduct::Answer("407 Denied"), "user:", Refused, 1, "does not accept the user and password of its URL"),
        (Conduct::Answer("403 Forbidden"), "user:", Refused, 1, "it answers 403; does it allow CONNECT to port"),
        (Conduct::Answer("301 Moved"), "user:", Refused, 1, "it answers 301"),
        (Conduct::Answer("502 Bad Gateway"), "user:", Connect, 3, "it answers 502"),
        (Conduct::Answer("503 Busy"), "user:", Connect, 3, "it answers 503"),
        (Conduct::HangUp, "user:", Connect, 3, "it does not answer"),
    ] {
        for (url, variable) in [(PLAIN, "http_proxy"), (ENCRYPTED, "HTTPS_PROXY")] {
            let proxy = Proxy::start(conduct);
            let login = if user.is_empty() { String::new() } else { format!("{user}{SECRET}@") };
            let client = builder(url, &[(variable, &proxy.url(&login))]).build().unwrap();
            let error = put(&client).unwrap_err();
            let text = story(&error);
            assert!(!format!("{text}{error:?}{client:?}").contains(SECRET), "{text}");
            let Error::Transport { error: cause, attempts: made } = &error else { panic!("{text}") };
            assert_eq!((cause.kind(), *made), (kind, attempts), "{url}: {text}");
            assert_eq!(proxy.connections(), attempts as usize, "{text}");
            assert!(!error.is_ambiguous() && error.is_transient() == (kind == Connect), "{text}");
            let shown = proxy.url(if user.is_empty() { "" } else { "…@" });
            for words in [words, variable, &format!("firehose.invalid through the proxy {shown}")] {
                assert!(text.contains(words), "{words} is not in: {text}");
            }
        }
    }
}

#[test]
fn waits_no_longer_for_a_proxy_than_for_the_service() {
    let silent = Proxy::start(Conduct::Silence);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (proxy, words, timeout) in
        [(silent.url(""), "no connection in time", 50), (format!("http://{closed}"), "refused", 10_000)]
    {
        let timeout = Duration::from_millis(timeout);
        let client = builder(ENCRYPTED, &[("HTTPS_PROXY", &proxy)]).connect_timeout(timeout).build().unwrap();
        let error = put(&client).unwrap_err();
        let Error::Transport { error: cause, attempts: 3 } = &error else { panic!("{}", story(&error)) };
        assert_eq!(cause.kind(), TransportErrorKind::Connect, "{}", story(&error));
        assert!(story(&error).to_lowercase().contains(words) && story(&error).contains(&proxy), "{}", story(&error));
    }
}

#[test]
fn goes_past_the_proxy_where_it_is_told_to() {
    let server = Server::plain();
    let proxy = Proxy::start(Conduct::Tunnel(server.address()));
    let url = proxy.url("");
    for (endpoint, exceptions, is_proxied) in [
        (PLAIN, "", true),
        (PLAIN, "firehose.invalid", false),
        (PLAIN, "invalid", false),
        (PLAIN, ".invalid", false),
        (PLAIN, "hose.invalid", true),
        (PLAIN, "*", false),
        // Addresses for documentation (RFC 5737): nobody is there.
        ("http://192.0.2.1", "192.0.2.1", false),
        ("http://192.0.2.1", "192.0.2.0/24", false),
        ("http://192.0.2.1", "192.0.2.2,192.0.2.128/25,other.example", true),
    ] {
        for variable in ["NO_PROXY", "no_proxy"] {
            let before = proxy.connections();
            let client = builder(endpoint, &[("HTTP_PROXY", &url), (variable, exceptions)])
                // Without the proxy nobody is reached, however long it takes.
                .connect_timeout(Duration::from_millis(if is_proxied { 10_000 } else { 20 }))
                .max_attempts(std::num::NonZeroU32::MIN)
                .build()
                .unwrap();
            let result = put(&client);
            let case = format!("{endpoint} {variable}={exceptions}");
            assert_eq!((result.is_ok(), proxy.connections() - before), (is_proxied, usize::from(is_proxied)), "{case}");
        }
    }
}

#[test]
fn asks_no_proxy_for_what_is_on_the_machine() {
    let proxy = Proxy::start(Conduct::HangUp);
    let url = proxy.url("");
    let dir = tempdir().unwrap();
    let endpoint = LocalEndpoint::builder(dir.path()).start().unwrap();
    let variables = [("HTTP_PROXY", &*url), ("ALL_PROXY", &url), ("NO_PROXY", "")];
    let client = builder(endpoint.url(), &variables).credentials(Credentials::new("test", "test")).build().unwrap();
    put(&client).unwrap();

    let nobody = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let variables =
        |name: &'static str| [("HTTP_PROXY", url.clone()), ("ALL_PROXY", url.clone()), (name, nobody.clone())];
    let client = |name| {
        let variables = variables(name);
        Client::builder()
            .region("eu-west-1")
            .environment(move |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()))
    };
    let metadata = client("AWS_EC2_METADATA_SERVICE_ENDPOINT").credentials_provider(InstanceMetadata);
    metadata.find_credentials().unwrap_err();
    let agent = client("AWS_CONTAINER_CREDENTIALS_FULL_URI").credentials_provider(Container);
    agent.find_credentials().unwrap_err();
    assert_eq!(proxy.connections(), 0, "{:?}", proxy.seen());
}

#[test]
fn minds_a_proxy_that_it_cannot_speak_to_only_where_it_would_be_used() {
    let server = Server::plain();
    let near = format!("http://{}", server.address());
    let far = "http://firehose.invalid";
    let proxy = Proxy::start(Conduct::Tunnel(server.address()));
    let good = proxy.url("");
    let socks = &*format!("socks5://user:{SECRET}@proxy.example:1080");
    for (url, variables) in [
        (&*near, &[("ALL_PROXY", socks)][..]),
        (&near, &[("all_proxy", socks), ("HTTPS_PROXY", "nonsense://")]),
        (far, &[("ALL_PROXY", socks), ("http_proxy", &good)]),
        (far, &[("HTTPS_PROXY", socks), ("http_proxy", &good)]),
    ] {
        assert_eq!(put(&builder(url, variables).build().unwrap()).unwrap(), "id", "{url} {variables:?}");
    }
    // Without a proxy nobody is reached there, however long it takes.
    let past =
        builder(far, &[("ALL_PROXY", socks), ("NO_PROXY", "invalid")]).connect_timeout(Duration::from_millis(20));
    let error = put(&past.build().unwrap()).unwrap_err();
    let Error::Transport { error: cause, .. } = &error else { panic!("{}", story(&error)) };
    assert_eq!(cause.kind(), TransportErrorKind::Connect, "{}", story(&error));

    let error = builder(far, &[("ALL_PROXY", socks)]).build().unwrap_err();
    let text = story(&error);
    assert!(text.contains("`ALL_PROXY` is a SOCKS proxy's") && text.contains("NO_PROXY"), "{text}");
    assert!(!format!("{text}{error:?}").contains(SECRET), "{text}");
    // Where it is the way to the credentials alone, they are what is missing.
    let client = builder(&near, &[("ALL_PROXY", socks), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://a.invalid/")])
        .credentials_provider(Container)
        .build()
        .unwrap();
    let error = put(&client).unwrap_err();
    assert!(story(&error).contains("`ALL_PROXY` is a SOCKS proxy's"), "{}", story(&error));
    assert!(!format!("{}{error:?}", story(&error)).contains(SECRET), "{}", story(&error));
}

#[test]
fn asks_each_proxy_for_what_it_is_for_however_they_alternate() {
    let server = Server::plain();
    let [plain, encrypted] = [(); 2].map(|()| Proxy::start(Conduct::Tunnel(server.address())));
    let [plain_url, encrypted_url] = [plain.url("a:b@"), encrypted.url("c:d@")];
    let ureq = Ureq::new().proxies(Proxies::read(|name| match name {
        "HTTP_PROXY" => Some(plain_url.clone()),
        "HTTPS_PROXY" => Some(encrypted_url.clone()),
        _ => None,
    }));
    let send = |url| {
        let mut request = Request::new(Method::Post, url);
        request.set_body(b"{}".as_slice());
        ureq.send(&request, &Timeouts::default())
    };
    for round in 1..=3 {
        assert_eq!(send(PLAIN).unwrap().status, 200);
        // The server speaks no TLS.
        assert_eq!(send(ENCRYPTED).unwrap_err().kind(), TransportErrorKind::Tls);
        assert_eq!((plain.connections(), encrypted.connections()), (1, round));
    }
    let logins = [&plain, &encrypted].map(|proxy| proxy.seen().concat());
    assert!(logins[0].contains("Basic YTpi") && logins[1].contains("Basic Yzpk"), "{logins:?}");
}

#[test]
fn the_program_s_own_proxy_beats_those_of_the_environment() {
    let server = Server::plain();
    let [proxy, other] = [(); 2].map(|()| Proxy::start(Conduct::Tunnel(server.address())));
    let client =
        builder(PLAIN, &[("HTTP_PROXY", &other.url("")), ("NO_PROXY", "*")]).proxy(proxy.url("")).build().unwrap();
    put(&client).unwrap();
    assert_eq!((proxy.connections(), other.connections()), (1, 0));
}
