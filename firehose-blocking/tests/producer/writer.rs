//! The producer as an `io::Write`, and values as lines of JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::*;

const MIB: usize = 1024 * 1024;

/// A producer that writes down what is accepted.
fn accepting(policy: Policy) -> (Service, Producer) {
    let service = Service::new(|_, records| accept_all_but(records, &[]));
    let producer = Producer::builder(service.client(), "s").policy(policy).start().unwrap();
    (service, producer)
}

/// All records that were accepted, in order, as texts.
fn records(service: &Service, producer: &Producer) -> Vec<String> {
    let closed = producer.close(LONG);
    assert_eq!(closed.undelivered.len(), 0);
    service.requests().concat().into_iter().map(|record| String::from_utf8(record).unwrap()).collect()
}

fn send_error(error: io::Error) -> SendError {
    error.downcast().unwrap()
}

#[test]
fn each_line_is_a_record_however_it_is_written() {
    let text = "one\n\ntwo\r\nthree";
    for size in 1..=text.len() {
        let (service, producer) = accepting(prompt());
        let mut writer = producer.writer();
        for piece in text.as_bytes().chunks(size) {
            writer.write_all(piece).unwrap();
        }
        drop(writer);
        assert_eq!(records(&service, &producer), ["one\n", "\n", "two\r\n", "three"], "{size} at once");
    }
}

#[test]
fn a_partial_line_is_kept_until_it_is_flushed() {
    let (service, producer) = accepting(prompt());
    let (mut first, mut second) = (producer.writer(), producer.writer());
    first.write_all(b"be").unwrap();
    second.write_all(b"other\n").unwrap();
    first.write_all(b"gun").unwrap();
    first.flush().unwrap();
    first.flush().unwrap();
    first.write_all(b" anew\n").unwrap();
    drop((first, second));
    assert_eq!(records(&service, &producer), ["other\n", "begun", " anew\n"]);
}

#[test]
fn a_line_above_the_limit_is_as_the_policy_says() {
    let long = format!("{}\n", "x".repeat(MIB));
    for (oversize, expected) in [
        (Oversize::Refuse, vec![2, 2]),
        (Oversize::Truncate, vec![2, 1_024_000, 2]),
        (Oversize::Split { delimiter: b"x".to_vec() }, vec![2, 1_024_000, 24_577, 2]),
    ] {
        for size in [1000, 5 * MIB] {
            let mut policy = prompt();
            policy.oversize = oversize.clone();
            let (service, producer) = accepting(policy);
            let mut writer = producer.writer();
            writer.write_all(b"a\n").unwrap();
            let written = long.as_bytes().chunks(size).try_for_each(|piece| writer.write_all(piece));
            match oversize {
                Oversize::Refuse => {
                    let error = send_error(written.unwrap_err());
                    assert!(
                        matches!(error, SendError::NotTaken(EnqueueError::TooLarge { bytes: 1_048_577, .. })),
                        "{error:?}"
                    );
                }
                _ => written.unwrap(),
            }
            writer.write_all(b"b\n").unwrap();
            drop(writer);
            let sizes: Vec<usize> = records(&service, &producer).iter().map(String::len).collect();
            assert_eq!(sizes, expected, "{oversize:?} {size}");
        }
    }
}

#[test]
fn a_line_without_an_end_takes_no_more_than_4_mib() {
    let mut policy = prompt();
    policy.oversize = Oversize::Truncate;
    let (service, producer) = accepting(policy);
    let mut writer = producer.writer();
    let mut failures = BTreeMap::new();
    for number in 0..10 {
        if let Err(error) = writer.write_all(&vec![b'x'; MIB]) {
            failures.insert(number, send_error(error));
        }
    }
    let [(4, SendError::NotTaken(EnqueueError::TooLarge { bytes, max_bytes: 1_024_000 }))] =
        failures.iter().collect::<Vec<_>>()[..]
    else {
        panic!("{failures:?}");
    };
    assert_eq!(*bytes, 5 * MIB);
    writer.write_all(b"its end\nb\n").unwrap();
    drop(writer);
    assert_eq!(records(&service, &producer), ["b\n"]);
}

#[test]
fn what_is_not_taken_for_now_may_be_written_again() {
    let service = Service::new(|_, records| accept_all_but(records, &[b"a\n", b"begun\n"]));
    let mut policy = prompt();
    (policy.max_buffered_records, policy.max_attempts) = (1, 1.try_into().unwrap());
    let producer = Producer::builder(service.client(), "s").policy(policy).start().unwrap();
    let mut writer = producer.writer();
    writer.write_all(b"a\n").unwrap();
    writer.write_all(b"be").unwrap();
    producer.flush(LONG).unwrap();
    // What came back is in the way until somebody takes it.
    let error = send_error(writer.write_all(b"gun\n").unwrap_err());
    assert!(matches!(error, SendError::NotTaken(EnqueueError::Full)), "{error:?}");
    let error = send_error(writer.flush().unwrap_err());
    assert!(matches!(error, SendError::NotTaken(EnqueueError::Full)), "{error:?}");
    let _ = producer.take_undelivered();
    writer.write_all(b"gun\n").unwrap();
    producer.flush(LONG).unwrap();
    assert_eq!(producer.take_undelivered().iter().map(|it| &*it.data).collect::<Vec<_>>(), [b"begun\n"]);
}

#[test]
fn a_closed_producer_takes_no_line() {
    let (service, producer) = accepting(prompt());
    let mut writer = producer.writer();
    writer.write_all(b"partial").unwrap();
    assert!(records(&service, &producer).is_empty());
    let error = send_error(writer.write_all(b"\n").unwrap_err());
    assert!(matches!(error, SendError::NotTaken(EnqueueError::Closed)), "{error:?}");
    assert!(!format!("{writer:?}").contains("partial\""), "records are nobody's business");
}

#[test]
fn a_value_is_a_line_of_json() {
    let (service, producer) = accepting(prompt());
    producer.send_json(&BTreeMap::from([("id", 7)])).unwrap();
    producer.send_json("a\nb").unwrap();
    // JSON's names are texts.
    let error = producer.send_json(&BTreeMap::from([((1, 2), 3)])).unwrap_err();
    assert!(matches!(error, SendError::Serialize(_)), "{error:?}");
    assert_eq!(error.to_string(), "the value cannot be written as JSON");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "key must be a string");
    assert_eq!(records(&service, &producer), ["{\"id\":7}\n", "\"a\\nb\"\n"]);
}
