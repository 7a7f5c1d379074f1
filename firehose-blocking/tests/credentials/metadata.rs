//! The instance metadata and containers' agents, as real servers, with the ways in which they fail.

use std::fs;
use std::time::Duration;

use firehose_blocking::credentials::{Chain, Container, InstanceMetadata};
use firehose_blocking::{Client, ClientBuilder, Clock, Credentials, ProvideCredentials};
use tempfile::tempdir;

use crate::server::{Reply, Server};
use crate::world::{SECRET, START, Virtual, builder, story};

fn document(id: &str, expiration: &str) -> String {
    format!(
        r#"{{"Code":"Success","AccessKeyId":"{id}","SecretAccessKey":"{SECRET}","Token":"T","Expiration":"{expiration}"}}"#
    )
}

fn good() -> Reply {
    Reply::ok(document("AKIDROLE", "2026-11-22T18:00:00Z"))
}

/// Answers as the metadata do, but for the credentials.
fn metadata(head: &str, credentials: impl FnOnce() -> Reply) -> Reply {
    match head.split(' ').nth(1).unwrap() {
        "/latest/api/token" => Reply::ok("TOKEN"),
        "/latest/meta-data/iam/security-credentials/" => Reply::ok("ship\n"),
        "/latest/meta-data/iam/security-credentials/ship" => credentials(),
        "/latest/meta-data/placement/region" => Reply::ok("ap-south-1"),
        _ => Reply::Answer(404, "<html>".into()),
    }
}

fn ask_metadata(server: &Server) -> ClientBuilder {
    builder(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.url())]).credentials_provider(InstanceMetadata)
}

#[test]
fn asks_the_metadata_for_token_role_and_credentials() {
    let server = Server::start(|head, _| metadata(head, good));
    let found = ask_metadata(&server).find_credentials().unwrap();
    assert_eq!((&*found.credentials.access_key_id, &*found.provider), ("AKIDROLE", "instance metadata"));
    let role = "/latest/meta-data/iam/security-credentials/";
    assert_eq!(
        server.paths(),
        ["PUT /latest/api/token".into(), format!("GET {role}"), format!("GET {role}ship")],
        "{:?}",
        server.seen()
    );
    assert!(server.seen()[1..].iter().all(|head| head.to_lowercase().contains("x-aws-ec2-metadata-token: token\r\n")));
}

#[test]
fn takes_the_region_from_the_metadata_when_it_is_set_nowhere_and_that_is_wished() {
    let server = Server::start(|head, _| metadata(head, good));
    let url = server.url();
    let variable = move |name: &str| (name == "AWS_EC2_METADATA_SERVICE_ENDPOINT").then(|| url.clone());
    let builder = || Client::builder().environment(variable.clone());
    assert!(builder().settings().unwrap().region.is_none() && server.paths().is_empty());
    let builder = builder().region_from_metadata(true);
    for _ in 0..2 {
        let region = builder.settings().unwrap().region.unwrap();
        assert_eq!((region.value.as_str(), region.source.to_string()), ("ap-south-1", "instance metadata".into()));
    }
    builder.build().unwrap();
    let asked = ["PUT /latest/api/token", "GET /latest/meta-data/placement/region"];
    assert_eq!(server.paths(), asked, "once, however often the settings are looked up");
}

#[test]
fn gets_another_token_when_it_is_refused_in_the_middle() {
    let server = Server::start(|head, count| match count {
        2 => Reply::Answer(401, String::new()),
        _ => metadata(head, good),
    });
    assert_eq!(ask_metadata(&server).find_credentials().unwrap().credentials.access_key_id, "AKIDROLE");
    let tokens = server.paths().iter().filter(|path| path.starts_with("PUT")).count();
    assert_eq!((tokens, server.paths().len()), (2, 5), "{:?}", server.paths());
}

#[test]
fn asks_again_what_the_role_is_called_when_it_has_gone() {
    let server = Server::start(|head, count| match count {
        2 => Reply::Answer(404, String::new()),
        _ => metadata(head, good),
    });
    assert_eq!(ask_metadata(&server).find_credentials().unwrap().credentials.access_key_id, "AKIDROLE");
}

/// A way to answer wrongly, and what is said about it.
struct Nonsense(&'static str, fn() -> Reply, &'static str);

fn nonsense() -> Vec<Nonsense> {
    vec![
        Nonsense("html", || Reply::ok("<html>wrong door</html>"), "not the expected JSON"),
        Nonsense("an error page", || Reply::Answer(500, format!("<html>{SECRET}</html>")), "500"),
        Nonsense(
            "truncated",
            || Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"Code\":".to_vec()),
            "broken",
        ),
        Nonsense(
            "no length",
            || Reply::Raw(b"HTTP/1.1 200 OK\r\n\r\n{\"Code\":\"Suc".to_vec()),
            "not the expected JSON",
        ),
        Nonsense("no HTTP", || Reply::Raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()), "broken"),
        Nonsense("5 MB", || Reply::ok(format!("{{\"Code\":\"{}\"}}", "x".repeat(5_000_000))), "too large"),
        Nonsense(
            "5 MB of unknown length",
            || Reply::Raw([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &vec![b' '; 5_000_000]].concat()),
            "too large",
        ),
        Nonsense("a refusal", || Reply::ok(r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"m"}"#), "Unauthorized"),
        Nonsense("no expiry", || Reply::ok(r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t"}"#), "Expiration"),
    ]
}

#[test]
fn says_what_is_wrong_with_an_answer_and_nothing_that_is_in_it() {
    for Nonsense(name, reply, words) in nonsense() {
        let instance = Server::start(move |head, _| metadata(head, reply));
        let agent = Server::start(move |_, _| reply());
        let of_container = builder(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &agent.url())]);
        for (who, builder) in
            [("instance", ask_metadata(&instance)), ("container", of_container.credentials_provider(Container))]
        {
            let error = builder.find_credentials().unwrap_err();
            let text = story(&error);
            assert!(text.contains(words) && text.contains(who), "{name}: {text}");
            assert!(!format!("{text}{error:?}").contains(SECRET), "{text}");
        }
        assert!(agent.paths().len() <= 3, "{name}: asked at most three times");
    }
}

