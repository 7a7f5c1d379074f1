//! The server over real sockets: every limit, every refusal, and what a client sees of them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::panic;
#[cfg(unix)]
use std::process::Command;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use firehose_proto::http::{Request, Response};

use super::{Answer as Outcome, Limits, Server};

/// Longer than any step takes; a test that runs into it has failed.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A deadline that a test waits for.
const SOON: Duration = Duration::from_millis(100);
const GOOD: &[u8] = b"GET /good HTTP/1.1\r\nHost: h\r\n\r\n";

fn start(limits: Limits) -> Server {
    start_with(limits, echo)
}

fn start_with<A: Into<Outcome>>(limits: Limits, handler: impl Fn(Request<'_>) -> A + Send + Sync + 'static) -> Server {
    Server::start(TcpListener::bind("127.0.0.1:0").unwrap(), limits, handler, || 0).unwrap()
}

/// Answers with the request as the handler got it.
#[expect(clippy::needless_pass_by_value, reason = "it is a handler")]
fn echo(request: Request<'_>) -> Response {
    let mut body = format!("{} {}\n", request.method.as_str(), request.uri).into_bytes();
    for (name, value) in request.headers.iter().filter(|(name, _)| name.starts_with("x-")) {
        body.extend_from_slice(format!("{name}: {value}\n").as_bytes());
    }
    body.extend_from_slice(request.body());
    let status = request.query().parse().unwrap_or(200);
    Response::new(status, body)
}

struct Client(TcpStream);

#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn closes(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }
}

impl Client {
    fn connect(server: &Server) -> Self {
        let socket = TcpStream::connect(server.local_addr()).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        socket.set_write_timeout(Some(TIMEOUT)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self(socket)
    }

    /// The server need not read all of it.
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.0.write_all(bytes.as_ref());
        self
    }

    fn head(&mut self) -> String {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            assert_eq!(self.0.read(&mut byte).unwrap(), 1, "closed after {:?}", String::from_utf8_lossy(&head));
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    fn answer_to(&mut self, is_head: bool) -> Answer {
        let head = self.head();
        let status = head["HTTP/1.1 ".len()..][..3].parse().unwrap();
        let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest.split_once('\r').unwrap().0);
        let mut body = vec![0; if is_head { 0 } else { length.parse().unwrap() }];
        self.0.read_exact(&mut body).unwrap();
        Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() }
    }

    fn answer(&mut self) -> Answer {
        self.answer_to(false)
    }

    fn exchange(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).answer()
    }

    /// Reads until the server closes; a reset counts as a close, a timeout does not.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("still open: {error}"),
            _ => rest,
        }
    }

    fn assert_closed(&mut self, case: impl std::fmt::Debug) {
        assert_eq!(self.rest(), b"", "{case:?}");
    }
}

fn post(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut request = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend_from_slice(body);
    request
}

fn assert_serves(server: &Server) {
    assert_eq!(Client::connect(server).exchange(GOOD).body, "GET /good\n");
}

#[test]
fn hands_over_requests_of_every_form() {
    let server = start(Limits::default());
    let mut client = Client::connect(&server);
    for (request, body) in [
        ("GET /a%20b?c=%2F&d HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a%20b?c=%2F&d\n"),
        ("GET http://other:1/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b\n"),
        ("GET http://other HTTP/1.1\r\nHost: h\r\n\r\n", "GET /\n"),
        ("GET http://other?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?b\n"),
        ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS *\n"),
        ("\r\nGET / HTTP/1.1\r\nhOST:h\r\nX-B: 2 \r\nX-A:\t1\r\nX-b: 3\r\n\r\n", "GET /\nx-b: 2\nx-b: 3\nx-a: 1\n"),
        ("POST / HTTP/1.1\r\nHost: h\r\nX-A: \u{e9}\r\nContent-Length: 2\r\n\r\n{}", "POST /\nx-a: \u{e9}\n{}"),
        // RFC 9112, section 6.3: without length and coding there is no body.
        ("POST / HTTP/1.1\r\nHost: h\r\n\r\n", "POST /\n"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "POST /\n"),
        ("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "PUT /\nx"),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", "GET /\nx"),
    ] {
        let answer = client.exchange(request);
        assert_eq!((answer.status, &*answer.body, answer.closes()), (200, body, false), "{request}");
        assert!(answer.head.contains("\r\ndate: "), "{}", answer.head);
    }
}

