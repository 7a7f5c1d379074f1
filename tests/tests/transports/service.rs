//! A service that follows a script: what it makes of each put is written down beforehand, and what it saw afterwards.
//!
//! The same script is carried by sockets ([`listen`]) or called directly by a driver in virtual time.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use firehose_blocking::firehose_proto::credentials::Credentials;
use firehose_blocking::firehose_proto::error::{ErrorCode, ServiceError};
use firehose_blocking::firehose_proto::http::{Method, Request, Response};
use firehose_blocking::firehose_proto::op::{PutRecordBatch, PutRecordBatchOutput, PutRecordBatchResponseEntry};
use firehose_blocking::firehose_proto::server::{self, OperationInput};
use firehose_blocking::firehose_proto::sigv4::{Authorization, Verifier};
use firehose_blocking::firehose_proto::time::{HttpDate, IsoDate};
use time::{OffsetDateTime, SignedDuration};

pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// What becomes of a put that is signed well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All records are stored.
    Accept,
    /// The first record is stored; the others fail, throttled.
    Partial,
    /// An error of the service.
    Refuse(u16, &'static str),
    /// A page of somebody on the way.
    Page(u16),
    /// The connection ends before anything is stored, or after all of it was.
    CutBefore,
    CutAfter,
    /// Stored, and answered in so many milliseconds.
    Slow(u64),
    /// Stored, and answered in part.
    Truncated,
    /// Stored, and answered with a page.
    Html,
    /// The service's clock is set to be so many seconds ahead of the real one; the put is then judged by it.
    Jump(i64),
    /// The credentials are refused; from now on the next ones are good.
    Expire,
}

/// What the container's agent says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    /// Credentials of this number.
    Key(u8),
    /// None for now.
    Outage,
}

/// What the driver sees.
pub(crate) enum Wire {
    Answer(Response),
    Late(Duration, Response),
    /// An answer without its end.
    Cut(Response),
    Nothing,
}

