//! Calls, credentials and the batcher together, on virtual time. After any sequence of faults that ends, every record
//! is delivered, and nothing stops for good. Refusals of every record are waited out, or the producer is
//! resumed.
//!
//! A failing run prints its seed. `FIREHOSE_SIMULATION_SEED=17 cargo test -p firehose-proto --test driver_simulation`
//! repeats it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    reason = "a test fails at the line that is wrong"
)]

#[path = "../batcher_simulation/random.rs"]
mod random;
mod world;

use std::env;

use self::world::World;

const RUNS: u64 = 1_000;

#[test]
fn everything_is_delivered_once_all_is_well_again() {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("FIREHOSE_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FIREHOSE_SIMULATION_RUNS").unwrap_or(RUNS),
    };
    let (mut steps, mut duplicates) = (0, 0);
    for seed in seeds {
        // Only shown if the test fails.
        println!("seed {seed}");
        let mut world = World::new(seed);
        world.run();
        assert_eq!(world.undelivered.first(), None);
        assert!(world.returned.is_empty());
        assert!(world.accepted.iter().all(|accepted| *accepted), "{:?}", world.accepted);
        steps += world.steps;
        duplicates += world.stored.iter().map(|times| u64::from(*times) - 1).sum::<u64>();
    }
    println!("{steps} steps, {duplicates} duplicates");
}
