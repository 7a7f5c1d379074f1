//! A driver on tokio and hyper, one call after the other, with TLS.
//!
//! ```sh
//! cargo run -p firehose-proto --example hyper -- STREAM FILE
//! ```

mod common;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use common::{Job, now};
use firehose_proto::call::{self, Action, Call, ClientState, Resend, Timeouts};
use firehose_proto::credentials::{Credentials, CredentialsError, CredentialsRequest, Finder, Need};
use firehose_proto::error::{TransportError, TransportErrorKind as Kind};
use firehose_proto::http::{Request, Response};
use firehose_proto::limits::MAX_RESPONSE_BYTES;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use tokio::time::{sleep, timeout};

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Job { stream, lines, mut shared, mut finder } = Job::new()?;
    let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let (mut accepted, mut rest) = (0, lines.as_slice());
    while let Some(batch) = common::next_batch(&stream, &mut rest)? {
        let (count, mut resend, mut batch) = (batch.len(), Resend::new(common::deadline()), Arc::new(batch));
        loop {
            let call = Call::put_shared_batch(shared.config(), &batch)?;
            let outcome = drive(call, &mut shared, &mut finder, &client).await;
            let settled = resend.settle(now().tick, &mut shared, Arc::make_mut(&mut batch), outcome)?;
            let Some(time) = settled else { break };
            sleep(time.since(now().tick)).await;
        }
        accepted += count;
    }
    Ok(common::report(accepted, lines.len()))
}

/// Drives a call.
async fn drive(
    mut call: Call<'static>,
    shared: &mut ClientState,
    finder: &mut Finder,
    client: &Http,
) -> Result<Response, call::Error> {
    loop {
        match call.poll(now(), shared) {
            Action::NeedCredentials { refused } => {
                let found = find(finder, common::credentials_request(refused), client).await;
                call.handle_credentials(found);
            }
            Action::Transmit { request, timeouts } => {
                let result = send(client, request, timeouts).await;
                call.handle_response(now(), result);
            }
            Action::Wait(until) => sleep(until.since(now().tick)).await,
            Action::Done(outcome) => return outcome,
        }
    }
}

/// Drives a search for credentials.
async fn find(
    finder: &mut Finder,
    mut wanted: CredentialsRequest,
    client: &Http,
) -> Result<Arc<Credentials>, CredentialsError> {
    loop {
        match finder.poll(now(), &mut wanted) {
            Need::Transmit { request, timeouts } => {
                let result = send(client, request, timeouts).await;
                finder.handle_response(now(), result);
            }
            Need::Wait(until) => sleep(until.since(now().tick)).await,
            Need::Done(found) => return found.clone(),
            _ => common::carry_out(finder, &mut wanted),
        }
    }
}

/// Sends a request.
async fn send(client: &Http, request: &Request<'static>, timeouts: Timeouts) -> Result<Response, TransportError> {
    let late = |_| Err(TransportError::new(Kind::Timeout));
    timeout(timeouts.whole(), exchange(client, request)).await.unwrap_or_else(late)
}

async fn exchange(client: &Http, request: &Request<'static>) -> Result<Response, TransportError> {
    let mut outgoing = http::Request::builder().method(request.method.as_str()).uri(&*request.uri);
    for (name, value) in request.headers.iter() {
        outgoing = outgoing.header(name, value);
    }
    let body = Full::new(Bytes::from_owner(request.shared_body()));
    let outgoing = outgoing.body(body).map_err(|error| TransportError::new(Kind::Request).with_source(error))?;
    let kind = |is_connect| if is_connect { Kind::Connect } else { Kind::Broken };
    let failed = |error: legacy::Error| TransportError::new(kind(error.is_connect())).with_source(error);
    let incoming = client.request(outgoing).await.map_err(failed)?;
    let (head, body) = incoming.into_parts();
    let broken = |error| TransportError::new(Kind::Broken).with_source(error);
    let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await.map_err(broken)?.to_bytes();
    let mut response = Response::new(head.status.as_u16(), body.into());
    for (name, value) in &head.headers {
        // An invalid header contains nothing that the call needs.
        let _ = response.headers.append(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
    Ok(response)
}
