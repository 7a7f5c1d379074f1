//! One measurement: that all arrives, how long it takes, what it uses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::allocations;
use crate::clients::Peer;
use crate::server::{Arrived, Server};
use crate::workload::Workload;

/// Of one client at one workload, for each call.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Seconds, round by round.
    pub seconds: Vec<f64>,
    /// Seconds of all processors together, round by round, without the server's.
    pub cpu_seconds: Vec<f64>,
    pub allocations: f64,
}

/// Reads back what a client sends.
pub fn check(server: &Server, peer: &mut dyn Peer, workload: &Arc<Workload>) -> Result<(), String> {
    let captured = server.capture(|| peer.put(workload, workload.in_flight));
    workload
        .check(&captured, peer.signs())
        .map_err(|error| format!("{}, {}: the request cannot be used: {error}", peer.name(), workload.name))
}

/// Makes the calls of one round.
pub fn round(
    server: &Server,
    peer: &mut dyn Peer,
    workload: &Arc<Workload>,
    measured: &mut Measured,
) -> Result<(), String> {
    let before = server.arrived();
    let calls = workload.calls as u64;
    let expected =
        Arrived { requests: before.requests + calls, records: before.records + calls * workload.records.len() as u64 };
    let cpu_before = client_cpu(server);
    let start = Instant::now();
    peer.put(workload, workload.calls);
    let elapsed = start.elapsed();
    let cpu = client_cpu(server).saturating_sub(cpu_before);
    let arrived = server.arrived();
    if arrived != expected {
        return Err(format!("{}, {}: {arrived:?} so far, not {expected:?}", peer.name(), workload.name));
    }
    let of_one = |duration: Duration| duration.as_secs_f64() / workload.calls as f64;
    measured.seconds.push(of_one(elapsed));
    measured.cpu_seconds.push(of_one(cpu));
    Ok(())
}

/// Counts, while no time is taken.
pub fn allocations(peer: &mut dyn Peer, workload: &Arc<Workload>, measured: &mut Measured) {
    let count = allocations::during(|| peer.put(workload, workload.calls));
    measured.allocations = count as f64 / workload.calls as f64;
}

/// User's and system's time of all threads but the server's, those that have ended included.
fn client_cpu(server: &Server) -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let used = Duration::try_from(used).expect("a process has not used less than nothing");
    used.saturating_sub(server.cpu())
}
