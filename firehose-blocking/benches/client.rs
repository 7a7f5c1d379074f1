//! What a call of [`Client`] takes beside the bare exchange, all in one run.
//!
//! ```text
//! cargo bench -p firehose-blocking --bench client
//! ```
//!
//! The server is on loopback, on one thread for each connection, and answers with what it has ready. The bare exchange is
//! ureq's with a body that is ready, not signed, and its answer not read by anybody. Each round runs all cases one after
//! the other, so that what else the machine does strikes them alike; what counts are the ratios.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]
#![expect(clippy::indexing_slicing, reason = "each case has its place")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use firehose_blocking::{Batch, Client, Credentials, PutRecordInput, Record};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use ureq::Agent;

const ROUNDS: usize = 15;
/// Calls of a case in a round take about so many microseconds, whatever their size.
const CALLS: [u32; 3] = [400, 200, 25];
const NEW_CONNECTIONS: u32 = 50;

fn main() -> Result<(), Box<dyn Error>> {
    // Under `cargo test` there is nothing to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    println!("microseconds, medians of {ROUNDS} interleaved rounds");
    let url = format!("http://{}", serve(None, true)?);
    let client = client(&url, None)?;
    let agent = Agent::new_with_defaults();
    let body = |bytes| batch_body(&client, 500, bytes);
    let bodies = [put_record_body(), body(200)?, body(8 * 1024)?];
    println!("{:24} {:>9} {:>9} {:>6} {:>12} {:>12}", "", "bare ureq", "Client", "ratio", "allocations", "bare ureq's");
    for (index, name) in ["PutRecord 100 B", "500 x 200 B", "500 x 8 KiB"].into_iter().enumerate() {
        let mut bare = || exchange(&agent, &url, &bodies[index]);
        let mut full = || match index {
            0 => put_record(&client),
            1 => put_batch(&client, 500, 200),
            _ => put_batch(&client, 500, 8 * 1024),
        };
        let [bare_us, full_us] = medians(CALLS[index], [&mut bare, &mut full])?;
        let [bare_allocations, full_allocations] = [allocations(&mut bare)?, allocations(&mut full)?];
        let ratio = full_us / bare_us;
        println!("{name:24} {bare_us:9.1} {full_us:9.1} {ratio:6.2} {full_allocations:12} {bare_allocations:12}");
    }
    new_connections()
}

