//! TLS with servers that can be trusted, and with those that cannot: what is said, and that nothing else is.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::process::Command;
use std::thread;
use std::time::Duration;

use firehose_blocking::{Batch, Error, LocalEndpoint, TransportErrorKind};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use tempfile::tempdir;

use crate::server::{Authority, Identity, Server, pem};
use crate::{SECRET, builder, bundle, put, story};

#[test]
fn trusts_the_authorities_of_the_bundle() {
    let (authority, stranger) = (Authority::new("us"), Authority::new("them"));
    let server = Server::start(authority.sign_for("127.0.0.1"));
    let url = server.url("127.0.0.1");
    let (dir, path) = bundle(format!("Two of them:\n{}\n{}", stranger.pem(), authority.pem()));
    let config = dir.path().join("config");
    fs::write(&config, format!("[default]\nca_bundle = {path}\n")).unwrap();
    let config = config.to_str().unwrap();
    for builder in [
        builder(&url, &[("AWS_CA_BUNDLE", &path)]),
        builder(&url, &[("AWS_CONFIG_FILE", config)]),
        builder(&url, &[]).ca_bundle(&path),
        builder(&url, &[("AWS_CA_BUNDLE", "/nonexistent")]).ca_bundle(&path),
    ] {
        let client = builder.build().unwrap();
        assert_eq!(put(&client).unwrap(), "id");
        assert_eq!(put(&client).unwrap(), "id");
    }
    assert_eq!((server.connections(), server.requests().len()), (4, 8), "a connection serves both of a client's puts");
}

#[test]
fn tells_a_server_that_cannot_be_trusted_nothing_and_asks_it_once() {
    let (authority, stranger) = (Authority::new("us"), Authority::new("them"));
    let (_dir, path) = bundle(authority.pem());
    let good = || authority.sign_for("127.0.0.1");
    let cases: [(&str, Server, &str, &str, &[&str]); 8] = [
        (
            "unknown authority",
            Server::start(stranger.sign_for("127.0.0.1")),
            "127.0.0.1",
            &path,
            &["an authority that is not trusted", "AWS_CA_BUNDLE"],
        ),
        (
            "same name",
            Server::start(Authority::new("us").sign_for("127.0.0.1")),
            "127.0.0.1",
            &path,
            &["not signed by the authority that it names", "AWS_CA_BUNDLE"],
        ),
        ("not Mozilla's", Server::start(good()), "127.0.0.1", "", &["not trusted", "`ca_bundle`"]),
        (
            "wrong name",
            Server::start(authority.sign_for("other.example")),
            "127.0.0.1",
            &path,
            &["is for", "other.example", "not for 127.0.0.1", "URL of the endpoint"],
        ),
        ("name of an address", Server::start(good()), "localhost", &path, &["not for localhost"]),
        (
            "expired",
            Server::start(authority.sign("127.0.0.1", -3..-1)),
            "127.0.0.1",
            &path,
            &["has expired at 20", "local clock says 20"],
        ),
        (
            "not yet valid",
            Server::start(authority.sign("127.0.0.1", 1..3)),
            "127.0.0.1",
            &path,
            &["is not valid before 20", "local clock says 20"],
        ),
        ("plain HTTP", Server::plain(), "127.0.0.1", &path, &["does not speak TLS", "http://"]),
    ];
    for (name, server, host, path, words) in cases {
        let client = builder(&server.url(host), &[("AWS_CA_BUNDLE", path)]).build().unwrap();
        let error = put(&client).unwrap_err();
        let text = story(&error);
        let Error::Transport { error: cause, attempts: 1 } = &error else { panic!("{name}: {text}") };
        assert_eq!(cause.kind(), TransportErrorKind::Tls, "{name}: {text}");
        assert!(!error.is_transient() && !error.is_ambiguous(), "{name}: {text}");
        assert!(words.iter().chain(&[host]).all(|word| text.contains(word)), "{name}: {text}");
        assert!(!format!("{text}{error:?}").contains(SECRET), "{text}");
        assert_eq!(server.connections(), 1, "{name}");
        assert_eq!(server.requests(), [""; 0], "{name}");
        assert!(name == "plain HTTP" || server.bytes() == 0, "{name}: {} bytes", server.bytes());
    }
}

