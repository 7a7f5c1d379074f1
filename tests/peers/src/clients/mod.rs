//! The clients, each as its users would use it, with settings as they come.
//!
//! Each is given the records in the form that costs it least, and looks into the answer for records that failed.

mod aws_sdk;
mod bare_ureq;
mod on_tokio;
mod ours;
mod rusoto;

use std::error::Error;
use std::sync::Arc;

use crate::workload::Workload;

pub trait Peer {
    fn name(&self) -> String;

    /// Whether its requests are signed.
    fn signs(&self) -> bool {
        true
    }

    /// Makes so many calls, as many at once as the workload says, and returns when all are answered.
    ///
    /// # Panics
    ///
    /// When a record is not accepted: there is nothing to measure then.
    fn put(&mut self, workload: &Arc<Workload>, calls: usize);
}

/// All of them, beginning with the floor.
pub fn all(url: &str) -> Result<Vec<Box<dyn Peer>>, Box<dyn Error>> {
    Ok(vec![
        Box::new(bare_ureq::BareUreq::new(url)?),
        Box::new(aws_sdk::AwsSdk::new(url)?),
        Box::new(rusoto::Rusoto::new(url)?),
        Box::new(ours::Blocking::new(url)?),
        Box::new(ours::Background::new(url)?),
    ])
}

/// The version of a crate in this workspace's lock file.
fn version(name: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let found = lock.split("[[package]]").find_map(|package| {
        let mut lines = package.trim().lines();
        let is_wanted = lines.next()? == format!("name = \"{name}\"");
        is_wanted.then(|| lines.next()?.strip_prefix("version = ").map(|version| version.trim_matches('"')))?
    });
    format!("{name} {}", found.unwrap_or("of an unknown version"))
}
