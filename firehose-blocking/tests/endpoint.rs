//! Client, default transport and local endpoint over real sockets on loopback.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails at the line that is wrong")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::path::Path;
use std::thread;
use std::time::Duration;

use firehose_blocking::firehose_proto::error::ErrorCode;
use firehose_blocking::firehose_proto::op::PutRecord;
use firehose_blocking::firehose_proto::sigv4::{Scope, Signer, SigningKey};
use firehose_blocking::firehose_proto::{Endpoint, Region, call as core};
use firehose_blocking::{
    Batch, Client, ClientBuilder, Credentials, Error, LocalEndpoint, LocalEndpointError, PutRecordInput, Record,
    TransportErrorKind,
};
use tempfile::TempDir;
use time::OffsetDateTime;

fn client(url: &str) -> ClientBuilder {
    Client::builder()
        .region("us-east-1")
        .endpoint_url(url)
        .credentials(Credentials::new("test", "test"))
        .max_attempts(NonZeroU32::MIN)
}

fn put(client: &Client, stream: &str, data: &[u8]) -> Result<String, Error> {
    client.put_record(&PutRecordInput::new(stream, Record::new(data))).map(|output| output.record_id.into_owned())
}

fn code(result: Result<String, Error>) -> ErrorCode {
    match result {
        Err(Error::Refused { error, .. }) => error.code.expect("the endpoint names a code"),
        other => panic!("not refused: {other:?}"),
    }
}

fn kind(result: Result<String, Error>) -> TransportErrorKind {
    match result {
        Err(Error::Transport { error, .. }) => error.kind(),
        other => panic!("not a failure of the transport: {other:?}"),
    }
}

/// All bytes delivered to a stream, its files in the order of their names.
fn delivered(dir: &Path, stream: &str) -> Vec<u8> {
    let (mut files, mut dirs) = (Vec::new(), vec![dir.join(stream)]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { dirs.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files.iter().flat_map(|file| fs::read(file).unwrap()).collect()
}

/// A server that gives each of its connections one canned answer, and how often it was connected to.
fn canned(answers: &'static [&'static [u8]]) -> (String, thread::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for answer in answers {
            let (mut socket, _) = listener.accept().unwrap();
            let mut seen = Vec::new();
            let mut buffer = [0; 4096];
            // The request's last bytes are the end of its JSON.
            while !seen.ends_with(b"}}") {
                let read = socket.read(&mut buffer).unwrap();
                assert_ne!(read, 0, "the client hung up");
                seen.extend_from_slice(&buffer[..read]);
            }
            // A client that stops reading early breaks the pipe.
            drop(socket.write_all(answer));
        }
        answers.len()
    });
    (url, server)
}

#[test]
fn stores_what_it_acknowledges() {
    let dir = TempDir::new().unwrap();
    let endpoint = LocalEndpoint::builder(dir.path()).fsync(true).start().unwrap();
    let client = client(endpoint.url()).build().unwrap();
    let every_byte: Vec<u8> = (0..=255).collect();
    let first = put(&client, "s", &every_byte).unwrap();
    let mut batch = Batch::new("s").unwrap();
    batch.push(b"").unwrap();
    batch.push(b"line\r\n").unwrap();
    let output = client.put_batch(&mut batch).unwrap();
    let entries = output.request_responses();
    let mut ids: Vec<_> = entries.into_iter().map(|entry| entry.record_id.unwrap()).collect();
    ids.push(first.into());
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "ids are unique: {ids:?}");
    assert_eq!(delivered(dir.path(), "s"), [&every_byte[..], b"line\r\n"].concat());
    let accepted = endpoint.stop();
    assert_eq!((accepted.records, accepted.bytes), (3, 262));
}

#[test]
fn takes_the_largest_request_the_service_takes() {
    let dir = TempDir::new().unwrap();
    let endpoint = LocalEndpoint::builder(dir.path()).start().unwrap();
    let mut batch = Batch::new("s").unwrap();
    let data = vec![b'x'; 1_024_000];
    for _ in 0..4 {
        batch.push(&data).unwrap();
    }
    batch.push(&data[..98_304]).unwrap();
    assert_eq!(batch.data_bytes(), 4_194_304);
    client(endpoint.url()).build().unwrap().put_batch(&mut batch).unwrap();
    assert_eq!(delivered(dir.path(), "s").len(), 4_194_304);
}