pub(crate) struct State {
    pub(crate) script: VecDeque<Fate>,
    /// The last one is given again and again.
    pub(crate) grants: VecDeque<Grant>,
    pub(crate) seconds_ahead: i64,
    /// The number of the credentials that are good; `None` for any.
    pub(crate) good_key: Option<u8>,
    /// Each put that came: its records, and what became of it.
    pub(crate) seen: Vec<String>,
    pub(crate) stored: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Service(Arc<Mutex<State>>);

impl Service {
    pub(crate) fn new(script: &[Fate], grants: &[Grant]) -> Self {
        Self(Arc::new(Mutex::new(State {
            script: script.iter().copied().collect(),
            grants: grants.iter().copied().collect(),
            seconds_ahead: 0,
            good_key: None,
            seen: Vec::new(),
            stored: Vec::new(),
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request that came at this time, by the real clock.
    pub(crate) fn answer(&self, now: OffsetDateTime, request: &Request<'_>) -> Wire {
        let mut state = self.state();
        if request.method == Method::Get {
            return Wire::Answer(state.grant(now));
        }
        let mut wire = state.put(now, request);
        let date = now.saturating_add(SignedDuration::seconds(state.seconds_ahead));
        if let Wire::Answer(response) | Wire::Late(_, response) | Wire::Cut(response) = &mut wire {
            response.headers.append("Date", HttpDate::new(date).as_str()).expect("a date is a header's value");
        }
        wire
    }
}

impl State {
    fn grant(&mut self, now: OffsetDateTime) -> Response {
        let grant = if self.grants.len() > 1 { self.grants.pop_front() } else { self.grants.front().copied() };
        let Some(Grant::Key(number)) = grant else { return Response::new(503, Vec::new()) };
        let expiration = IsoDate::new(now.saturating_add(SignedDuration::hours(6)));
        let document = format!(
            r#"{{"AccessKeyId":"AKID{number}","SecretAccessKey":"{SECRET}","Token":"token","Expiration":"{}"}}"#,
            expiration.as_str()
        );
        Response::new(200, document.into_bytes())
    }

    fn put(&mut self, now: OffsetDateTime, request: &Request<'_>) -> Wire {
        let Ok(OperationInput::PutRecordBatch(input)) = server::parse(request) else {
            self.seen.push("no PutRecordBatch".into());
            return Wire::Answer(server::error_response(&ServiceError::of_status(500)));
        };
        let records: Vec<String> =
            input.records.iter().map(|record| String::from_utf8_lossy(&record.data).trim_end().to_owned()).collect();
        let names = records.join(" ");
        let fate = self.script.pop_front().unwrap_or(Fate::Accept);
        match fate {
            Fate::Jump(seconds) => self.seconds_ahead = seconds,
            Fate::Expire => self.good_key = Some(self.good_key.unwrap_or(1) + 1),
            _ => {}
        }
        if let Err((what, error)) = self.check_signature(now, request) {
            self.seen.push(format!("{names}: {what}"));
            // The script is about puts that are signed well.
            if !matches!(fate, Fate::Jump(_) | Fate::Expire) {
                self.script.push_front(fate);
            }
            return Wire::Answer(server::error_response(&error));
        }
        self.seen.push(format!("{names}: {fate:?}"));
        let accept = |count: usize| {
            let entries = (0..count).map(|index| PutRecordBatchResponseEntry::accepted(index.to_string())).collect();
            server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(entries))
        };
        let is_stored = matches!(
            fate,
            Fate::Accept | Fate::Jump(_) | Fate::Expire | Fate::CutAfter | Fate::Slow(_) | Fate::Truncated | Fate::Html
        );
        let stored = if is_stored { records.len() } else { usize::from(fate == Fate::Partial) };
        let count = records.len();
        self.stored.extend(records.into_iter().take(stored));
        match fate {
            Fate::Accept | Fate::Jump(_) | Fate::Expire => Wire::Answer(accept(count)),
            Fate::Partial => {
                let failed = PutRecordBatchResponseEntry::failed("ServiceUnavailableException", "Slow down.");
                let entries = (0..count).map(|index| match index {
                    0 => PutRecordBatchResponseEntry::accepted("0"),
                    _ => failed.clone(),
                });
                Wire::Answer(server::respond::<PutRecordBatch>(&PutRecordBatchOutput::new(entries.collect())))
            }
            Fate::Refuse(status, code) => Wire::Answer(server::error_response(&ServiceError::new(
                status,
                ErrorCode::parse(code),
                "as the script says",
            ))),
            Fate::Page(status) => Wire::Answer(Response::new(status, b"<html>Sign in</html>".to_vec())),
            Fate::Html => Wire::Answer(Response::new(200, b"<html>Sign in</html>".to_vec())),
            Fate::CutBefore | Fate::CutAfter => Wire::Nothing,
            Fate::Slow(milliseconds) => Wire::Late(Duration::from_millis(milliseconds), accept(count)),
            Fate::Truncated => Wire::Cut(accept(count)),
        }
    }

    fn check_signature(&self, now: OffsetDateTime, request: &Request<'_>) -> Result<(), (String, ServiceError)> {
        let authorization = request.headers.value("authorization").unwrap_or_default();
        let id = Authorization::parse(authorization).map(|it| it.access_key_id().to_owned()).unwrap_or_default();
        let credentials = Credentials::new(id.clone(), SECRET).with_session_token("token");
        let refuse = |code: ErrorCode| ServiceError::new(403, code, "as the script says");
        if let Some(good) = self.good_key.filter(|good| id != format!("AKID{good}")) {
            return Err((format!("{id} in place of AKID{good}"), refuse(ErrorCode::ExpiredTokenException)));
        }
        let service_now = now.saturating_add(SignedDuration::seconds(self.seconds_ahead));
        Verifier::new("firehose").verify(service_now, request, &credentials).map_err(|error| {
            let what = if error.to_string().contains("ignature") { "refused signature" } else { "refused" };
            (what.to_owned(), refuse(ErrorCode::InvalidSignatureException))
        })
    }
}

/// Serves on loopback for as long as the process lives; returns the address as a URL.
pub(crate) fn listen(service: &Service) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let service = service.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let service = service.clone();
            thread::spawn(move || serve(&service, &stream));
        }
    });
    Ok(url)
}

/// Answers one request after the other; an error ends the connection, as does what the script wants cut.
fn serve(service: &Service, stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        let close = request.headers.value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let (response, is_whole) = match service.answer(OffsetDateTime::now_utc(), &request) {
            Wire::Answer(response) => (response, true),
            Wire::Late(delay, response) => {
                thread::sleep(delay);
                (response, true)
            }
            Wire::Cut(response) => (response, false),
            Wire::Nothing => return Ok(()),
        };
        let mut message =
            format!("HTTP/1.1 {} Scripted\r\nContent-Length: {}\r\n", response.status, response.body.len());
        for (name, value) in response.headers.iter() {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut message = message.into_bytes();
        message.extend_from_slice(b"\r\n");
        message.extend_from_slice(&response.body);
        if !is_whole {
            message.truncate(message.len() - 5);
        }
        (&*stream).write_all(&message)?;
        if close || !is_whole {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads a request, unless the connection has ended.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Request<'static>>> {
    let malformed = |_| io::Error::from(io::ErrorKind::InvalidData);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().and_then(Method::parse).unwrap_or(Method::Get);
    let mut request = Request::new(method, words.next().unwrap_or("/").to_owned());
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.append(name, value.trim()).map_err(malformed)?;
    }
    let length = request.headers.value("content-length").and_then(|value| value.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.set_body(body);
    Ok(Some(request))
}
