//! A stand-in for AWS: answers what `firehose check` asks as a test tells it to, under any name through a proxy of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use firehose_blocking::firehose_proto::time::HttpDate;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// What the service answers: status and body.
#[derive(Clone)]
pub(crate) struct Conduct {
    pub(crate) describe: (u16, String),
    pub(crate) put: (u16, String),
    pub(crate) identity: (u16, String),
    /// How far its clock is ahead, in seconds; without one, answers have no date.
    pub(crate) ahead: Option<i64>,
}

impl Conduct {
    /// As the service answers where all is well.
    pub(crate) fn good() -> Self {
        let records = "1 validation error detected: Value null at 'records' failed to satisfy constraint: Member must not be null";
        let identity = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn>\
                        <UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
                        </GetCallerIdentityResponse>";
        Self {
            describe: described("ACTIVE", "DirectPut"),
            put: refused("ValidationException", records),
            identity: (200, identity.into()),
            ahead: Some(0),
        }
    }
}

/// An answer to DescribeDeliveryStream.
pub(crate) fn described(status: &str, kind: &str) -> (u16, String) {
    let description = json!({
        "DeliveryStreamName": "logs",
        "DeliveryStreamARN": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/logs",
        "DeliveryStreamStatus": status,
        "DeliveryStreamType": kind,
        "VersionId": "1",
        "Destinations": [],
        "HasMoreDestinations": false,
    });
    (200, json!({"DeliveryStreamDescription": description}).to_string())
}

pub(crate) fn refused(code: &str, words: &str) -> (u16, String) {
    (400, json!({"__type": code, "message": words}).to_string())
}

pub(crate) struct Service {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Service {
    pub(crate) fn start(conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = Self { url, asked: Arc::default() };
        let asked = Arc::clone(&service.asked);
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (socket, conduct, asked) = (socket.unwrap(), conduct.clone(), Arc::clone(&asked));
                // A connection that ends early is the client's doing.
                thread::spawn(move || serve(&socket, &conduct, &asked));
            }
        });
        service
    }

    /// What was asked, signed or not, with the body of each.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut socket: &TcpStream, conduct: &Conduct, asked: &Mutex<Vec<(String, String)>>) -> Option<()> {
    let mut reader = BufReader::new(socket);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
            if let Some(value) = head[start..].to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        if head.starts_with("CONNECT ") {
            socket.write_all(b"HTTP/1.1 200 Established\r\n\r\n").ok()?;
            continue;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).unwrap();
        let target = head.lines().find_map(|line| line.strip_prefix("x-amz-target: Firehose_20150804."));
        let name =
            if head.contains("\r\nauthorization: ") { target.unwrap_or("GetCallerIdentity") } else { "unsigned" };
        asked.lock().unwrap().push((name.into(), body.clone()));
        let (status, body) = match name {
            "unsigned" => refused("MissingAuthenticationTokenException", "Missing Authentication Token"),
            "DescribeDeliveryStream" => conduct.describe.clone(),
            "PutRecordBatch" => {
                let input: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(input, json!({"DeliveryStreamName": "logs"}), "nothing is written");
                conduct.put.clone()
            }
            "GetCallerIdentity" => conduct.identity.clone(),
            other => panic!("nobody asks for {other}"),
        };
        let date = conduct.ahead.map_or_else(String::new, |seconds| {
            let now = OffsetDateTime::now_utc() + time::Duration::seconds(seconds) + Duration::from_millis(500);
            format!("Date: {}\r\n", HttpDate::new(now).as_str())
        });
        let head = format!("HTTP/1.1 {status} Told\r\n{date}Content-Length: {}\r\n\r\n", body.len());
        socket.write_all((head + &body).as_bytes()).ok()?;
    }
}
