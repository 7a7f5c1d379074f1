//! A driver on tokio and hyper, with the core's batcher and several requests in flight.
//!
//! ```sh
//! cargo run -p firehose-proto --example hyper_producer -- STREAM FILE
//! ```

#[expect(dead_code, reason = "the batches are made by the batcher")]
mod common;

use std::error::Error;
use std::future;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use common::{Job, now};
use firehose_proto::batch::{Batch, Batcher, EnqueueError, Event, Output, Policy};
use firehose_proto::call::{self, Action, Call, ClientState, Timeouts};
use firehose_proto::credentials::{Credentials, CredentialsError, CredentialsRequest, Finder, Need};
use firehose_proto::error::{TransportError, TransportErrorKind as Kind};
use firehose_proto::http::{Request, Response};
use firehose_proto::limits::MAX_RESPONSE_BYTES;
use firehose_proto::time::Tick;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Job { stream, lines, shared, finder } = Job::new()?;
    let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
    let http = Client::builder(TokioExecutor::new()).build(connector);
    let driver = Driver { http, shared: Mutex::new(shared), finder: tokio::sync::Mutex::new(finder) };
    let mut policy = Policy::default();
    policy.max_age = common::TIMEOUT;
    let batcher = Batcher::new(&stream, policy, common::seed())?;
    let accepted = produce(&Arc::new(driver), batcher, &lines).await?;
    Ok(common::report(accepted, lines.len()))
}

/// What the calls share. Only one searches for credentials at a time.
struct Driver {
    http: Http,
    shared: Mutex<ClientState>,
    finder: tokio::sync::Mutex<Finder>,
}

/// The outcome of the request with this id.
type Settled = (u64, Arc<Batch>, Result<Response, call::Error>);

/// Pushes all lines into the batcher, does what it asks for, and counts the accepted lines.
async fn produce(driver: &Arc<Driver>, mut batcher: Batcher, lines: &[Vec<u8>]) -> Result<usize, EnqueueError> {
    let (mut accepted, mut rest) = (0, lines);
    let mut calls = JoinSet::<Settled>::new();
    loop {
        while let Some((line, others)) = rest.split_first() {
            match batcher.push(now().tick, line) {
                Ok(_) => rest = others,
                // There is room again after records have had their outcomes.
                Err(EnqueueError::Full) => break,
                Err(error) => return Err(error),
            }
        }
        if rest.is_empty() {
            batcher.close();
        }
        match batcher.poll_output(now().tick) {
            Output::Event(Event::Accepted(records)) => accepted += records.tickets.count(),
            // What comes back is missing from the reported number.
            Output::Event(_) => {}
            Output::Send { id, batch, .. } => {
                let driver = Arc::clone(driver);
                calls.spawn(async move { (id, Arc::clone(&batch), driver.put(&batch).await) });
            }
            Output::Wait(_) if rest.is_empty() && batcher.is_idle() => return Ok(accepted),
            Output::Wait(until) => tokio::select! {
                Some(Ok((id, batch, outcome))) = calls.join_next() => settle(&mut batcher, id, &batch, outcome),
                () = sleep_until(until) => {}
            },
        }
    }
}

/// Tells the batcher the outcome of a request.
fn settle(batcher: &mut Batcher, id: u64, batch: &Batch, outcome: Result<Response, call::Error>) {
    match outcome {
        Ok(response) => batcher.handle_outcome(now().tick, id, batch.decode(&response).map_err(Into::into)),
        Err(error) => batcher.handle_outcome(now().tick, id, Err(error)),
    }
}

async fn sleep_until(until: Option<Tick>) {
    match until {
        Some(until) => sleep(until.since(now().tick)).await,
        None => future::pending().await,
    }
}

impl Driver {
    fn shared(&self) -> MutexGuard<'_, ClientState> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drives a call. Retries are up to the batcher.
    async fn put(&self, batch: &Arc<Batch>) -> Result<Response, call::Error> {
        let config = Arc::clone(self.shared().config());
        let mut call = Call::put_shared_batch(&config, batch)?.single_attempt();
        loop {
            let action = call.poll(now(), &mut self.shared());
            match action {
                Action::NeedCredentials { refused } => {
                    let found = self.find(common::credentials_request(refused)).await;
                    call.handle_credentials(found);
                }
                Action::Transmit { request, timeouts } => {
                    let result = send(&self.http, request, timeouts).await;
                    call.handle_response(now(), result);
                }
                Action::Wait(until) => sleep(until.since(now().tick)).await,
                Action::Done(outcome) => return outcome,
            }
        }
    }

    /// Drives a search for credentials, while others wait.
    async fn find(&self, mut wanted: CredentialsRequest) -> Result<Arc<Credentials>, CredentialsError> {
        let mut finder = self.finder.lock().await;
        loop {
            match finder.poll(now(), &mut wanted) {
                Need::Transmit { request, timeouts } => {
                    let result = send(&self.http, request, timeouts).await;
                    finder.handle_response(now(), result);
                }
                Need::Wait(until) => sleep(until.since(now().tick)).await,
                Need::Done(found) => return found.clone(),
                _ => common::carry_out(&mut finder, &mut wanted),
            }
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
