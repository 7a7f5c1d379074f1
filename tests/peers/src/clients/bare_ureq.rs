//! `ureq` with requests that are ready and not signed, and answers that nobody looks into: what our HTTP costs by itself.

use std::error::Error;
use std::sync::Arc;
use std::thread;

use firehose_blocking::firehose_proto::op::{Operation, PutRecord, PutRecordBatch, PutRecordBatchInput};
use firehose_blocking::firehose_proto::{Endpoint, Region, call};
use firehose_blocking::{PutRecordInput, Record};
use ureq::Agent;

use super::Peer;
use crate::workload::{REGION, STREAM, Workload};

pub struct BareUreq {
    agent: Agent,
    url: String,
    /// What has been made of the workloads so far.
    requests: Vec<(&'static str, Ready)>,
}

struct Ready {
    target: &'static str,
    body: Vec<u8>,
}

impl BareUreq {
    pub fn new(url: &str) -> Result<Self, Box<dyn Error>> {
        // Of all settings only this one is not as it comes: a proxy of the environment's is nobody's wish here.
        let agent = Agent::config_builder().proxy(None).build().into();
        Ok(Self { agent, url: url.to_owned(), requests: Vec::new() })
    }
}

impl Peer for BareUreq {
    fn name(&self) -> String {
        super::version("ureq")
    }

    fn signs(&self) -> bool {
        false
    }

    fn put(&mut self, workload: &Arc<Workload>, calls: usize) {
        if !self.requests.iter().any(|(name, _)| *name == workload.name) {
            self.requests.push((workload.name, Ready::new(workload)));
        }
        let Self { agent, url, requests } = &*self;
        let (_, ready) = requests.iter().find(|(name, _)| *name == workload.name).expect("it has just been made");
        match workload.in_flight {
            1 => ready.send(agent, url, calls),
            threads => thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| ready.send(agent, url, calls / threads));
                }
            }),
        }
    }
}

impl Ready {
    fn new(workload: &Workload) -> Self {
        let endpoint = Endpoint::resolve(Region::parse(REGION).expect("it is one"), false, false);
        let mut records: Vec<_> = workload.records.iter().map(|record| Record::new(&record[..])).collect();
        let request = if workload.is_batch {
            call::encode::<PutRecordBatch>(&PutRecordBatchInput::new(STREAM, records), &endpoint)
        } else {
            call::encode::<PutRecord>(&PutRecordInput::new(STREAM, records.remove(0)), &endpoint)
        };
        let body = request.expect("they are within the limits").body().to_vec();
        Self { target: if workload.is_batch { PutRecordBatch::TARGET } else { PutRecord::TARGET }, body }
    }

    fn send(&self, agent: &Agent, url: &str, calls: usize) {
        for _ in 0..calls {
            let request = agent
                .post(url)
                .header("content-type", "application/x-amz-json-1.1")
                .header("x-amz-target", self.target);
            let answer = request.send(&self.body[..]).expect("the server answers");
            assert!(!answer.into_body().read_to_vec().expect("the answer is whole").is_empty());
        }
    }
}