#[test]
fn reads_chunked_bodies() {
    let server = start(Limits { max_body_bytes: 26, ..Limits::default() });
    let mut client = Client::connect(&server);
    for (chunks, body) in [
        ("0\r\n\r\n", ""),
        ("3\r\nabc\r\n0\r\n\r\n", "abc"),
        ("3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n", "abc0123456789"),
        ("1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", "abcdefghijklmnopqrstuvwxyz"),
    ] {
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n");
        for byte in chunks.bytes() {
            client.send([byte]);
        }
        assert_eq!(client.answer().body, format!("POST /\n{body}"), "{chunks}");
    }
}

#[test]
fn answers_pipelined_requests_in_order() {
    let server = start(Limits::default());
    let mut client = Client::connect(&server);
    let requests: String = (0..500)
        .map(|n| match n % 3 {
            0 => format!("GET /{n} HTTP/1.1\r\nHost: h\r\n\r\n"),
            1 => format!("POST /{n} HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nGET"),
            _ => format!("POST /{n} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n"),
        })
        .collect();
    client.send(requests);
    for n in 0..500 {
        let expected = if n % 3 == 0 { format!("GET /{n}\n") } else { format!("POST /{n}\nGET") };
        assert_eq!(client.answer().body, expected);
    }
}

#[test]
fn refuses_what_is_malformed_or_ambiguous_and_closes() {
    let server = start(Limits { max_headers: 3, max_head_bytes: 1000, max_body_bytes: 10, ..Limits::default() });
    let long = "a".repeat(1000);
    let many = "a:b\r\n".repeat(4);
    let far_too_many = "a:b\r\n".repeat(200);
    // Each is followed by a request that must not be seen as one.
    for (request, status, rule) in [
        ("\u{7f}\r\n\r\n", 400, "invalid token"),
        ("GET\r\n\r\n", 400, "invalid token"),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 400, "invalid HTTP version"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "HTTP/1.1 requires exactly one Host field (RFC 9112, section 3.2)"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            400,
            "HTTP/1.1 requires exactly one Host field (RFC 9112, section 3.2)",
        ),
        ("GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", 400, "invalid header name"),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n z\r\n\r\n", 400, "invalid header name"),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n", 400, "invalid header value"),
        ("GET relative HTTP/1.1\r\nHost: h\r\n\r\n", 400, "the target has no path (RFC 9112, section 3.2)"),
        ("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501, "the method is unknown"),
        ("BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501, "the method is unknown"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400, "content-length header not a number"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\nx", 400, "content-length header not a number"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 1\r\n\r\nx", 400, "content-length header not a number"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\nx", 400, "content-length header not a number"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400, "content-length header not a number"),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            400,
            "conflicting content-length headers",
        ),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 2\r\n\r\nxx", 400, "conflicting content-length headers"),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616\r\n\r\n",
            400,
            "content-length header not a number",
        ),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n", 413, "the body is too large"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", 413, "the body is too large"),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n",
            413,
            "the body is too large",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
            400,
            "Transfer-Encoding and Content-Length exclude each other (RFC 9112, section 6.3)",
        ),
        (
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "HTTP/1.0 has no Transfer-Encoding (RFC 9112, section 6.1)",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            501,
            "the only supported transfer coding is chunked",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            501,
            "the only supported transfer coding is chunked",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            501,
            "the only supported transfer coding is chunked",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n",
            501,
            "the only supported transfer coding is chunked",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            400,
            "chunk length cannot be read as a number",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n",
            400,
            "chunk length cannot be read as a number",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
            400,
            "chunk expected crlf as next character",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            400,
            "chunk length cannot be read as a number",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n01234567890",
            413,
            "the body is too large",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n012345678\r\n2\r\n9a\r\n0\r\n\r\n",
            413,
            "the body is too large",
        ),
        (
            &format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;{long}"),
            400,
            "the line with a chunk's size is too long",
        ),
        (&format!("GET / HTTP/1.1\r\nHost: h\r\nX: {long}"), 431, "the head is too large"),
        (&format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n"), 431, "the head is too large"),
        (&format!("GET / HTTP/1.1\r\n{many}\r\n"), 431, "there are too many header fields"),
        (&format!("GET / HTTP/1.1\r\n{far_too_many}\r\n"), 431, "there are too many header fields"),
    ] {
        let mut client = Client::connect(&server);
        let answer = client.exchange([request.as_bytes(), GOOD].concat());
        let told = format!("invalid HTTP request: {rule}\n");
        assert_eq!((answer.status, &*answer.body, answer.closes()), (status, &*told, true), "{request}");
        client.assert_closed(request);
    }
    let mut client = Client::connect(&server);
    let answer = client.send("HEAD / HTTP/1.1\r\n\r\n").answer_to(true);
    assert_eq!(answer.status, 400);
    client.assert_closed("the answer to HEAD has no body, a refusal neither");
    assert_serves(&server);
}

