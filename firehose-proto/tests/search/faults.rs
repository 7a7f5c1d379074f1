//! After any sequence of faults that ends, there are credentials, and no search asks for ever.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use crate::sources::cases;
use crate::world::Fault;

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Connect),
        Just(Fault::Timeout),
        Just(Fault::Broken),
        prop::sample::select(vec![429, 500, 502, 503, 504]).prop_map(Fault::Status),
        Just(Fault::HalfDocument),
        Just(Fault::EmptyToken),
        Just(Fault::HalfToken),
        Just(Fault::SlowProcess),
        (1_u64..4000).prop_map(|seconds| Fault::Suspended(Duration::from_secs(seconds))),
        (-60_i64..60).prop_map(Fault::Ahead),
    ]
}

proptest! {
    #[test]
    fn any_faults_that_end_lead_to_credentials(number in 0..cases().len(), faults in prop::collection::vec(fault(), 0..24)) {
        let case = &cases()[number];
        let mut world = case.world();
        let mut shared = world.shared(case.profile);
        world.faults = VecDeque::from(faults);
        // Each search meets at least one fault, unless none is left for it.
        let mut searches = 0;
        loop {
            let left = world.faults.len();
            match world.find(&mut shared, (case.provider)()) {
                Ok(_) => break,
                Err(error) => {
                    // Unreachable metadata may as well not exist.
                    prop_assert!(error.is_transient() || error.is_absent(), "{}: {error}", case.name);
                    prop_assert!(world.faults.len() < left || searches < 40, "{}: {error} without a fault", case.name);
                }
            }
            searches += 1;
            prop_assert!(searches < 100, "{}", case.name);
            world.asked.clear();
            world.pass(Duration::from_secs(10));
        }
    }
}
