//! The one server that all clients are measured against: it does what the protocol asks of it, and as little else as it can.
//!
//! A thread for each connection reads requests by their `Content-Length`, counts the records in them and gives each an id as
//! long as the service's. It keeps no body, except when it is told to [capture](Server::capture) one.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use memchr::{memchr_iter, memmem};
use rustix::time::{ClockId, clock_gettime};

use crate::allocations;

/// What is read at once: some system calls for a large body, and it stays in the second level of the cache.
const BUFFER_BYTES: usize = 256 << 10;
const MAX_RECORDS: usize = 500;
const RECORD_ID_CHARS: usize = 220;

/// A server on a port of its own, until the process ends.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requests: AtomicU64,
    records: AtomicU64,
    cpu_nanos: AtomicU64,
    is_capturing: AtomicBool,
    captured: Mutex<Vec<u8>>,
}

/// What has been answered so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub requests: u64,
    pub records: u64,
}

impl Server {
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let answers = Arc::new(Answers::new());
        let server = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            allocations::exclude_this_thread();
            for stream in listener.incoming() {
                let (shared, answers) = (Arc::clone(&shared), Arc::clone(&answers));
                thread::spawn(move || {
                    allocations::exclude_this_thread();
                    if let Err(error) = stream.map_err(Into::into).and_then(|it| serve(it, &shared, &answers)) {
                        eprintln!("server: {error}");
                    }
                });
            }
        });
        Ok(server)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn arrived(&self) -> Arrived {
        let Shared { requests, records, .. } = &*self.shared;
        Arrived { requests: requests.load(Ordering::SeqCst), records: records.load(Ordering::SeqCst) }
    }

    /// What the threads of the connections have used of the processors.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.shared.cpu_nanos.load(Ordering::SeqCst))
    }

    /// The last request, head and body, that arrived while something ran.
    pub fn capture(&self, run: impl FnOnce()) -> Vec<u8> {
        self.shared.is_capturing.store(true, Ordering::SeqCst);
        run();
        self.shared.is_capturing.store(false, Ordering::SeqCst);
        std::mem::take(&mut self.shared.captured.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Answers requests until the client closes the connection.
fn serve(stream: TcpStream, shared: &Shared, answers: &Answers) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let mut connection = Connection { stream, buffer: vec![0; BUFFER_BYTES] };
    let mut answer = Vec::new();
    let mut cpu_before = thread_cpu();
    while let Some(head) = connection.read_head()? {
        let is_capturing = shared.is_capturing.load(Ordering::Relaxed);
        let (records, captured) = connection.read_body(&head, is_capturing)?;
        answers.write(head.is_batch, records, &mut answer)?;
        if is_capturing {
            *shared.captured.lock().unwrap_or_else(PoisonError::into_inner) = captured;
        }
        // Before the answer is sent, so that who has it finds all of it counted; sending is counted with the next request.
        let cpu = thread_cpu();
        let used = u64::try_from((cpu - cpu_before).as_nanos())?;
        cpu_before = cpu;
        shared.cpu_nanos.fetch_add(used, Ordering::SeqCst);
        shared.requests.fetch_add(1, Ordering::SeqCst);
        shared.records.fetch_add(records as u64, Ordering::SeqCst);
        connection.stream.write_all(&answer)?;
    }
    Ok(())
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

struct Head {
    is_batch: bool,
    /// Of the head itself, which begins the buffer.
    bytes: usize,
    /// Of what the buffer has of the request so far.
    filled: usize,
    content_length: usize,
}

impl Connection {
    /// Reads up to the body, and some of that. There is none when the client has closed the connection.
    fn read_head(&mut self) -> Result<Option<Head>, Box<dyn Error>> {
        let Self { stream, buffer } = self;
        let mut filled = 0;
        let bytes = loop {
            if let Some(end) = memmem::find(&buffer[..filled], b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut buffer[filled..])? {
                0 if filled == 0 => return Ok(None),
                0 => return Err("a head breaks off, or is too long".into()),
                bytes => filled += bytes,
            }
        };
        let text = std::str::from_utf8(&buffer[..bytes])?;
        let content_length = field(text, "content-length").ok_or("no content-length")?.parse()?;
        let is_batch = match field(text, "x-amz-target") {
            Some("Firehose_20150804.PutRecord") => false,
            Some("Firehose_20150804.PutRecordBatch") => true,
            target => return Err(format!("the target is {target:?}").into()),
        };
        Ok(Some(Head { is_batch, bytes, filled, content_length }))
    }

    /// Counts the records of a body while it comes in. The whole request is returned as well, if that is wanted.
    fn read_body(&mut self, head: &Head, is_capturing: bool) -> Result<(usize, Vec<u8>), Box<dyn Error>> {
        let Self { stream, buffer } = self;
        let mut captured = if is_capturing { buffer[..head.filled].to_vec() } else { Vec::new() };
        // Each record is an object, and all are in one. Base64 has no braces.
        let mut objects = memchr_iter(b'{', &buffer[head.bytes..head.filled]).count();
        let so_far = head.filled - head.bytes;
        let mut left = head.content_length.checked_sub(so_far).ok_or("more than content-length")?;
        while left > 0 {
            let end = left.min(BUFFER_BYTES);
            let bytes = stream.read(&mut buffer[..end])?;
            if bytes == 0 {
                return Err("a body breaks off".into());
            }
            objects += memchr_iter(b'{', &buffer[..bytes]).count();
            left -= bytes;
            if is_capturing {
                captured.extend_from_slice(&buffer[..bytes]);
            }
        }
        Ok((objects.saturating_sub(1), captured))
    }
}

fn thread_cpu() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(used).expect("a thread has not used less than nothing")
}

/// The value of a field of a request's head.
fn field<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        let is_wanted = name.eq_ignore_ascii_case(wanted);
        is_wanted.then(|| value.trim())
    })
}

/// What is sent back, made ahead as far as it can be.
struct Answers {
    /// Entries of as many records as a request can have, all of one length.
    entries: String,
}

impl Answers {
    fn new() -> Self {
        let entry = |index| {
            let id = format!("{index:04}").repeat(RECORD_ID_CHARS / 4);
            format!(r#"{{"RecordId":"{id}"}},"#)
        };
        Self { entries: (0..MAX_RECORDS).map(entry).collect() }
    }

    /// Makes the answer to so many records.
    fn write(&self, is_batch: bool, records: usize, answer: &mut Vec<u8>) -> Result<(), Box<dyn Error>> {
        let allowed = if is_batch { 1..=MAX_RECORDS } else { 1..=1 };
        if !allowed.contains(&records) {
            return Err(format!("{records} records in one request").into());
        }
        let entries = &self.entries[..self.entries.len() / MAX_RECORDS * records - 1];
        let (start, entries, end) = if is_batch {
            (r#"{"Encrypted":false,"FailedPutCount":0,"RequestResponses":["#, entries, "]}")
        } else {
            (r#"{"Encrypted":false,"#, entries.trim_matches(['{', '}']), "}")
        };
        let length = start.len() + entries.len() + end.len();
        let date = httpdate::fmt_http_date(SystemTime::now());
        answer.clear();
        write!(
            answer,
            "HTTP/1.1 200 OK\r\n\
             x-amzn-RequestId: f0c3b1de-6a1b-4a52-9d0c-0e3c58a7c8b1\r\n\
             Content-Type: application/x-amz-json-1.1\r\n\
             Content-Length: {length}\r\n\
             Date: {date}\r\n\r\n\
             {start}{entries}{end}"
        )?;
        Ok(())
    }
}