#[test]
fn accepts_what_is_exactly_at_a_limit() {
    let request = b"POST / HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 5\r\n\r\n";
    let server =
        start(Limits { max_headers: 3, max_head_bytes: request.len(), max_body_bytes: 5, ..Limits::default() });
    assert_eq!(Client::connect(&server).send(request).exchange("12345").body, "POST /\n12345");
}

#[test]
fn refusal_of_a_large_body_reaches_a_client_that_sends_all_of_it_first() {
    let server = start(Limits { max_body_bytes: 1000, linger: TIMEOUT, ..Limits::default() });
    let body = vec![b'x'; 8 * 1024 * 1024];
    let mut client = Client::connect(&server);
    client.0.write_all(&post(&body)).unwrap();
    assert_eq!(client.answer().status, 413);
    client.0.shutdown(Shutdown::Write).unwrap();
    client.assert_closed("413");
}

#[test]
fn tells_a_client_that_stopped_sending_half_way() {
    let server = start(Limits::default());
    let chunked = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
    for request in [&b"GET / HT"[..], &post("0123")[..50], chunked] {
        let mut client = Client::connect(&server);
        client.send(request).0.shutdown(Shutdown::Write).unwrap();
        let answer = client.answer();
        let told = "invalid HTTP request: the connection ended within the request\n";
        assert_eq!((answer.status, &*answer.body), (400, told), "{request:?}");
        client.assert_closed(request);
    }
}

#[test]
fn deadlines_hold_however_slowly_bytes_arrive() {
    let sized = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
    let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n";
    for (start_with, dribbles) in
        [("GET /", false), ("GET /", true), (sized, false), (sized, true), (chunked, false), (chunked, true)]
    {
        let server = start(Limits { head: SOON, body: SOON, ..Limits::default() });
        let mut client = Client::connect(&server);
        let began = Instant::now();
        client.send(start_with);
        if dribbles {
            // The pause between two bytes is the wait for an answer.
            client.0.set_read_timeout(Some(SOON / 10)).unwrap();
            while client.0.peek(&mut [0]).is_err() {
                assert!(began.elapsed() < TIMEOUT, "{start_with} is never refused");
                client.send("x");
            }
            client.0.set_read_timeout(Some(TIMEOUT)).unwrap();
        }
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (408, true), "{start_with} {dribbles}");
        client.assert_closed(start_with);
        assert!((SOON..TIMEOUT / 2).contains(&began.elapsed()), "{start_with} {dribbles} {:?}", began.elapsed());
    }
}