#[test]
fn refuses_other_keys_and_unknown_streams() {
    let dir = TempDir::new().unwrap();
    let endpoint = LocalEndpoint::builder(dir.path()).auto_create(false).start().unwrap();
    let with =
        |key: &str, secret: &str| client(endpoint.url()).credentials(Credentials::new(key, secret)).build().unwrap();
    assert_eq!(code(put(&with("test", "wrong"), "s", b"x")), ErrorCode::InvalidSignatureException);
    assert_eq!(code(put(&with("other", "test"), "s", b"x")), ErrorCode::UnrecognizedClientException);
    assert_eq!(code(put(&with("test", "test"), "s", b"x")), ErrorCode::ResourceNotFoundException);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "a refused call leaves nothing behind");
    fs::create_dir(dir.path().join("s")).unwrap();
    put(&with("test", "test"), "s", b"x").unwrap();
}

#[test]
fn keeps_what_it_has_over_a_restart() {
    let dir = TempDir::new().unwrap();
    for data in [b"1", b"2", b"3"] {
        let endpoint = LocalEndpoint::builder(dir.path()).start().unwrap();
        put(&client(endpoint.url()).build().unwrap(), "s", data).unwrap();
    }
    assert_eq!(delivered(dir.path(), "s"), b"123");
}

#[test]
fn says_that_the_disk_does_not_take_it() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("s"), "a file where the stream's directory would be").unwrap();
    let endpoint = LocalEndpoint::builder(dir.path()).start().unwrap();
    let result = put(&client(endpoint.url()).build().unwrap(), "s", b"x");
    assert_eq!(code(result), ErrorCode::ServiceUnavailableException);
}

#[test]
fn listens_on_loopback_unless_told_otherwise() {
    let dir = TempDir::new().unwrap();
    let remote = || LocalEndpoint::builder(dir.path()).listen("0.0.0.0:0".parse().unwrap());
    assert!(matches!(remote().start(), Err(LocalEndpointError::Remote { .. })));
    assert!(remote().allow_remote(true).start().is_ok());
    let taken = LocalEndpoint::builder(dir.path()).start().unwrap();
    let address = taken.url().strip_prefix("http://").unwrap().parse().unwrap();
    let second = LocalEndpoint::builder(dir.path().join("second")).listen(address).start();
    assert!(matches!(second, Err(LocalEndpointError::Listen { .. })), "{second:?}");
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(LocalEndpoint::builder(file).start(), Err(LocalEndpointError::Directory { .. })));
    drop(taken);
    fs::create_dir(dir.path().join("@streams")).unwrap();
    fs::write(dir.path().join("@streams/s.json"), "{").unwrap();
    let found = LocalEndpoint::builder(dir.path()).start().unwrap_err();
    assert!(matches!(found, LocalEndpointError::Definition { .. }) && found.to_string().ends_with("s.json"), "{found}");
}

#[test]
fn has_its_directory_to_itself() {
    let dir = TempDir::new().unwrap();
    let first = LocalEndpoint::builder(dir.path()).start().unwrap();
    let second = LocalEndpoint::builder(dir.path()).start().unwrap_err();
    assert!(matches!(second, LocalEndpointError::Locked { .. }), "{second:?}");
    assert!(second.to_string().contains(&dir.path().display().to_string()), "{second}");
    put(&client(first.url()).build().unwrap(), "s", b"x").unwrap();
    drop(first);
    LocalEndpoint::builder(dir.path()).start().unwrap();
}

