//! One table for all transports: the same faults, the same requests seen by the service, the same outcome, whoever carries
//! the core's calls.

mod drivers;
mod service;

use std::thread;

use self::drivers::Driver;
use self::service::Fate::{CutAfter, CutBefore, Expire, Html, Jump, Page, Partial, Refuse, Slow, Truncated};
use self::service::Grant::{Key, Outage};
use self::service::{Fate, Grant, Service};

/// What happens to a batch of three records `a b c`, and what is to come of it.
struct Scenario {
    name: &'static str,
    script: &'static [Fate],
    /// What the container's agent says, one answer after the other; the last one for good.
    grants: &'static [Grant],
    /// What the service sees: the records of each put, and what it makes of them.
    seen: &'static [&'static str],
    /// Whether all records are accepted in the end.
    is_delivered: bool,
}

const KEY: &[Grant] = &[Key(1)];

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "well", script: &[], grants: KEY, seen: &["a b c: Accept"], is_delivered: true },
    Scenario {
        name: "the clock half an hour off, then jumping",
        script: &[Jump(1800), Partial, Jump(-1800)],
        grants: KEY,
        seen: &["a b c: refused signature", "a b c: Partial", "b c: refused signature", "b c: Accept"],
        is_delivered: true,
    },
    Scenario {
        name: "throttled calls",
        script: &[Refuse(400, "ThrottlingException"), Refuse(503, "ServiceUnavailableException")],
        grants: KEY,
        seen: &[
            "a b c: Refuse(400, \"ThrottlingException\")",
            "a b c: Refuse(503, \"ServiceUnavailableException\")",
            "a b c: Accept",
        ],
        is_delivered: true,
    },
    Scenario {
        name: "partial failures",
        script: &[Partial, Partial],
        grants: KEY,
        seen: &["a b c: Partial", "b c: Partial", "c: Accept"],
        is_delivered: true,
    },
    Scenario {
        name: "server errors, more than a call has attempts",
        script: &[Refuse(500, "InternalFailure"), Refuse(502, "X"), Refuse(503, "X"), Refuse(504, "X")],
        grants: KEY,
        seen: &[
            "a b c: Refuse(500, \"InternalFailure\")",
            "a b c: Refuse(502, \"X\")",
            "a b c: Refuse(503, \"X\")",
            "a b c: Refuse(504, \"X\")",
            "a b c: Accept",
        ],
        is_delivered: true,
    },
    Scenario {
        name: "connections cut before and after",
        script: &[CutBefore, CutAfter],
        grants: KEY,
        seen: &["a b c: CutBefore", "a b c: CutAfter", "a b c: Accept"],
        is_delivered: true,
    },
    Scenario { name: "slow", script: &[Slow(400)], grants: KEY, seen: &["a b c: Slow(400)"], is_delivered: true },
    Scenario {
        name: "truncated",
        script: &[Truncated],
        grants: KEY,
        seen: &["a b c: Truncated", "a b c: Accept"],
        is_delivered: true,
    },
    Scenario {
        name: "a page in place of an answer",
        script: &[Html, Page(403), Page(302)],
        grants: KEY,
        seen: &["a b c: Html", "a b c: Page(403)", "a b c: Page(302)", "a b c: Accept"],
        is_delivered: true,
    },
    Scenario {
        name: "no such stream",
        script: &[Refuse(400, "ResourceNotFoundException")],
        grants: KEY,
        seen: &["a b c: Refuse(400, \"ResourceNotFoundException\")"],
        is_delivered: false,
    },
    Scenario {
        name: "credentials that expire and are renewed",
        script: &[Partial, Expire],
        grants: &[Key(1), Key(2)],
        seen: &["a b c: Partial", "b c: AKID1 in place of AKID2", "b c: Accept"],
        is_delivered: true,
    },
    Scenario {
        name: "credentials that cannot be had at first",
        script: &[],
        grants: &[Outage, Outage, Key(1)],
        seen: &["a b c: Accept"],
        is_delivered: true,
    },
];

/// The scenarios in which a driver makes more requests than the script has, for the sake of credentials.
const RENEWALS: &[Scenario] = &[Scenario {
    name: "credentials that cannot be renewed for a while",
    script: &[Expire],
    grants: &[Key(1), Outage, Outage, Outage, Key(2)],
    seen: &["a b c: AKID1 in place of AKID2", "a b c: Accept"],
    is_delivered: true,
}];

/// What is refused for good ends each driver within its time.
const NEVER: &[Scenario] = &[Scenario {
    name: "credentials that never are renewed",
    script: &[Expire],
    grants: &[Key(1), Outage],
    seen: &["a b c: AKID1 in place of AKID2"],
    is_delivered: false,
}];

/// Requests that the service saw again, for whatever reason, count once.
fn without_repetition(seen: &[String]) -> Vec<&str> {
    let mut seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    seen.dedup();
    seen
}

fn run(scenario: &Scenario, driver: Driver) {
    let service = Service::new(scenario.script, scenario.grants);
    let is_delivered = driver.ship(&service, &["a", "b", "c"]);
    let state = service.state();
    let what = format!("{}, by {driver:?}: {:?}", scenario.name, state.seen);
    assert_eq!(is_delivered, scenario.is_delivered, "{what}");
    assert_eq!(without_repetition(&state.seen), scenario.seen, "{what}");
    if scenario.is_delivered {
        assert!(["a", "b", "c"].iter().all(|line| state.stored.iter().any(|stored| stored == line)), "{what}");
    }
}

/// Each driver goes through the table by itself, the drivers side by side.
fn run_all(scenarios: &[Scenario]) {
    let failed = thread::scope(|scope| {
        let drivers: Vec<_> = Driver::ALL
            .into_iter()
            .map(|driver| scope.spawn(move || scenarios.iter().for_each(|scenario| run(scenario, driver))))
            .collect();
        drivers.into_iter().filter_map(|driver| driver.join().err()).count()
    });
    assert_eq!(failed, 0, "drivers failed; see above");
}

#[test]
fn each_transport_meets_the_same_fate() {
    run_all(SCENARIOS);
}

#[test]
fn each_transport_waits_for_credentials() {
    run_all(RENEWALS);
}

#[test]
fn each_transport_gives_up_on_credentials_that_never_come() {
    run_all(NEVER);
}

/// A call cannot make a batch smaller, and says so. The batcher halves it, whoever carries its requests.
#[test]
fn what_is_too_large_is_refused_or_halved() {
    for driver in Driver::ALL {
        let service = Service::new(&[Refuse(413, "X")], KEY);
        assert_eq!(driver.ship(&service, &["a", "b", "c"]), driver.is_producer(), "{driver:?}");
        let state = service.state();
        let (first, rest) = state.seen.split_first().expect("there was a request");
        assert_eq!(first, "a b c: Refuse(413, \"X\")", "{driver:?}");
        assert!(rest.iter().all(|put| put.ends_with(": Accept")), "{driver:?}: {rest:?}");
        let mut stored = state.stored.clone();
        stored.sort();
        let expected: &[&str] = if driver.is_producer() { &["a", "b", "c"] } else { &[] };
        assert_eq!(stored, expected, "{driver:?}");
    }
}