#[test]
fn closes_idle_connections_without_an_answer() {
    for request in [&b""[..], GOOD] {
        let server = start(Limits { idle: SOON, ..Limits::default() });
        let mut client = Client::connect(&server);
        if !request.is_empty() {
            assert_eq!(client.exchange(request).status, 200);
        }
        client.assert_closed(request);
    }
}

#[test]
fn client_that_reads_nothing_gives_its_place_to_the_next() {
    let server = start_with(Limits { write: SOON, max_connections: 1, ..Limits::default() }, |request| {
        Response::new(200, vec![b'x'; if request.path() == "/good" { 1 } else { 64 * 1024 * 1024 }])
    });
    let mut deaf = Client::connect(&server);
    deaf.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(Client::connect(&server).exchange(GOOD).body, "x");
    assert!(deaf.rest().len() < 64 * 1024 * 1024);
}

#[test]
fn slow_clients_at_the_connection_limit_starve_nobody() {
    let server = start(Limits { head: SOON, idle: SOON, max_connections: 4, ..Limits::default() });
    let mut slow: Vec<Client> = (0..8).map(|_| Client::connect(&server)).collect();
    for client in slow.iter_mut().step_by(2) {
        client.send("GET /");
    }
    assert_serves(&server);
}

#[test]
fn connections_beyond_the_limit_wait_for_a_place() {
    let server = start(Limits { max_connections: 1, ..Limits::default() });
    let mut first = Client::connect(&server);
    assert_eq!(first.exchange(GOOD).status, 200);
    // Once the server has asked for its body, the first client is certainly within a request.
    first.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").head();
    let mut second = Client::connect(&server);
    second.send(GOOD).0.set_read_timeout(Some(SOON)).unwrap();
    assert!(second.0.read(&mut [0]).is_err(), "served beyond the limit");
    drop(first);
    second.0.set_read_timeout(Some(TIMEOUT)).unwrap();
    assert_eq!(second.answer().status, 200);
}

#[test]
fn the_longest_idle_connection_gives_its_place_to_a_new_one() {
    let server = start(Limits { max_connections: 2, ..Limits::default() });
    let mut clients: Vec<Client> = (0..6).map(|_| Client::connect(&server)).collect();
    assert_serves(&server);
    clients[0].assert_closed("the oldest");
}

