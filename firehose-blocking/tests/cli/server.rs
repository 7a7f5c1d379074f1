//! A server that answers PutRecordBatch as a test tells it to, and remembers what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firehose_blocking::firehose_proto::time::HttpDate;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// What becomes of one request.
pub(crate) enum Answer {
    /// An answer of this status and body.
    Http(u16, String),
    /// The same, dated now by a clock that is an hour ahead.
    Ahead(u16, String),
    /// The connection is closed without one.
    HangUp,
}

impl Answer {
    /// A 200 in which each record has its own outcome: accepted, or refused with this code.
    pub(crate) fn outcomes(outcomes: &[Option<&str>]) -> Self {
        let entry = |(index, outcome): (usize, &Option<&str>)| match outcome {
            None => json!({"RecordId": format!("id-{index}")}),
            Some(code) => json!({"ErrorCode": code, "ErrorMessage": "Slow down."}),
        };
        let entries: Vec<Value> = outcomes.iter().enumerate().map(entry).collect();
        let failed = outcomes.iter().flatten().count();
        Self::Http(200, json!({"FailedPutCount": failed, "RequestResponses": entries}).to_string())
    }

    pub(crate) fn accepted(records: usize) -> Self {
        Self::outcomes(&vec![None; records])
    }

    pub(crate) fn refused(status: u16, code: &str) -> Self {
        Self::Http(status, json!({"__type": code, "message": "No."}).to_string())
    }
}

/// The records of each request so far.
#[derive(Default)]
struct Log {
    requests: Mutex<Vec<Vec<Vec<u8>>>>,
    told: Condvar,
}

pub(crate) struct Server {
    pub(crate) url: String,
    log: Arc<Log>,
}

impl Server {
    /// Starts a server that answers by a script: the number of the request, from 0, and its records.
    pub(crate) fn start(script: impl Fn(usize, &[Vec<u8>]) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Log::default());
        let (script, shared) = (Arc::new(script), Arc::clone(&log));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, log) = (Arc::clone(&script), Arc::clone(&shared));
                // A connection that breaks is the end of it: the program's side of that is what is tested.
                thread::spawn(move || serve(&stream.unwrap(), &*script, &log));
            }
        });
        Self { url, log }
    }

    pub(crate) fn requests(&self) -> Vec<Vec<Vec<u8>>> {
        self.log.requests.lock().unwrap().clone()
    }

    /// Waits until there were so many requests.
    pub(crate) fn wait_for(&self, requests: usize) {
        let seen = self.log.requests.lock().unwrap();
        let limit = Duration::from_secs(30);
        let (seen, timeout) = self.log.told.wait_timeout_while(seen, limit, |seen| seen.len() < requests).unwrap();
        assert!(!timeout.timed_out(), "{} requests in 30 s", seen.len());
    }
}

fn serve(stream: &TcpStream, script: &dyn Fn(usize, &[Vec<u8>]) -> Answer, log: &Log) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut content_length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                content_length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; content_length];
        reader.read_exact(&mut body).ok()?;
        let body: Value = serde_json::from_slice(&body).unwrap();
        let data = |record: &Value| STANDARD.decode(record["Data"].as_str().unwrap()).unwrap();
        let records: Vec<Vec<u8>> = body["Records"].as_array().unwrap().iter().map(data).collect();
        let number = {
            let mut requests = log.requests.lock().unwrap();
            requests.push(records.clone());
            requests.len() - 1
        };
        log.told.notify_all();
        let (status, date, body) = match script(number, &records) {
            Answer::HangUp => return None,
            Answer::Http(status, body) => (status, String::new(), body),
            Answer::Ahead(status, body) => {
                let now = OffsetDateTime::now_utc() + Duration::from_secs(3600);
                (status, format!("Date: {}\r\n", HttpDate::new(now).as_str()), body)
            }
        };
        let head = format!("HTTP/1.1 {status} Told\r\n{date}Content-Length: {}\r\n\r\n", body.len());
        (&*stream).write_all((head + &body).as_bytes()).ok()?;
    }
}
