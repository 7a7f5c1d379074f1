//! The target of a spool's records: no other target gets them unless redirected, and a lost file does not hold them
//! back.

use firehose_proto::{Endpoint, Region};

use super::*;

fn at(stream: &str, region: &str, endpoint: &str) -> SpoolTarget {
    SpoolTarget::new(stream, region, endpoint)
}

fn redirecting() -> SpoolOptions {
    SpoolOptions { redirect: true, ..OPTIONS }
}

/// A spool with one record and a checkpoint.
fn spool_for(target: SpoolTarget) -> TempDir {
    let dir = TempDir::new().unwrap();
    let (spool, _) = Spool::open(dir.path(), target, OPTIONS).unwrap();
    spool.append(START, b"a").unwrap();
    spool.save_checkpoint(START, "log", b"far").unwrap();
    dir
}

#[test]
fn keeps_records_for_the_stream_that_they_were_sent_to() {
    let known = at("s", "eu-west-1", "https://a/");
    for wanted in
        [at("t", "eu-west-1", "https://a/"), at("s", "eu-west-2", "https://a/"), at("s", "eu-west-1", "https://b/")]
    {
        let dir = spool_for(known.clone());
        let error = Spool::open(dir.path(), wanted.clone(), OPTIONS).unwrap_err();
        for target in [&known, &wanted] {
            assert!(error.to_string().contains(&target.to_string()), "{error}");
        }
        // Redirected, it delivers them there and continues from its checkpoint; from then on they are for that target.
        let (spool, replay) = Spool::open(dir.path(), wanted.clone(), redirecting()).unwrap();
        assert_eq!(replay.map(Result::unwrap).collect::<Vec<_>>(), [(0, b"a".to_vec())]);
        assert_eq!(spool.load_checkpoint("log").unwrap().unwrap(), b"far");
        drop(spool);
        assert!(matches!(Spool::open(dir.path(), known.clone(), OPTIONS), Err(SpoolError::OtherTarget { .. })));
        // Without records there is nothing to redirect. Each target has its own checkpoints.
        Spool::open(dir.path(), wanted, OPTIONS).unwrap().0.complete(0..1).unwrap();
        let (spool, replay) = Spool::open(dir.path(), known.clone(), OPTIONS).unwrap();
        assert_eq!((replay.count(), spool.load_checkpoint("log").unwrap().unwrap()), (0, b"far".to_vec()));
        drop(spool);
        let (spool, _) = Spool::open(dir.path(), at("s", "eu-west-3", "https://a/"), OPTIONS).unwrap();
        assert_eq!(spool.load_checkpoint("log").unwrap(), None);
    }
}

#[test]
fn takes_the_records_of_an_earlier_version_for_those_of_its_stream() {
    let dir = spool_for(at("s", "", ""));
    fs::write(dir.path().join("stream"), "s").unwrap();
    let error = Spool::open(dir.path(), target("t"), OPTIONS).unwrap_err();
    assert!(error.to_string().contains("records for the stream s, not for"), "{error}");
    let (spool, replay) = Spool::open(dir.path(), target("s"), OPTIONS).unwrap();
    assert_eq!((replay.count(), spool.load_checkpoint("log").unwrap().unwrap()), (1, b"far".to_vec()));
    drop(spool);
    let other = at("s", "eu-west-1", "https://other/");
    assert!(matches!(Spool::open(dir.path(), other, OPTIONS), Err(SpoolError::OtherTarget { .. })));
}

#[test]
fn takes_the_services_own_endpoints_of_a_region_for_one() {
    let region = |name| Region::parse(name).unwrap();
    let own = |fips, dual_stack| SpoolTarget::at("s", &Endpoint::resolve(region("eu-west-1"), fips, dual_stack), None);
    for (fips, dual_stack) in [(true, false), (false, true), (true, true)] {
        assert_eq!(own(false, false), own(fips, dual_stack));
    }
    let custom = |url, name| SpoolTarget::at("s", &Endpoint::custom(url, region("eu-west-1")).unwrap(), name);
    assert_eq!(own(false, false), custom("https://FIREHOSE.eu-west-1.amazonaws.com", None));
    assert_ne!(custom("http://127.0.0.1:1", None), custom("http://127.0.0.1:2", None));
    assert_eq!(custom("http://127.0.0.1:1", Some("here")), custom("http://127.0.0.1:2", Some("here")));
    let line_break = custom("http://127.0.0.1:1", Some("a\nregion=b\nendpoint=c"));
    let dir = spool_for(line_break.clone());
    assert!(Spool::open(dir.path(), line_break, OPTIONS).is_ok());
}
