//! The retry machine against a slow, simple model, and the guarantees that it always keeps.

use core::num::NonZeroU32;
use core::time::Duration;

use firehose_proto::error::RetryClass;
use firehose_proto::internal::retry::{Decision, GiveUpReason, Retries, RetryQuota, backoff};
use proptest::prelude::*;

/// How one attempt of an operation ends.
#[derive(Debug, Clone)]
enum Outcome {
    Success,
    Failure { class: RetryClass, hint_ms: Option<u64>, random: u64 },
}

fn class() -> impl Strategy<Value = RetryClass> {
    prop_oneof![
        1 => Just(RetryClass::None),
        8 => Just(RetryClass::Transient),
        8 => Just(RetryClass::Throttling),
        4 => Just(RetryClass::ClockSkew),
    ]
}

fn random() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), any::<u64>()]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let hint = prop::option::of(prop_oneof![0..40_000_u64, any::<u64>()]);
    prop_oneof![
        1 => Just(Outcome::Success),
        8 => (class(), hint, random()).prop_map(|(class, hint_ms, random)| Outcome::Failure { class, hint_ms, random }),
    ]
}

/// The life of a client: operations one after the other, each with its maximum number of attempts.
fn operations() -> impl Strategy<Value = Vec<(u32, Vec<Outcome>)>> {
    prop::collection::vec((1..30_u32, prop::collection::vec(outcome(), 1..25)), 1..25)
}

/// The algorithm as AWS describes it, in floating-point seconds.
struct Twin {
    quota: i64,
}

struct TwinOperation {
    attempt: u32,
    max_attempts: u32,
    costs: Vec<i64>,
}

#[derive(Debug)]
enum TwinDecision {
    Wait { seconds: f64 },
    Stop(GiveUpReason),
}

impl Twin {
    fn fail(&mut self, op: &mut TwinOperation, class: RetryClass, hint_ms: Option<u64>, random: u64) -> TwinDecision {
        if class == RetryClass::None {
            return TwinDecision::Stop(GiveUpReason::NotRetryable);
        }
        if op.attempt >= op.max_attempts {
            return TwinDecision::Stop(GiveUpReason::AttemptsExhausted);
        }
        let is_throttling = class == RetryClass::Throttling;
        let cost = if is_throttling { 5 } else { 14 };
        if cost > self.quota {
            return TwinDecision::Stop(GiveUpReason::QuotaExhausted);
        }
        self.quota -= cost;
        op.costs.push(cost);
        let base = if is_throttling { 1.0 } else { 0.05 };
        let unit = random as f64 / 2_f64.powi(64);
        let mut seconds = unit * f64::min(base * 2_f64.powi(op.attempt as i32 - 1), 20.0);
        if let Some(hint_ms) = hint_ms {
            seconds = f64::max(seconds, f64::min(hint_ms as f64 / 1000.0, seconds + 5.0));
        }
        op.attempt += 1;
        TwinDecision::Wait { seconds }
    }

    fn succeed(&mut self, op: &TwinOperation) {
        self.quota = (self.quota + op.costs.last().copied().unwrap_or(1)).min(500);
    }
}

proptest! {
    #[test]
    fn decides_as_the_twin_does(operations in operations()) {
        let mut quota = RetryQuota::new();
        let mut twin = Twin { quota: 500 };
        for (max_attempts, outcomes) in operations {
            let mut retries = Retries::new(NonZeroU32::new(max_attempts).unwrap());
            let mut twin_op = TwinOperation { attempt: 1, max_attempts, costs: Vec::new() };
            for outcome in outcomes {
                let Outcome::Failure { class, hint_ms, random } = outcome else {
                    retries.on_success(&mut quota);
                    twin.succeed(&twin_op);
                    break;
                };
                let decision = retries.on_failure(class, hint_ms.map(Duration::from_millis), random, &mut quota);
                let expected = twin.fail(&mut twin_op, class, hint_ms, random);
                match (decision, &expected) {
                    (Decision::RetryAfter(wait), TwinDecision::Wait { seconds }) => {
                        prop_assert!((wait.as_secs_f64() - seconds).abs() < 1e-6, "{wait:?} {seconds}");
                    }
                    (Decision::GiveUp(reason), TwinDecision::Stop(expected)) => prop_assert_eq!(reason, *expected),
                    _ => prop_assert!(false, "{decision:?} {expected:?}"),
                }
                prop_assert_eq!(retries.attempt(), twin_op.attempt);
                prop_assert_eq!(i64::from(quota.available()), twin.quota);
                if matches!(decision, Decision::GiveUp(_)) {
                    break;
                }
            }
            prop_assert_eq!(i64::from(quota.available()), twin.quota);
        }
    }

    #[test]
    fn keeps_within_its_bounds_and_repeats_itself(operations in operations()) {
        let live = || {
            let mut quota = RetryQuota::new();
            let mut decisions = Vec::new();
            for (max_attempts, outcomes) in &operations {
                let mut retries = Retries::new(NonZeroU32::new(*max_attempts).unwrap());
                let mut sent = 1;
                for outcome in outcomes {
                    let Outcome::Failure { class, hint_ms, random } = *outcome else {
                        retries.on_success(&mut quota);
                        break;
                    };
                    let decision = retries.on_failure(class, hint_ms.map(Duration::from_millis), random, &mut quota);
                    decisions.push(decision);
                    assert!(quota.available() <= RetryQuota::CAPACITY);
                    let Decision::RetryAfter(wait) = decision else { break };
                    sent += 1;
                    assert!(sent <= *max_attempts, "attempt {sent} of {max_attempts}");
                    assert_eq!(retries.attempt(), sent);
                    let longest = if hint_ms.is_some() { 25 } else { 20 };
                    assert!(wait < Duration::from_secs(longest), "{wait:?} with hint {hint_ms:?}");
                }
                assert!(quota.available() <= RetryQuota::CAPACITY);
            }
            (decisions, quota)
        };
        prop_assert_eq!(live(), live());
    }

    #[test]
    fn backs_off_longer_with_each_failure_and_each_larger_draw(
        class in class(),
        failures in any::<u32>(),
        (low, high) in (random(), random()).prop_map(|(a, b)| (a.min(b), a.max(b))),
    ) {
        let wait = backoff(class, failures, low);
        prop_assert!(wait <= backoff(class, failures.saturating_add(1), low));
        prop_assert!(wait <= backoff(class, failures, high));
        prop_assert!(backoff(class, failures, high) < Duration::from_secs(20));
    }
}
