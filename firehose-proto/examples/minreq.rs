//! A driver on minreq, a small client that knows nothing of this project, here without TLS.
//!
//! ```sh
//! AWS_ENDPOINT_URL_FIREHOSE=http://127.0.0.1:4573 cargo run -p firehose-proto --example minreq -- STREAM FILE
//! ```

mod common;

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use common::{Job, now};
use firehose_proto::call::{self, Action, Call, ClientState, Resend, Timeouts};
use firehose_proto::credentials::{Credentials, CredentialsError, CredentialsRequest, Finder, Need};
use firehose_proto::error::{TransportError, TransportErrorKind as Kind};
use firehose_proto::http::{Request, Response};

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

/// Sends a request. minreq takes no borrowed or shared body, and writes `Host` itself, as it is signed.
fn send(request: &Request<'_>, timeouts: Timeouts) -> Result<Response, TransportError> {
    let method = minreq::Method::Custom(request.method.as_str().into());
    let mut outgoing = minreq::Request::new(method, &*request.uri).with_follow_redirects(false);
    outgoing = outgoing.with_timeout(timeouts.whole().as_secs().max(1)).with_body(request.body());
    outgoing = outgoing.with_headers(request.headers.iter().filter(|(name, _)| *name != "host"));
    let incoming = outgoing.send().map_err(failure)?;
    let mut response = Response::new(incoming.status_code, incoming.as_bytes().to_vec());
    for (name, value) in &incoming.headers {
        // An invalid header contains nothing that the call needs.
        let _ = response.headers.append(name, value);
    }
    Ok(response)
}

fn failure(error: minreq::Error) -> TransportError {
    let kind = match &error {
        minreq::Error::AddressNotFound | minreq::Error::HttpsFeatureNotEnabled => Kind::Connect,
        minreq::Error::IoError(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable => Kind::Connect,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Kind::Timeout,
            _ => Kind::Broken,
        },
        _ => Kind::Broken,
    };
    TransportError::new(kind).with_source(error)
}