/// What a call costs that opens its connection, with TLS.
fn new_connections() -> Result<(), Box<dyn Error>> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()])?.self_signed(&key)?;
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("certificate.pem");
    fs::write(&path, pem(certificate.der()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?);
    let [kept, closed] = [true, false].map(|keeps| serve(Some(Arc::clone(&config)), keeps));
    let clients = [kept?, closed?].map(|address| client(&format!("https://{address}"), path.to_str()));
    let [kept, closed] = clients;
    let (kept, closed) = (kept?, closed?);
    let calls: [Work<'_>; 2] = [&mut || put_record(&kept), &mut || put_record(&closed)];
    let [kept, closed] = medians(NEW_CONNECTIONS, calls)?;
    println!("{:24} {:>9} {:>9}", "", "kept", "new");
    println!("{:24} {kept:9.1} {closed:9.1}", "PutRecord with TLS");
    Ok(())
}

type Work<'a> = &'a mut dyn FnMut() -> Result<(), Box<dyn Error>>;

fn client(url: &str, ca_bundle: Option<&str>) -> Result<Client, Box<dyn Error>> {
    let builder = Client::builder().region("us-east-1").endpoint_url(url).environment(|_| None);
    let builder = match ca_bundle {
        Some(path) => builder.ca_bundle(path),
        None => builder,
    };
    Ok(builder.credentials(Credentials::new("AKIDEXAMPLE", "secret")).build()?)
}

fn put_record(client: &Client) -> Result<(), Box<dyn Error>> {
    client.put_record(&PutRecordInput::new("demo", Record::new(&[b'r'; 100])))?;
    Ok(())
}

/// Fills a batch and puts it: what a caller does for each of its requests.
fn put_batch(client: &Client, records: usize, bytes: usize) -> Result<(), Box<dyn Error>> {
    thread_local!(static BATCH: Cell<Option<Batch>> = const { Cell::new(None) });
    let mut batch = BATCH.take().map_or_else(|| Batch::new("demo"), Ok)?;
    fill(&mut batch, records, bytes)?;
    client.put_batch(&mut batch)?;
    BATCH.set(Some(batch));
    Ok(())
}

fn batch_body(client: &Client, records: usize, bytes: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut batch = Batch::new("demo")?;
    fill(&mut batch, records, bytes)?;
    Ok(batch.request(client.endpoint())?.body().to_vec())
}

fn fill(batch: &mut Batch, records: usize, bytes: usize) -> Result<(), Box<dyn Error>> {
    let record = vec![b'r'; bytes];
    (0..records).try_for_each(|_| batch.push(&record))?;
    Ok(())
}

fn put_record_body() -> Vec<u8> {
    format!(r#"{{"DeliveryStreamName":"demo","Record":{{"Data":"{}"}}}}"#, "c".repeat(136)).into_bytes()
}

fn exchange(agent: &Agent, url: &str, body: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut response = agent.post(url).header("content-type", "application/x-amz-json-1.1").send(body)?;
    response.body_mut().read_to_vec()?;
    Ok(())
}

/// Microseconds for one call of each.
fn medians<const N: usize>(calls: u32, mut cases: [Work<'_>; N]) -> Result<[f64; N], Box<dyn Error>> {
    let mut figures = [const { Vec::new() }; N];
    for round in 0..=ROUNDS {
        for (case, figures) in cases.iter_mut().zip(&mut figures) {
            let start = Instant::now();
            for _ in 0..calls {
                case()?;
            }
            // The first round warms everything up.
            if round > 0 {
                figures.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
            }
        }
    }
    Ok(figures.map(|mut figures| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    }))
}

/// Serves each connection on a thread of its own, for as long as the program runs.
fn serve(config: Option<Arc<ServerConfig>>, keeps: bool) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let config = config.clone();
            // A connection that ends is the client's doing.
            thread::spawn(move || match config {
                Some(config) => {
                    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
                    answer(StreamOwned::new(connection, socket), keeps)
                }
                None => socket.set_nodelay(true).and_then(|()| answer(socket, keeps)),
            });
        }
    });
    Ok(address)
}

/// Accepts everything. Ids are as long as the service's.
fn answer(stream: impl Read + Write, keeps: bool) -> io::Result<()> {
    let id = "x".repeat(220);
    let connection = if keeps { "" } else { "Connection: close\r\n" };
    let http = |body: String| format!("HTTP/1.1 200 OK\r\n{connection}Content-Length: {}\r\n\r\n{body}", body.len());
    let entries = vec![format!(r#"{{"RecordId":"{id}"}}"#); 500].join(",");
    let of_batch = http(format!(r#"{{"FailedPutCount":0,"Encrypted":false,"RequestResponses":[{entries}]}}"#));
    let of_record = http(format!(r#"{{"RecordId":"{id}","Encrypted":false}}"#));
    let mut reader = BufReader::with_capacity(128 * 1024, stream);
    let mut line = Vec::new();
    loop {
        let mut length = 0;
        while line != b"\r\n" {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix(b"content-length:") {
                length = String::from_utf8_lossy(value).trim().parse().map_err(io::Error::other)?;
            }
        }
        line.clear();
        io::copy(&mut (&mut reader).take(length), &mut io::sink())?;
        let answer = if length < 1_000 { &of_record } else { &of_batch };
        reader.get_mut().write_all(answer.as_bytes())?;
        reader.get_mut().flush()?;
        if !keeps {
            return Ok(());
        }
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// The number of allocations of one call on this thread, once everything is warm.
fn allocations(call: &mut dyn FnMut() -> Result<(), Box<dyn Error>>) -> Result<u64, Box<dyn Error>> {
    let before = ALLOCATIONS.get();
    call()?;
    Ok(ALLOCATIONS.get() - before)
}

thread_local!(static ALLOCATIONS: Cell<u64> = const { Cell::new(0) });

/// The system's allocator, counting what it is asked for.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "nothing else sees allocations; each call goes to the system's allocator as it is")]
// SAFETY: everything is passed on unchanged to `System`, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, new_size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}
