//! A response to a batch means the same in the service's own form, which has its own reader, and in any other form.

use firehose_proto::batch::Batch;
use firehose_proto::error::{MalformedResponse, ResponseError};
use firehose_proto::http::Response;
use firehose_proto::model::Record;
use firehose_proto::op::{
    Operation, PutRecordBatch, PutRecordBatchInput, PutRecordBatchOutput, PutRecordBatchResponseEntry as Entry,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn read(records: usize, answer: &[u8]) -> Result<PutRecordBatchOutput<'_>, MalformedResponse> {
    PutRecordBatch::read_output(&PutRecordBatchInput::new("s", vec![Record::new(b""); records]), answer)
}

/// Compares a response with the same one after white space. The white space means nothing, but leads to the other
/// reader.
fn assert_same(answer: &[u8]) {
    let spaced = [b" ", answer].concat();
    let answered = match read(0, &spaced) {
        Err(MalformedResponse::WrongCount { answered, .. }) => answered,
        _ => 0,
    };
    for records in [answered, answered + 1] {
        match (read(records, answer), read(records, &spaced)) {
            // Both errors contain an offset, and the white space moves it by one byte.
            (Err(MalformedResponse::Parse(_)), Err(MalformedResponse::Parse(_))) => {}
            (one, other) => assert_eq!(one, other, "{}", String::from_utf8_lossy(answer)),
        }
    }
}

/// Texts as written in a response, most of them without escapes.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![8 => "\"[ -!#-\\[\\]-~é]{0,80}\"", 2 => Just("\"\"".into()), 1 => "\"[ -~\t]{0,80}\"",
        1 => select(vec!["null", "1", "\"\\u0031\"", "[]", "{"]).prop_map(String::from)]
}

fn count() -> impl Strategy<Value = String> {
    prop_oneof![8 => (0..4_u8).prop_map(|count| count.to_string()),
        1 => select(vec!["00", "1.0", "1e0", "-0", "null", "18446744073709551616", "\"0\""]).prop_map(String::from)]
}

/// A separator, mostly followed by a valid space.
fn separated(by: char, seed: u8, spaces: &str) -> String {
    if seed == 0 { format!("{spaces}{by}\n") } else { format!("{by}{spaces}") }
}

fn object(members: &[(&'static str, String)], spaces: &str, seed: u8) -> String {
    let colon = separated(':', seed, spaces);
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\"{colon}{value}")).collect();
    format!("{{{}}}", members.join(&separated(',', seed, spaces)))
}

fn entry() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names = select(vec!["RecordId", "ErrorCode", "ErrorMessage", "RecordId", "ErrorCode", "New"]);
    let odd = vec((names, text()), 0..4);
    let accepted = text().prop_map(|id| vec![("RecordId", id)]);
    let failed = (text(), text(), any::<bool>()).prop_map(|(code, message, is_turned)| {
        let mut members = vec![("ErrorCode", code), ("ErrorMessage", message)];
        if is_turned {
            members.reverse();
        }
        members
    });
    prop_oneof![6 => accepted, 3 => failed, 1 => odd]
}

fn answer() -> impl Strategy<Value = String> {
    let encrypted = select(vec!["true", "false", "false", "false", "null", "0"]);
    let spaces = select(vec!["", "", " ", " ", "  "]);
    (vec(entry(), 0..5), count(), encrypted, 0..4_usize, any::<bool>(), spaces, 0..16_u8).prop_map(
        |(entries, count, encrypted, turn, is_short, spaces, seed)| {
            let entries: Vec<_> = entries.into_iter().map(|entry| object(&entry, spaces, seed | 1)).collect();
            let entries = format!("[{}]", entries.join(&separated(',', seed, spaces)));
            let mut members =
                vec![("FailedPutCount", count), ("Encrypted", encrypted.into()), ("RequestResponses", entries)];
            members.rotate_left(turn % 3);
            if is_short {
                members.retain(|(name, _)| *name != "Encrypted");
            }
            object(&members, spaces, seed)
        },
    )
}

proptest! {
    #[test]
    fn the_same_for_every_answer(answer in answer()) {
        assert_same(answer.as_bytes());
    }

    #[test]
    fn the_same_for_every_damaged_answer(answer in answer(), at in any::<Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut answer = answer.into_bytes();
        let at = at.index(answer.len());
        if cut {
            answer.truncate(at);
        } else {
            *answer.get_mut(at).unwrap() = byte;
        }
        assert_same(&answer);
    }

    #[test]
    fn the_output_of_a_settled_batch_is_the_answer_as_it_was_read(answer in answer()) {
        let answered = match read(0, answer.as_bytes()) {
            Err(MalformedResponse::WrongCount { answered, .. }) => answered,
            _ => 1,
        };
        let mut batch = Batch::new("s").unwrap();
        (0..answered).for_each(|index| batch.push(&[u8::try_from(index).unwrap()]).unwrap());
        let before = batch.clone();
        let kept = |batch: &Batch| (0..batch.len()).map(|index| batch.encoded(index).unwrap().to_owned()).collect::<Vec<_>>();
        match (batch.settle(Response::new(200, answer.clone().into_bytes())), read(answered, answer.as_bytes())) {
            (Ok(settled), Ok(read)) => {
                assert_eq!((settled.failed_put_count, settled.encrypted), (read.failed_put_count, read.encrypted));
                assert_eq!(settled.request_responses(), read.request_responses);
                let failed = read.request_responses.iter().enumerate().filter(|(_, entry)| entry.is_failed());
                let failed: Vec<_> = failed.map(|(index, _)| before.encoded(index).unwrap().to_owned()).collect();
                assert_eq!(kept(&batch), failed);
            }
            (Err(ResponseError::Malformed(settled)), Err(read)) => {
                assert_eq!(settled, read);
                assert_eq!(kept(&batch), kept(&before));
            }
            (settled, read) => panic!("{settled:?} {read:?}"),
        }
    }
}

/// Some peers write an empty text for a member that does not apply.
#[test]
fn takes_an_empty_text_for_none() {
    for (entry, is_failed) in [
        (r#"{"RecordId":"1","ErrorCode":""}"#, Some(false)),
        (r#"{"RecordId":"1","ErrorCode":"","ErrorMessage":""}"#, Some(false)),
        (r#"{"RecordId":"","ErrorCode":"InternalFailure","ErrorMessage":""}"#, Some(true)),
        (r#"{"ErrorCode":""}"#, Some(true)),
        (r#"{"RecordId":"","ErrorCode":""}"#, Some(true)),
        (r#"{"RecordId":""}"#, None),
        (r#"{"RecordId":"1","ErrorCode":"InternalFailure"}"#, None),
    ] {
        let failed = u8::from(is_failed == Some(true));
        let answer = format!(r#"{{"FailedPutCount":{failed},"RequestResponses":[{entry}]}}"#);
        for answer in [answer.clone(), format!("\n{answer}")] {
            let read = read(1, answer.as_bytes());
            let found = read.as_ref().map(|output| output.request_responses.iter().map(Entry::is_failed).collect());
            match is_failed {
                Some(is_failed) => assert_eq!(found, Ok(vec![is_failed]), "{answer}"),
                None => assert_eq!(found, Err(&MalformedResponse::Entry { index: 0 }), "{answer}"),
            }
        }
    }
}
