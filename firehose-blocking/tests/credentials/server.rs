//! A small HTTP server on loopback that answers by a function.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of a request.
pub(crate) enum Reply {
    /// A whole answer.
    Answer(u16, String),
    /// These bytes, whatever they are, and the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, until the client has had enough.
    Silence,
    /// These bytes, and then one after the other, until the client has had enough.
    Drip(&'static str),
}

impl Reply {
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self::Answer(200, body.into())
    }
}

type Handler = dyn Fn(&str, usize) -> Reply + Send + Sync;

pub(crate) struct Server {
    address: SocketAddr,
    /// The heads of the requests.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers each request, given its head and how many came before it. Lives as long as the test program.
    pub(crate) fn start(handler: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let (seen, handler): (_, Arc<Handler>) = (Arc::clone(&server.seen), Arc::new(handler));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, handler) = (Arc::clone(&seen), Arc::clone(&handler));
                thread::spawn(move || serve(&stream.unwrap(), &seen, &*handler));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The first lines of the requests, without the version.
    pub(crate) fn paths(&self) -> Vec<String> {
        let line = |head: &String| head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        self.seen().iter().map(line).collect()
    }
}

fn serve(stream: &TcpStream, seen: &Mutex<Vec<String>>, handler: &Handler) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let count = {
        let mut seen = seen.lock().unwrap();
        seen.push(head.clone());
        seen.len() - 1
    };
    let bytes = match handler(&head, count) {
        Reply::Answer(status, body) => {
            let length = body.len();
            let ttl = "x-aws-ec2-metadata-token-ttl-seconds: 21600";
            format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{ttl}\r\n\r\n{body}")
                .into()
        }
        Reply::Raw(bytes) => bytes,
        Reply::Drip(start) => {
            let mut sent = (&*stream).write_all(start.as_bytes());
            while sent.is_ok() {
                thread::sleep(Duration::from_millis(20));
                sent = (&*stream).write_all(b"H");
            }
            return;
        }
        Reply::Silence => {
            // Until the client closes the connection.
            let _ = reader.read_line(&mut head);
            return;
        }
    };
    // A client that has read enough closes the connection.
    let _ = (&*stream).write_all(&bytes);
}