#[test]
fn answers_under_its_own_names_alone() {
    /// What a browser sends for a page whose name leads to this machine, signed with the keys that everybody knows.
    fn rebound(url: &str, host: &str) -> u16 {
        let region = Region::parse("us-east-1").unwrap();
        let endpoint = Endpoint::custom(&format!("http://{host}"), region).unwrap();
        let input = PutRecordInput::new("s", Record::new(b"x"));
        let mut request = core::encode::<PutRecord>(&input, &endpoint).unwrap();
        let (now, keys) = (OffsetDateTime::now_utc(), Credentials::new("test", "test"));
        let key = SigningKey::derive(&keys, Scope::new(now, "us-east-1", "firehose").unwrap()).unwrap();
        Signer::new(&keys, &key).sign(now, &mut request).unwrap();
        let mut text = String::from("POST / HTTP/1.1\r\nConnection: close\r\n");
        request.headers.iter().for_each(|(name, value)| text.extend([name, ": ", value, "\r\n"]));
        text.push_str(&format!("Content-Length: {}\r\n\r\n", request.body().len()));
        let mut socket = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        socket.write_all(&[text.as_bytes(), request.body()].concat()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 ") || answer.contains("--allowed-host"), "{answer}");
        answer["HTTP/1.1 ".len()..][..3].parse().unwrap()
    }
    let dir = TempDir::new().unwrap();
    let endpoint = LocalEndpoint::builder(dir.path()).allowed_host("firehose.test").start().unwrap();
    for (host, status) in [
        ("rebound.example", 421),
        ("rebound.example:4573", 421),
        ("localhost.rebound.example", 421),
        ("localhost:4573", 200),
        ("127.0.0.1", 200),
        ("firehose.test:80", 200),
    ] {
        assert_eq!(rebound(endpoint.url(), host), status, "{host}");
    }
    assert_eq!(endpoint.stop().records, 3);
}

#[test]
fn serves_many_threads_on_one_client() {
    let dir = TempDir::new().unwrap();
    let endpoint = LocalEndpoint::builder(dir.path()).start().unwrap();
    let client = client(endpoint.url()).build().unwrap();
    thread::scope(|scope| {
        for thread in b'a'..b'i' {
            let client = client.clone();
            scope.spawn(move || (0..50).for_each(|_| drop(put(&client, "s", &[thread]).unwrap())));
        }
    });
    let mut bytes = delivered(dir.path(), "s");
    bytes.sort_unstable();
    assert_eq!(bytes, (b'a'..b'i').flat_map(|thread| [thread; 50]).collect::<Vec<_>>());
}

#[test]
fn tells_failures_of_the_connection_apart() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, expected) in [
        (format!("http://{port}"), TransportErrorKind::Connect),
        ("http://no-such-host.invalid".into(), TransportErrorKind::Connect),
        (canned(&[b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"]).0, TransportErrorKind::Broken),
        (canned(&[b""]).0, TransportErrorKind::Broken),
        (canned(&[b"SSH-2.0-OpenSSH_9.2\r\n\r\n"]).0, TransportErrorKind::Broken),
        (canned(&[b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{"]).0, TransportErrorKind::ResponseTooLarge),
    ] {
        let result = put(&client(&url).build().unwrap(), "s", b"x");
        assert_eq!(kind(result), expected, "{url}");
    }
}

#[test]
fn stops_waiting_for_a_server_that_says_nothing_or_dribbles() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let silent = client(&url).read_timeout(Duration::from_millis(50)).build().unwrap();
    assert_eq!(kind(put(&silent, "s", b"x")), TransportErrorKind::Timeout);
    let dribbler = thread::spawn(move || {
        // The connection of the silent client comes first.
        drop(listener.accept().unwrap());
        let (mut socket, _) = listener.accept().unwrap();
        let mut text = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
        while socket.write_all(&text).is_ok() {
            text = vec![b'x'];
            thread::yield_now();
        }
    });
    let result = put(&silent, "s", b"x");
    assert!(matches!(kind(result), TransportErrorKind::Timeout | TransportErrorKind::ResponseTooLarge));
    dribbler.join().unwrap();
}

#[test]
fn follows_no_redirect() {
    let (url, server) = canned(&[b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"]);
    match put(&client(&url).build().unwrap(), "s", b"x") {
        Err(Error::Refused { error, .. }) => assert_eq!((error.status, error.code), (302, None)),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.join().unwrap(), 1);
}

#[test]
fn replaces_a_connection_that_the_server_has_closed() {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"RecordId\":\"1\"}";
    // Both promise to keep the connection and close it all the same.
    let (url, server) = canned(&[ANSWER, ANSWER]);
    let client = client(&url).max_attempts(NonZeroU32::new(2).unwrap()).build().unwrap();
    put(&client, "s", b"x").unwrap();
    put(&client, "s", b"x").unwrap();
    assert_eq!(server.join().unwrap(), 2);
}
