//! When credentials are refreshed, and what is used meanwhile, for any number of callers.

use std::sync::Arc;
use std::time::Duration;

use firehose_proto::credentials::{
    CacheAnswer, Credentials, CredentialsCache, CredentialsError, CredentialsRequest, Found,
};
use firehose_proto::time::{Now, Tick};
use proptest::prelude::*;

use crate::world::START;

fn at(seconds: u64) -> Now {
    let time = Duration::from_secs(seconds);
    Now::new(Tick::from_duration(time), START + time)
}

fn found(id: &str, expires_after: Option<u64>) -> Found {
    let mut credentials = Credentials::new(id, "secret");
    credentials.expires_at = expires_after.map(|seconds| START + Duration::from_secs(seconds));
    Found { credentials, provider: "test".into() }
}

/// An answer in one word: the key id, or what to do.
fn word(answer: &CacheAnswer) -> String {
    match answer {
        CacheAnswer::Use(credentials) => credentials.access_key_id.clone(),
        CacheAnswer::Refresh => "refresh".into(),
        CacheAnswer::WaitForRefresh => "wait".into(),
        CacheAnswer::Failed { error, retry_at } => {
            assert!(error.is_transient() || retry_at.is_none(), "{error}");
            format!("failed {:?}", retry_at.map(|at| at.as_duration().as_secs()))
        }
    }
}

fn poll(cache: &mut CredentialsCache, seconds: u64, wanted: &mut CredentialsRequest) -> String {
    word(&cache.poll(at(seconds), wanted))
}

/// The result of a request, if its search, should there be one, ends like this.
fn ask(
    cache: &mut CredentialsCache,
    seconds: u64,
    mut wanted: CredentialsRequest,
    ends: Result<Found, CredentialsError>,
) -> String {
    let answer = cache.poll(at(seconds), &mut wanted);
    if !matches!(answer, CacheAnswer::Refresh) {
        return word(&answer);
    }
    cache.handle_refresh(at(seconds), ends);
    format!("searched, {}", poll(cache, seconds, &mut wanted))
}

fn down() -> Result<Found, CredentialsError> {
    Err(CredentialsError::transient("down"))
}

fn refused(cache: &CredentialsCache) -> CredentialsRequest {
    CredentialsRequest::other_than(Arc::clone(cache.current().unwrap()))
}

#[test]
fn refreshes_refused_credentials_at_once_then_rarely_without_giving_up() {
    let mut cache = CredentialsCache::new();
    assert_eq!(ask(&mut cache, 0, CredentialsRequest::any(), Ok(found("A", Some(3600)))), "searched, A");
    for (seconds, ends, comes_to) in [
        // The metadata are down.
        (10, down(), "searched, failed Some(15)"),
        (11, down(), "failed Some(15)"),
        (15, down(), "searched, failed Some(20)"),
        // Static stability: the same keys with an extended expiry. The service still refuses them.
        (20, Ok(found("A", Some(7200))), "searched, failed Some(80)"),
        (79, down(), "failed Some(80)"),
        (80, Ok(found("B", Some(7200))), "searched, B"),
        // The new ones are refused within a minute.
        (81, Ok(found("C", Some(7200))), "failed Some(140)"),
        (140, Ok(found("C", Some(7200))), "searched, C"),
    ] {
        let wanted = refused(&cache);
        assert_eq!(ask(&mut cache, seconds, wanted, ends), comes_to, "at {seconds} s");
        // Callers that were not refused continue.
        let id = cache.current().unwrap().access_key_id.clone();
        assert_eq!(ask(&mut cache, seconds, CredentialsRequest::any(), down()), id, "at {seconds} s");
    }
    let old = CredentialsRequest::other_than(Arc::new(found("A", None).credentials));
    assert_eq!(ask(&mut cache, 141, old, down()), "C", "who was refused with old ones has new ones at once");
}

#[test]
fn what_is_still_good_outlives_a_renewal_that_failed() {
    let mut cache = CredentialsCache::new();
    ask(&mut cache, 0, CredentialsRequest::any(), Ok(found("A", Some(3600))));
    assert_eq!(ask(&mut cache, 3590, CredentialsRequest::any(), down()), "searched, A");
    assert_eq!(ask(&mut cache, 3700, CredentialsRequest::any(), down()), "searched, failed None");
}

