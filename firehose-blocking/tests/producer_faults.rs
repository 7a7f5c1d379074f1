//! The producer over sockets into a local endpoint that fails in every way it knows.
#![expect(clippy::unwrap_used, reason = "a test fails at the line that is wrong")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use firehose_blocking::firehose_proto::batch::{Packing, Policy};
use firehose_blocking::{Client, Credentials, LocalEndpoint, Producer};

const RECORDS: u32 = 30_000;

/// How often each line below a directory is there.
fn stored(dir: &Path, lines: &mut HashMap<Vec<u8>, u64>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            stored(&path, lines);
            continue;
        }
        for line in fs::read(path).unwrap().split_inclusive(|byte| *byte == b'\n') {
            *lines.entry(line.to_vec()).or_default() += 1;
        }
    }
}

#[test]
fn every_record_is_stored_and_only_those_twice_whose_answer_never_came() {
    for packing in [None, Some(Packing::new("\n"))] {
        let is_packed = packing.is_some();
        let dir = tempfile::tempdir().unwrap();
        let faults = "partial=0.2,throttle_records=0.01,throttle=0.02,http500=0.05,http503=0.02,cut_before=0.02,\
                      cut_after=0.02,truncate=0.02,malformed=0.02,wrong_count=0.02,seed=7";
        let endpoint = LocalEndpoint::builder(dir.path()).faults(faults.parse().unwrap()).start().unwrap();
        let client = Client::builder()
            .region("us-east-1")
            .endpoint_url(endpoint.url())
            .credentials(Credentials::new("test", "test"))
            .build()
            .unwrap();
        let mut policy = Policy::default();
        policy.packing = packing.map(|mut packing| {
            packing.target_bytes = 5120;
            packing
        });
        policy.max_in_flight = 8.try_into().unwrap();
        if is_packed {
            policy.limits.max_records = 5;
        }
        let producer = Producer::builder(client, "demo").policy(policy).start().unwrap();
        for number in 0..RECORDS {
            producer.send(format!("line {number}\n").as_bytes()).unwrap();
        }
        let closed = producer.close(Duration::from_secs(240));
        assert_eq!(closed.statistics.records.accepted, u64::from(RECORDS), "{:?}", closed.statistics);
        assert!(closed.undelivered.is_empty());

        let counts = endpoint.faults();
        drop(endpoint);
        let mut lines = HashMap::new();
        stored(dir.path(), &mut lines);
        assert_eq!(lines.len(), RECORDS as usize, "every line is there");
        let duplicates = lines.values().map(|times| times - 1).sum::<u64>();
        if !is_packed {
            assert_eq!(duplicates, counts.unconfirmed_records, "{counts}");
        }
        assert!(duplicates > 0 && counts.failed_records > 0, "{counts}");
    }
}
