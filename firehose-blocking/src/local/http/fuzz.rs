//! Entry point of the fuzz target `local_http`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a fuzz target fails at what is wrong")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::{LazyLock, Mutex};

use firehose_proto::http::{Method, Request, Response};

use super::{Answer, Limits, OpenConnection, connection};

static LISTENER: LazyLock<TcpListener> = LazyLock::new(|| TcpListener::bind("127.0.0.1:0").unwrap());

/// Serves one connection on which a client sends these bytes and no more. Each accepted request gets its own answer, in
/// order. At most one request is refused, and nothing follows it.
pub fn serve(bytes: &[u8]) {
    let mut client = TcpStream::connect(LISTENER.local_addr().unwrap()).unwrap();
    let (socket, peer) = LISTENER.accept().unwrap();
    // What does not fit into the socket's buffers would wait for a reader forever.
    client.write_all(bytes).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let limits = Limits { max_head_bytes: 2048, max_headers: 8, max_body_bytes: 2048, ..Limits::default() };
    let requests = Mutex::new(Vec::new());
    let handler = |request: Request<'_>| {
        assert!(request.uri.starts_with('/') || request.uri == "*", "{:?}", request.uri);
        assert!(request.body().len() <= limits.max_body_bytes);
        requests.lock().unwrap().push((request.method, request.body().to_vec()));
        Answer::Whole(Response::new(200, request.body().to_vec()))
    };
    connection::serve(
        &OpenConnection { socket, is_idle: AtomicBool::new(false) },
        peer,
        &limits,
        &handler,
        &AtomicBool::new(false),
    );
    let mut answers = Vec::new();
    // A reset means that the server has not read everything.
    let _ = client.read_to_end(&mut answers);
    check(&answers, &requests.into_inner().unwrap());
}

/// Checks the bytes of the answers against the accepted requests.
fn check(mut answers: &[u8], requests: &[(Method, Vec<u8>)]) {
    let mut requests = requests.iter();
    while !answers.is_empty() {
        let end = answers.windows(4).position(|window| window == b"\r\n\r\n").expect("a head ends");
        let (head, rest) = answers.split_at(end + 4);
        let head = str::from_utf8(head).expect("a head is text");
        answers = rest;
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).expect("a status line");
        if status == "100" {
            assert_eq!(head, "HTTP/1.1 100 Continue\r\n\r\n");
            continue;
        }
        let length = head.split_once("\r\ncontent-length: ").and_then(|(_, rest)| rest.split("\r\n").next());
        let length: usize = length.and_then(|length| length.parse().ok()).expect("a length");
        if status != "200" {
            assert!(["400", "408", "413", "431", "501"].contains(&status), "{head}");
            // A HEAD has no body in the answer, and a reset may cut it off.
            assert!(head.contains("\r\nconnection: close\r\n") && answers.len() <= length, "{head}");
            break;
        }
        let (method, body) = requests.next().expect("a request for each answer");
        assert_eq!(length, body.len());
        let sent = if *method == Method::Head { 0 } else { length };
        let (answer, rest) = answers.split_at(sent);
        assert_eq!(answer, &body[..sent]);
        answers = rest;
        assert!(!head.contains("\r\nconnection: close\r\n") || answers.is_empty(), "{head}");
    }
    assert_eq!(requests.next(), None, "a request without an answer");
}
