//! [`Workload`]: what each client is given to put, and whether that is what arrived.

use bytes::Bytes;
use firehose_blocking::firehose_proto::http::{Method, Request};
use firehose_blocking::firehose_proto::server::{self, OperationInput};
use firehose_blocking::firehose_proto::sigv4::Verifier;
use firehose_blocking::{Clock as _, Credentials, Record, SystemClock};

pub const STREAM: &str = "my-stream";
pub const REGION: &str = "us-east-1";
pub const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
pub const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The records of one call.
pub struct Workload {
    pub name: &'static str,
    pub records: Vec<Bytes>,
    pub is_batch: bool,
    /// Calls that are made in one round.
    pub calls: usize,
    /// Requests that are under way at any time.
    pub in_flight: usize,
}

impl Workload {
    pub fn all() -> [Self; 4] {
        let put_record = Self { records: records(1, 100), ..Self::new("PutRecord 100 B", 200) };
        let small = Self { records: records(500, 200), is_batch: true, ..Self::new("500 x 200 B", 40) };
        let large = Self { records: records(500, 8 << 10), is_batch: true, ..Self::new("500 x 8 KiB", 4) };
        let in_flight =
            Self { records: small.records.clone(), is_batch: true, ..Self::new("500 x 200 B, 4 at once", 40) };
        [put_record, small, large, Self { in_flight: 4, ..in_flight }]
    }

    const fn new(name: &'static str, calls: usize) -> Self {
        Self { name, records: Vec::new(), is_batch: false, calls, in_flight: 1 }
    }

    /// Holds a request to what the workload is: the operation, the stream, each record, and the signature, if it must have
    /// one. Verifier and reader are this project's; its tests hold them to AWS's.
    pub fn check(&self, captured: &[u8], is_signed: bool) -> Result<(), String> {
        let request = parse(captured).ok_or("it is no request")?;
        if is_signed {
            let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
            let verified = Verifier::new("firehose").verify(SystemClock.now(), &request, &credentials);
            verified.map_err(|error| error.to_string())?;
        }
        let (stream, records) = match server::parse(&request).map_err(|error| error.to_string())? {
            OperationInput::PutRecord(put) => (put.delivery_stream_name, vec![put.record]),
            OperationInput::PutRecordBatch(put) => (put.delivery_stream_name, put.records),
            _ => return Err("it is no put".into()),
        };
        let expected = self.records.iter().map(|record| Record::new(&record[..]));
        if stream == STREAM && records.into_iter().eq(expected) { Ok(()) } else { Err("it has other records".into()) }
    }
}

fn parse(captured: &[u8]) -> Option<Request<'_>> {
    let head_bytes = memchr::memmem::find(captured, b"\r\n\r\n")?;
    let (head, body) = (&captured[..head_bytes], &captured[head_bytes + 4..]);
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    let path = lines.next()?.strip_prefix("POST ")?.strip_suffix(" HTTP/1.1")?;
    let mut request = Request::new(Method::Post, format!("http://localhost{path}"));
    for line in lines {
        let (name, value) = line.split_once(':')?;
        request.headers.append(name, value.trim()).ok()?;
    }
    request.set_body(body);
    Some(request)
}

/// Records that differ from each other, of bytes as they come.
fn records(count: usize, bytes: usize) -> Vec<Bytes> {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..count).map(|_| (0..bytes).map(|_| byte()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use firehose_blocking::firehose_proto::sigv4::{KeyCache, Signer};
    use firehose_blocking::{Batch, Client};

    use super::*;

    /// What a client that leaves out some records would send.
    fn signed(records: &[Bytes], secret_access_key: &str) -> Vec<u8> {
        let credentials = Credentials::new(ACCESS_KEY_ID, secret_access_key);
        let builder = Client::builder().environment(|_| None).region(REGION).credentials(credentials.clone());
        let client = builder.build().unwrap();
        let mut batch = Batch::new(STREAM).unwrap();
        records.iter().for_each(|record| batch.push(record).unwrap());
        let mut request = batch.request(client.endpoint()).unwrap();
        let (now, mut keys) = (SystemClock.now(), KeyCache::new());
        let key = keys.key(now, &credentials, REGION, "firehose").unwrap();
        Signer::new(&credentials, key).sign(now, &mut request).unwrap();
        let mut sent = b"POST / HTTP/1.1\r\n".to_vec();
        for (name, value) in request.headers.iter() {
            sent.extend(format!("{name}: {value}\r\n").bytes());
        }
        sent.extend(b"\r\n");
        sent.extend(request.body());
        sent
    }

    #[test]
    fn accepts_exactly_what_was_given_and_signed() {
        let [_, workload, ..] = Workload::all();
        let records = &workload.records[..];
        let mut other = records.to_vec();
        other.swap(0, 1);
        for (sent, secret, is_accepted) in [
            (records, SECRET_ACCESS_KEY, true),
            (&records[1..], SECRET_ACCESS_KEY, false),
            (&other, SECRET_ACCESS_KEY, false),
            (records, "somebody else's", false),
        ] {
            let checked = workload.check(&signed(sent, secret), true);
            assert_eq!(checked.is_ok(), is_accepted, "{} records: {checked:?}", sent.len());
        }
    }
}