#[test]
fn an_instance_without_a_role_has_no_credentials() {
    let server = Server::start(|head, _| match head.contains("PUT") {
        true => Reply::ok("TOKEN"),
        false => Reply::Answer(404, String::new()),
    });
    let error = ask_metadata(&server).find_credentials().unwrap_err();
    assert!(story(&error).contains("the instance has no role"), "{error}");
}

#[test]
fn does_not_wait_long_for_metadata_that_are_slow_or_not_there() {
    let server = Server::start(|_, _| Reply::Silence);
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*server.url()), ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1")];
    let error = builder(&variables).credentials_provider(InstanceMetadata).find_credentials().unwrap_err();
    assert!(story(&error).contains("timed out"), "{}", story(&error));
    assert_eq!(server.paths().len(), 1);

    let chain = Chain::new().then(InstanceMetadata).then(Credentials::new("AKID", "s"));
    let nobody = builder(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")]).credentials_provider(chain);
    assert_eq!(nobody.find_credentials().unwrap().credentials.access_key_id, "AKID", "the chain goes on");
}

#[test]
fn keeps_clear_of_metadata_that_are_turned_off() {
    let server = Server::start(|head, _| metadata(head, good));
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*server.url()), ("AWS_EC2_METADATA_DISABLED", "TRUE")];
    let error = builder(&variables).credentials_provider(InstanceMetadata).find_credentials().unwrap_err();
    assert!(story(&error).contains("AWS_EC2_METADATA_DISABLED"), "{error}");
    assert!(server.paths().is_empty());
}

#[test]
fn stays_up_with_the_last_credentials_when_the_metadata_are_down() {
    let server = Server::start(|head, count| match count {
        0..3 => metadata(head, || Reply::ok(document("AKIDLAST", "2026-11-22T13:00:00Z"))),
        _ => Reply::Answer(500, String::new()),
    });
    let clock = Virtual::new();
    let client = ask_metadata(&server).clock(clock.clone()).build().unwrap();
    for minutes in [0, 50, 58, 61, 75, 200, 10_000] {
        clock.set(Duration::from_secs(60 * minutes));
        assert_eq!(client.credentials().unwrap().access_key_id, "AKIDLAST", "minute {minutes}");
    }
    assert!(client.credentials().unwrap().expires_at.unwrap() > clock.now());
}

#[test]
fn extends_credentials_that_come_expired() {
    let server = Server::start(|head, _| metadata(head, || Reply::ok(document("AKIDOLD", "2026-11-22T11:00:00Z"))));
    let found = ask_metadata(&server).find_credentials().unwrap().credentials;
    let extension = found.expires_at.unwrap() - START;
    assert!((600..900).contains(&extension.whole_seconds()), "10 minutes and a jitter of 5 at most: {extension}");
}

#[test]
fn authorizes_itself_to_the_container_with_what_the_file_holds_now() {
    let server = Server::start(|head, count| match head.contains(&format!("uthorization: token-{count}\r\n")) {
        true => Reply::ok(document("AKIDTASK", "2026-11-22T12:00:01Z")),
        false => Reply::Answer(401, String::new()),
    });
    let dir = tempdir().unwrap();
    let file = dir.path().join("token");
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*server.url()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "beaten by the file"),
    ];
    let builder = builder(&variables).credentials_provider(Container);
    for count in 0..2 {
        fs::write(&file, format!("token-{count}")).unwrap();
        assert_eq!(builder.find_credentials().unwrap().credentials.access_key_id, "AKIDTASK", "{count}");
    }
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let text = story(&builder.find_credentials().unwrap_err());
    assert!(text.contains(file.to_str().unwrap()) && !text.contains(SECRET), "{text}");
    fs::remove_file(&file).unwrap();
    assert!(story(&builder.find_credentials().unwrap_err()).contains(file.to_str().unwrap()));
    assert_eq!(server.paths().len(), 2, "nothing is sent without the token");
}

#[test]
fn sends_no_token_to_strangers() {
    for url in ["http://example.com/", "http://10.0.0.1/", "ftp://127.0.0.1/"] {
        let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", url), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", SECRET)];
        let error = builder(&variables).credentials_provider(Container).find_credentials().unwrap_err();
        assert!(story(&error).contains("AWS_CONTAINER_CREDENTIALS_FULL_URI"), "{}", story(&error));
    }
    assert_eq!(Container.name(), "container");
}