#[test]
fn survives_a_handler_that_panics() {
    let server = start_with(Limits::default(), |request| {
        // Unlike `panic!`, this writes no message.
        if request.path() == "/panic" { panic::resume_unwind(Box::new(())) } else { echo(request) }
    });
    for _ in 0..3 {
        let mut client = Client::connect(&server);
        let answer = client.exchange("GET /panic HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!((answer.status, answer.closes()), (500, true));
        client.assert_closed("500");
    }
    assert_serves(&server);
}

#[test]
fn cuts_an_answer_where_it_is_told_to() {
    let server = start_with(Limits::default(), |request| match request.path() {
        "/nothing" => Outcome::Nothing,
        "/head" => Outcome::CutShort(echo(request), 0),
        "/part" => Outcome::CutShort(echo(request), 4),
        "/all" => Outcome::CutShort(echo(request), 4000),
        _ => echo(request).into(),
    });
    for (path, body) in [("nothing", None), ("head", Some("")), ("part", Some("GET ")), ("all", Some("GET /all\n"))] {
        let mut client = Client::connect(&server);
        assert_eq!(client.exchange(GOOD).status, 200);
        // The next request has already arrived. It must not be answered, nor turn the close into a reset.
        client.send([format!("GET /{path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes(), GOOD].concat());
        if body.is_some() {
            let head = client.head();
            assert!(head.contains(&format!("content-length: {}\r\n", path.len() + 6)), "{head}");
            assert!(!head.contains("connection: close"), "{head}");
        }
        assert_eq!(String::from_utf8(client.rest()).unwrap(), body.unwrap_or_default(), "{path}");
    }
    assert_serves(&server);
}

#[test]
fn statuses_decide_about_the_body() {
    let server = start(Limits::default());
    for (request, status, body) in [
        ("GET /?404 HTTP/1.1\r\nHost: h\r\n\r\n", 404, "GET /?404\n"),
        ("GET /?204 HTTP/1.1\r\nHost: h\r\n\r\n", 204, ""),
        ("GET /?304 HTTP/1.1\r\nHost: h\r\n\r\n", 304, ""),
        // Not a final status.
        ("GET /?100 HTTP/1.1\r\nHost: h\r\n\r\n", 500, ""),
        ("GET /?0 HTTP/1.1\r\nHost: h\r\n\r\n", 500, ""),
    ] {
        let mut client = Client::connect(&server);
        let answer = client.exchange(request);
        assert_eq!((answer.status, &*answer.body), (status, body), "{request}");
        assert_eq!(answer.head.contains("content-length: "), status != 204 && status != 304, "{request}");
        if status != 500 {
            assert_eq!(client.exchange(GOOD).body, "GET /good\n", "{request}");
        }
    }
}

#[test]
fn head_has_the_length_but_not_the_body() {
    let server = start(Limits::default());
    let mut client = Client::connect(&server);
    // The body of a HEAD request is not the next request either.
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    let answer = client.answer_to(true);
    assert!(answer.head.contains("content-length: 25\r\n"), "{}", answer.head);
    assert_eq!(client.exchange(GOOD).body, "GET /good\n");
}

#[test]
fn closes_when_asked_to_and_says_so() {
    let server = start(Limits::default());
    for request in [
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n",
    ] {
        let mut client = Client::connect(&server);
        let answer = client.exchange([request.as_bytes(), GOOD].concat());
        assert_eq!((answer.status, &*answer.body, answer.closes()), (200, "GET /\n", true), "{request}");
        client.assert_closed(request);
    }
}

#[test]
fn invites_the_body_that_a_client_holds_back() {
    let server = start(Limits::default());
    let mut client = Client::connect(&server);
    for body in ["Content-Length: 2\r\n\r\n|{}", "Transfer-Encoding: chunked\r\n\r\n|2\r\n{}\r\n0\r\n\r\n"] {
        let (head, body) = body.split_once('|').unwrap();
        client.send(format!("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n{head}"));
        assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(client.exchange(body).body, "POST /\n{}");
    }
    client.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(client.answer().body, "POST /\n{}", "HTTP/1.0 knows no interim answer");
}

#[test]
fn serves_many_clients_at_once() {
    let server = start(Limits::default());
    thread::scope(|scope| {
        for n in 0..8_usize {
            let server = &server;
            scope.spawn(move || {
                let mut client = Client::connect(server);
                for size in [0, 1, 300, 20_000, 140_000, 3_000_000, 5, 1_100_000, 16_000] {
                    let body: String = (0..size + n).map(|i| char::from(b'a' + (i % 23) as u8)).collect();
                    assert_eq!(client.exchange(post(&body)).body.strip_prefix("POST /\n"), Some(&*body));
                }
            });
        }
    });
}

/// A server whose handler, for `/wait`, signals its start and waits to be released.
fn start_waiting(limits: Limits) -> (Server, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (began_in, began) = mpsc::channel();
    let (go, go_out) = mpsc::channel();
    let go_out = Mutex::new(go_out);
    let server = start_with(limits, move |request| {
        if request.path() == "/wait" {
            began_in.send(()).unwrap();
            let _ = go_out.lock().unwrap().recv();
        }
        echo(request)
    });
    (server, began, go)
}

#[test]
fn stop_closes_idle_connections_and_answers_requests_in_progress() {
    let (mut server, began, go) = start_waiting(Limits { stop: TIMEOUT, linger: SOON, ..Limits::default() });
    let address = server.local_addr();
    let (mut busy, mut idle, mut fresh) =
        (Client::connect(&server), Client::connect(&server), Client::connect(&server));
    assert_eq!(idle.exchange(GOOD).status, 200);
    busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    began.recv().unwrap();
    let stopping = thread::spawn(move || server.stop());
    idle.assert_closed("idle");
    fresh.assert_closed("fresh");
    go.send(()).unwrap();
    let answer = busy.answer();
    assert_eq!((answer.status, answer.closes()), (200, true));
    stopping.join().unwrap();
    assert!(TcpStream::connect(address).is_err(), "still accepts");
}

#[test]
fn stop_returns_although_clients_and_handlers_do_not() {
    let (mut server, began, _go) = start_waiting(Limits { stop: SOON, ..Limits::default() });
    let (mut half_sent, mut busy) = (Client::connect(&server), Client::connect(&server));
    half_sent.send("GET /");
    busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    began.recv().unwrap();
    let began = Instant::now();
    server.stop();
    assert!(began.elapsed() < TIMEOUT / 2, "{:?}", began.elapsed());
    busy.assert_closed("busy");
    half_sent.rest();
}

#[test]
fn drop_stops_and_lets_go_of_the_handler() {
    for max_connections in [1, 8] {
        let kept = Arc::new(());
        let server = start_with(Limits { max_connections, ..Limits::default() }, {
            let kept = Arc::clone(&kept);
            move |request| Response::new(200, vec![b'x'; Arc::strong_count(&kept) + request.body().len()])
        });
        let mut client = Client::connect(&server);
        assert_eq!(client.exchange(GOOD).status, 200);
        let mut waiting = Client::connect(&server);
        if max_connections > 1 {
            assert_eq!(waiting.exchange(GOOD).status, 200);
        }
        drop(server);
        assert_eq!(Arc::strong_count(&kept), 1);
        client.assert_closed(max_connections);
        waiting.assert_closed(max_connections);
    }
}

#[test]
fn serves_on_after_a_barrage_of_garbage() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % below
    };
    let valid = [
        GOOD.to_vec(),
        post("{\"Record\":{\"Data\":\"aGk=\"}}"),
        b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nA;x=y\r\n0123456789\r\n0\r\nT: u\r\n\r\n"
            .to_vec(),
        b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nabcdGET / HTTP/1.0\r\n\r\n".to_vec(),
    ];
    let server = start(Limits { max_connections: 16, ..Limits::default() });
    for round in 0..2000 {
        let mut bytes = match round % 4 {
            0 => (0..random(400)).map(|_| random(256) as u8).collect(),
            _ => valid[random(valid.len())].clone(),
        };
        for _ in 0..if round % 4 == 1 { 0 } else { random(4) } {
            let at = random(bytes.len() + 1);
            match random(4) {
                0 => bytes.insert(at, random(256) as u8),
                1 => bytes.truncate(at),
                2 => drop(bytes.splice(at.min(bytes.len() / 2)..at, [])),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random(8)),
            }
        }
        if round % 4 == 1 {
            bytes.truncate(random(bytes.len()));
        }
        let mut client = Client::connect(&server);
        client.send(&bytes);
        if round % 16 != 0 {
            let _ = client.0.shutdown(Shutdown::Write);
            let answered = client.rest();
            assert!(answered.is_empty() || answered.starts_with(b"HTTP/1.1 "), "{:?}", String::from_utf8_lossy(&bytes));
        }
    }
    assert_serves(&server);
}

/// Runs the next test in a process of its own with a low limit of open files.
#[cfg(unix)]
#[test]
fn serves_on_after_running_out_of_descriptors() {
    let program = std::env::current_exe().unwrap();
    let run = Command::new("sh")
        .args(["-c", "ulimit -n 40 && exec \"$0\" --exact local::http::tests::runs_out_of_descriptors --ignored"])
        .arg(program)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && output.contains("1 passed"), "{output}{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
#[ignore = "needs a process of its own"]
fn runs_out_of_descriptors() {
    let server = start(Limits::default());
    let clients: Vec<TcpStream> =
        std::iter::from_fn(|| TcpStream::connect(server.local_addr()).ok()).take(100).collect();
    assert!(clients.len() < 100, "descriptors did not run out");
    drop(clients);
    assert_serves(&server);
}