#[test]
fn does_not_know_what_became_of_a_request_whose_answer_was_spoiled() {
    let authority = Authority::new("us");
    let server = Server::spoiled(authority.sign_for("127.0.0.1"));
    let (_dir, path) = bundle(authority.pem());
    let error = put(&builder(&server.url("127.0.0.1"), &[]).ca_bundle(path).build().unwrap()).unwrap_err();
    let Error::Transport { error: cause, attempts: 3 } = &error else { panic!("{}", story(&error)) };
    assert_eq!((cause.kind(), error.is_ambiguous()), (TransportErrorKind::Broken, true), "{}", story(&error));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn knows_that_nothing_was_sent_when_the_handshake_breaks_off() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for _ in 0..3 {
            // The first bytes are read, so that closing does not reset the connection.
            let _ = listener.accept().unwrap().0.read(&mut [0; 4096]);
        }
    });
    let error = put(&builder(&url, &[]).build().unwrap()).unwrap_err();
    let Error::Transport { error: cause, attempts: 3 } = &error else { panic!("{}", story(&error)) };
    assert_eq!((cause.kind(), error.is_ambiguous()), (TransportErrorKind::Connect, false), "{}", story(&error));
    assert!(story(&error).contains("closed during the TLS handshake"), "{}", story(&error));
    server.join().unwrap();
}

#[test]
fn says_so_when_the_local_endpoint_is_asked_for_tls() {
    let dir = tempdir().unwrap();
    let endpoint = LocalEndpoint::builder(dir.path()).start().unwrap();
    let url = endpoint.url().replacen("http", "https", 1);
    let text = story(&put(&builder(&url, &[]).build().unwrap()).unwrap_err());
    assert!(text.contains("does not speak TLS") && text.contains("http://"), "{text}");
}

#[test]
fn refuses_a_bundle_that_is_none_before_anything_is_sent() {
    let authority = Authority::new("us");
    let broken_off = authority.pem().lines().take(4).collect::<Vec<_>>().join("\n");
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (name, text, words) in [
        ("empty", "", "at least one certificate in PEM"),
        ("no PEM", "\u{0}\u{1}garbage", "at least one certificate in PEM"),
        ("a key alone", key, "at least one certificate in PEM"),
        ("broken off", &broken_off, "must be PEM"),
        ("no base64", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "must be PEM"),
        ("no certificate in the PEM", &pem(b"garbage"), "no certificate that can serve as a trust anchor"),
    ] {
        let (_dir, path) = bundle(text);
        let error = builder("https://127.0.0.1:9", &[("AWS_CA_BUNDLE", &path)]).build().unwrap_err();
        let text = story(&error);
        assert!(text.contains(words) && text.contains(&path) && text.contains("AWS_CA_BUNDLE"), "{name}: {text}");
    }
    let dir = tempdir().unwrap();
    for (path, words) in [(&*dir.path().join("absent"), "not found"), (dir.path(), "is a directory")] {
        // Elsewhere a directory cannot be opened.
        let words = if cfg!(unix) { words } else { "cannot read it" };
        let error = builder("https://127.0.0.1:9", &[]).ca_bundle(path.to_str().unwrap()).build().unwrap_err();
        assert!(story(&error).contains(words) && story(&error).contains("from code"), "{}", story(&error));
    }
}

#[test]
fn passes_over_what_is_unusable_beside_a_good_certificate() {
    let authority = Authority::new("us");
    let server = Server::start(authority.sign_for("127.0.0.1"));
    let (_dir, path) = bundle(pem(b"garbage") + &authority.pem());
    let client = builder(&server.url("127.0.0.1"), &[]).ca_bundle(path).build().unwrap();
    assert_eq!(put(&client).unwrap(), "id");
}

