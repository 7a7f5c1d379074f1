//! A driver on the standard library: a new connection for each request, and no TLS.
//!
//! ```sh
//! AWS_ENDPOINT_URL_FIREHOSE=http://127.0.0.1:4573 cargo run -p firehose-proto --example std_tcp -- STREAM FILE
//! ```

mod common;

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use common::{Job, now};
use firehose_proto::call::{self, Action, Call, ClientState, Resend, Timeouts};
use firehose_proto::credentials::{Credentials, CredentialsError, CredentialsRequest, Finder, Need};
use firehose_proto::error::{TransportError, TransportErrorKind as Kind};
use firehose_proto::http::{Request, Response};
use firehose_proto::limits::MAX_RESPONSE_BYTES;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Job { stream, lines, mut shared, mut finder } = Job::new()?;
    let (mut accepted, mut rest) = (0, lines.as_slice());
    while let Some(mut batch) = common::next_batch(&stream, &mut rest)? {
        let (count, mut resend) = (batch.len(), Resend::new(common::deadline()));
        loop {
            let outcome = drive(Call::put_batch(shared.config(), &batch)?, &mut shared, &mut finder);
            let Some(time) = resend.settle(now().tick, &mut shared, &mut batch, outcome)? else { break };
            thread::sleep(time.since(now().tick));
        }
        accepted += count;
    }
    Ok(common::report(accepted, lines.len()))
}

/// Drives a call.
fn drive(mut call: Call<'_>, shared: &mut ClientState, finder: &mut Finder) -> Result<Response, call::Error> {
    loop {
        match call.poll(now(), shared) {
            Action::NeedCredentials { refused } => {
                let found = find(finder, common::credentials_request(refused));
                call.handle_credentials(found);
            }
            Action::Transmit { request, timeouts } => {
                let result = send(request, timeouts);
                call.handle_response(now(), result);
            }
            Action::Wait(until) => thread::sleep(until.since(now().tick)),
            Action::Done(outcome) => return outcome,
        }
    }
}

/// Drives a search for credentials.
fn find(finder: &mut Finder, mut wanted: CredentialsRequest) -> Result<Arc<Credentials>, CredentialsError> {
    loop {
        match finder.poll(now(), &mut wanted) {
            Need::Transmit { request, timeouts } => {
                let result = send(request, timeouts);
                finder.handle_response(now(), result);
            }
            Need::Wait(until) => thread::sleep(until.since(now().tick)),
            Need::Done(found) => return found.clone(),
            _ => common::carry_out(finder, &mut wanted),
        }
    }
}

/// Sends a request on a new connection.
fn send(request: &Request<'_>, timeouts: Timeouts) -> Result<Response, TransportError> {
    let failed = |kind| move |error: io::Error| TransportError::new(kind).with_source(error);
    let stream = connect(request, timeouts).map_err(failed(Kind::Connect))?;
    let is_late = |error: &io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    exchange(stream, request).map_err(|error| failed(if is_late(&error) { Kind::Timeout } else { Kind::Broken })(error))
}

fn connect(request: &Request<'_>, timeouts: Timeouts) -> io::Result<TcpStream> {
    let host = request.uri.strip_prefix("http://").and(request.authority()).ok_or(io::ErrorKind::Unsupported)?;
    let mut addresses = host.to_socket_addrs().or_else(|_| (host, 80).to_socket_addrs())?;
    let stream = TcpStream::connect_timeout(&addresses.next().ok_or(io::ErrorKind::NotFound)?, timeouts.connect)?;
    stream.set_read_timeout(Some(timeouts.read))?;
    stream.set_write_timeout(Some(timeouts.read)).map(|()| stream)
}

fn exchange(mut stream: TcpStream, request: &Request<'_>) -> io::Result<Response> {
    let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", request.method.as_str(), request.target());
    request.headers.iter().for_each(|(name, value)| head.extend([name, ": ", value, "\r\n"]));
    write!(stream, "{head}Content-Length: {}\r\n\r\n", request.body().len())?;
    stream.write_all(request.body())?;
    let mut answer = Vec::new();
    stream.take(MAX_RESPONSE_BYTES as u64).read_to_end(&mut answer)?;
    read(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Reads a response that ends when the connection closes.
fn read(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = answer.split_at(end + 4);
    let mut lines = str::from_utf8(head).ok()?.lines();
    let mut response = Response::new(lines.next()?.split(' ').nth(1)?.parse().ok()?, body.to_vec());
    lines.filter_map(|line| line.split_once(':')).try_for_each(|(n, v)| response.headers.append(n, v.trim())).ok()?;
    let length = response.headers.value("content-length").map_or(Some(response.body.len()), |it| it.parse().ok())?;
    (response.body.len() == length).then_some(response)
}
