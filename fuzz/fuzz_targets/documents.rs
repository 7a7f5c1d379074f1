//! Whatever stands in a document, checking it never fails otherwise than in words, and what can be read is written to
//! mean the same.
#![no_main]

use std::fmt::Debug;

use firehose_proto::op::{
    CreateDeliveryStream, DeleteDeliveryStream, DescribeDeliveryStream, ListDeliveryStreams, ListTagsForDeliveryStream,
    Operation, PutRecord, PutRecordBatch, StartDeliveryStreamEncryption, StopDeliveryStreamEncryption,
    TagDeliveryStream, UntagDeliveryStream, UpdateDestination,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    // The operation's name on the first line, then an input, and after an empty line the output that answers it.
    let mut parts = text.splitn(2, |byte| *byte == b'\n');
    let (Some(name), Some(documents)) = (parts.next(), parts.next()) else { return };
    let end = documents.windows(2).position(|pair| pair == b"\n\n").unwrap_or(documents.len());
    let (input, output) = documents.split_at(end);
    let round_trip = match name {
        b"CreateDeliveryStream" => round_trip::<CreateDeliveryStream>,
        b"DeleteDeliveryStream" => round_trip::<DeleteDeliveryStream>,
        b"DescribeDeliveryStream" => round_trip::<DescribeDeliveryStream>,
        b"ListDeliveryStreams" => round_trip::<ListDeliveryStreams>,
        b"ListTagsForDeliveryStream" => round_trip::<ListTagsForDeliveryStream>,
        b"PutRecord" => round_trip::<PutRecord>,
        b"PutRecordBatch" => round_trip::<PutRecordBatch>,
        b"StartDeliveryStreamEncryption" => round_trip::<StartDeliveryStreamEncryption>,
        b"StopDeliveryStreamEncryption" => round_trip::<StopDeliveryStreamEncryption>,
        b"TagDeliveryStream" => round_trip::<TagDeliveryStream>,
        b"UntagDeliveryStream" => round_trip::<UntagDeliveryStream>,
        b"UpdateDestination" => round_trip::<UpdateDestination>,
        _ => return,
    };
    round_trip(input, output.get(2..).unwrap_or_default());
});

fn round_trip<O: Operation>(input: &[u8], output: &[u8])
where
    for<'a> O::Input<'a>: Debug + PartialEq,
    for<'a> O::Output<'a>: Debug + PartialEq,
{
    // Here, because what is read may borrow from them.
    let mut texts: [Vec<u8>; 4] = Default::default();
    let [input_text, second_input_text, output_text, second_output_text] = &mut texts;

    if let Err(error) = O::check_document(input) {
        assert!(!error.to_string().is_empty());
    }
    let input = match O::read_input(input) {
        Ok(input) => input,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    O::write_input(&input, input_text);
    let again = O::read_input(input_text).unwrap();
    assert!(again == input, "{again:?} is not {input:?}");
    O::write_input(&again, second_input_text);
    assert_eq!(input_text, second_input_text);
    // A typed input is held to the rules of its document, but for members of tomorrow.
    assert!(O::check_document(input_text).is_err() || O::validate(&input).is_ok(), "{input:?}");

    let output = match O::read_output(&input, output) {
        Ok(output) => output,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    O::write_output(&output, output_text);
    let again = O::read_output(&input, output_text).unwrap();
    assert!(again == output, "{again:?} is not {output:?}");
    O::write_output(&again, second_output_text);
    assert_eq!(output_text, second_output_text);
}