#[test]
fn trusts_the_very_certificate_of_the_bundle_though_it_is_an_authority_s() {
    for version in [&TLS12, &TLS13] {
        let identity = Authority::for_itself("127.0.0.1", -1..1);
        let (_dir, path) = bundle(Authority::new("them").pem() + &pem(&identity.0));
        let server = Server::of_version(identity, version);
        let client = builder(&server.url("127.0.0.1"), &[("AWS_CA_BUNDLE", &path)]).build().unwrap();
        assert_eq!(put(&client).unwrap(), "id", "{version:?}");
        assert_eq!((server.connections(), server.requests().len()), (1, 1));
    }
}

#[test]
fn trusts_the_certificate_that_openssl_makes_unless_it_is_told_otherwise() {
    let dir = tempdir().unwrap();
    let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| dir.path().join(name));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"]).arg(&key).arg("-out").arg(&certificate);
    match openssl.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Not by `eprintln`, which a passing test does not show.
            let _ = writeln!(io::stderr(), "skipped a test with the certificates of openssl: it is not installed");
            return;
        }
        output => assert!(output.as_ref().unwrap().status.success(), "{output:?}"),
    }
    let identity =
        Identity(CertificateDer::from_pem_file(&certificate).unwrap(), PrivateKeyDer::from_pem_file(&key).unwrap());
    let server = Server::start(identity);
    let path = certificate.to_str().unwrap();
    let client = builder(&server.url("127.0.0.1"), &[("AWS_CA_BUNDLE", path)]).build().unwrap();
    assert_eq!(put(&client).unwrap(), "id");

    // Whoever does not trust it is told what to do.
    let error = put(&builder(&server.url("127.0.0.1"), &[]).build().unwrap()).unwrap_err();
    for words in ["shows the certificate of an authority as its own", "AWS_CA_BUNDLE"] {
        assert!(story(&error).contains(words), "{}", story(&error));
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn trusts_no_more_of_a_pinned_certificate_than_what_it_says() {
    let good = || Authority::for_itself("127.0.0.1", -1..1);
    let shown = |Identity(certificate, _): &Identity| pem(certificate);
    let one_of_many = |identity: Identity| (shown(&identity), identity);
    let with_another_key = || {
        let Identity(certificate, _) = good();
        (pem(&certificate), Identity(certificate, good().1))
    };
    for (name, (bundled, identity), words) in [
        ("another", (shown(&good()), good()), "the certificate of an authority as its own"),
        ("wrong name", one_of_many(Authority::for_itself("other.example", -1..1)), "not for 127.0.0.1"),
        ("expired", one_of_many(Authority::for_itself("127.0.0.1", -3..-1)), "has expired at 20"),
        ("not yet valid", one_of_many(Authority::for_itself("127.0.0.1", 1..3)), "is not valid before 20"),
        ("another's key", with_another_key(), "is not signed by"),
    ] {
        for version in [&TLS12, &TLS13] {
            let (_dir, path) = bundle(&bundled);
            let key = identity.1.clone_key();
            let server = Server::of_version(Identity(identity.0.clone(), key), version);
            let error = put(&builder(&server.url("127.0.0.1"), &[]).ca_bundle(path).build().unwrap()).unwrap_err();
            let text = story(&error);
            let Error::Transport { error: cause, attempts: 1 } = &error else { panic!("{name}: {text}") };
            assert_eq!(cause.kind(), TransportErrorKind::Tls, "{name}: {text}");
            assert!(text.contains(words), "{name}: {text}");
            assert_eq!((server.connections(), server.bytes()), (1, 0), "{name}");
        }
    }
}

#[test]
fn takes_requests_ca_bundle_where_nothing_of_aws_s_own_is_set() {
    let authority = Authority::new("us");
    let server = Server::start(authority.sign_for("127.0.0.1"));
    let url = server.url("127.0.0.1");
    let (dir, good) = bundle(authority.pem());
    let (_dir, other) = bundle(Authority::new("them").pem());
    let config = dir.path().join("config");
    fs::write(&config, format!("[default]\nca_bundle = {other}\n")).unwrap();
    let config = config.to_str().unwrap();
    for (variables, is_trusted) in [
        (&[("REQUESTS_CA_BUNDLE", &*good)][..], true),
        (&[("REQUESTS_CA_BUNDLE", &good), ("AWS_CA_BUNDLE", " ")], true),
        (&[("REQUESTS_CA_BUNDLE", &other), ("AWS_CA_BUNDLE", &good)], true),
        (&[("REQUESTS_CA_BUNDLE", &good), ("AWS_CA_BUNDLE", &other)], false),
        (&[("REQUESTS_CA_BUNDLE", &good), ("AWS_CONFIG_FILE", config)], false),
    ] {
        let result = put(&builder(&url, variables).build().unwrap());
        assert_eq!(result.is_ok(), is_trusted, "{variables:?} {result:?}");
    }
    let error = builder(&url, &[("REQUESTS_CA_BUNDLE", "/nonexistent")]).build().unwrap_err();
    assert!(story(&error).contains("`REQUESTS_CA_BUNDLE`"), "{}", story(&error));
}

#[test]
fn a_batch_of_full_size_comes_through_tls_unchanged() {
    let authority = Authority::new("us");
    let (_dir, path) = bundle(authority.pem());
    for version in [&TLS12, &TLS13] {
        let server = Server::of_version(authority.sign_for("127.0.0.1"), version);
        let client = builder(&server.url("127.0.0.1"), &[]).ca_bundle(&path).build().unwrap();
        let mut batch = full_batch();
        let body = batch.request(client.endpoint()).unwrap().body().to_vec();
        for _ in 0..2 {
            assert_eq!(client.put_batch(&mut batch).unwrap().failed_put_count, 0);
            batch = full_batch();
        }
        let requests = server.requests();
        assert_eq!((server.connections(), requests.len()), (1, 2), "{version:?}");
        assert!(requests.iter().all(|request| request.as_bytes() == body), "{version:?}");
    }
}

#[test]
fn gives_up_a_server_that_stops_to_read() {
    let authority = Authority::new("us");
    let (_dir, path) = bundle(authority.pem());
    let server = Server::deaf(authority.sign_for("127.0.0.1"));
    let builder = builder(&server.url("127.0.0.1"), &[]).ca_bundle(&path);
    let client = builder.read_timeout(Duration::from_millis(100)).max_attempts(NonZeroU32::MIN).build().unwrap();
    let error = client.put_batch(&mut full_batch()).unwrap_err();
    let Error::Transport { error: cause, .. } = &error else { panic!("{}", story(&error)) };
    assert_eq!(cause.kind(), TransportErrorKind::Timeout, "{}", story(&error));
    assert_eq!((server.connections(), server.bytes()), (1, 0));
}

/// As much as a request takes, and more than the system's buffers do.
fn full_batch() -> Batch {
    let mut batch = Batch::new("s").unwrap();
    (0..4).for_each(|index| batch.push(&[b'0' + index; 1_000_000]).unwrap());
    batch
}

#[test]
fn takes_up_the_tls_of_earlier_connections() {
    let authority = Authority::new("us");
    let (_dir, path) = bundle(authority.pem());
    for version in [&TLS12, &TLS13] {
        let server = Server::closing(authority.sign_for("127.0.0.1"), version);
        let client = builder(&server.url("127.0.0.1"), &[]).ca_bundle(&path).build().unwrap();
        for _ in 0..5 {
            assert_eq!(put(&client).unwrap(), "id");
        }
        assert_eq!((server.connections(), server.resumed()), (5, 4), "{version:?}");
    }
}