#[test]
fn an_extended_set_is_no_other() {
    let mut cache = CredentialsCache::new();
    ask(&mut cache, 0, CredentialsRequest::any(), Ok(found("A", Some(3600))));
    let wanted = refused(&cache);
    assert_eq!(ask(&mut cache, 10, wanted, Ok(found("A", Some(9000)))), "searched, failed Some(70)");
    let mut other = found("A", Some(9000));
    other.credentials.session_token = Some("new".into());
    let wanted = refused(&cache);
    assert_eq!(ask(&mut cache, 70, wanted, Ok(other)), "searched, A", "another token is another set");
}

#[test]
fn says_why_there_are_no_others() {
    let mut cache = CredentialsCache::new();
    ask(&mut cache, 0, CredentialsRequest::any(), Ok(found("A", None)));
    let mut wanted = refused(&cache);
    cache.poll(at(1), &mut wanted);
    cache.handle_refresh(at(1), down());
    let CacheAnswer::Failed { error, .. } = cache.poll(at(1), &mut wanted) else { panic!("there are no others") };
    assert_eq!(error.to_string(), "the service refuses the credentials, and there are no others for now");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "down");
}

/// The next event of a cache.
#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    /// A caller comes. It may have been refused with the current credentials.
    Come(bool),
    /// All that wait poll again.
    PollAll,
    /// The search ends with this set and its lifetime, or fails.
    Found(u8, u64),
    Fail(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0_u64..2000).prop_map(Event::Pass),
        any::<bool>().prop_map(Event::Come),
        Just(Event::PollAll),
        (0_u8..3, 0_u64..4000).prop_map(|(set, life)| Event::Found(set, life)),
        any::<bool>().prop_map(Event::Fail),
    ]
}

proptest! {
    #[test]
    fn one_caller_searches_and_all_get_an_answer(events in prop::collection::vec(event(), 1..60)) {
        let mut cache = CredentialsCache::new();
        let mut seconds = 0;
        let mut waiting: Vec<CredentialsRequest> = Vec::new();
        let mut is_searching = false;
        let forced = |cache: &CredentialsCache| cache.current().cloned().map_or(CredentialsRequest::any(), CredentialsRequest::other_than);
        for event in events {
            let mut polls = Vec::new();
            match event {
                Event::Pass(time) => seconds += time,
                Event::Come(is_refused) => polls.push(if is_refused { forced(&cache) } else { CredentialsRequest::any() }),
                Event::PollAll => polls.append(&mut waiting),
                Event::Found(..) | Event::Fail(_) if !is_searching => continue,
                Event::Found(set, life) => {
                    cache.handle_refresh(at(seconds), Ok(found(&set.to_string(), Some(seconds + life))));
                    is_searching = false;
                }
                Event::Fail(is_transient) => {
                    let error = if is_transient { CredentialsError::transient("t") } else { CredentialsError::failed("f") };
                    cache.handle_refresh(at(seconds), Err(error));
                    is_searching = false;
                }
            }
            for mut wanted in polls {
                match cache.poll(at(seconds), &mut wanted) {
                    CacheAnswer::Refresh => {
                        prop_assert!(!is_searching, "two search at once");
                        is_searching = true;
                        waiting.push(wanted);
                    }
                    CacheAnswer::WaitForRefresh => {
                        prop_assert!(is_searching, "it waits for nobody");
                        waiting.push(wanted);
                    }
                    CacheAnswer::Failed { retry_at, .. } => prop_assert!(retry_at.is_none_or(|until| until >= at(seconds).tick)),
                    CacheAnswer::Use(credentials) => prop_assert!(Some(&credentials) == cache.current()),
                }
            }
        }
        // Once searches succeed, all callers have credentials within two rounds.
        for round in 0..3 {
            if is_searching {
                cache.handle_refresh(at(seconds), Ok(found("last", None)));
                is_searching = false;
            }
            prop_assert!(round < 2 || waiting.is_empty(), "a caller waits for ever");
            let polls = std::mem::take(&mut waiting);
            for mut wanted in polls {
                match cache.poll(at(seconds), &mut wanted) {
                    CacheAnswer::Refresh => { is_searching = true; waiting.push(wanted) }
                    CacheAnswer::WaitForRefresh => waiting.push(wanted),
                    CacheAnswer::Failed { .. } | CacheAnswer::Use(_) => {}
                }
            }
        }
        seconds += 61;
        prop_assert_ne!(ask(&mut cache, seconds, CredentialsRequest::any(), Ok(found("good", None))), "wait");
    }
}
