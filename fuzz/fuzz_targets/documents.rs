//! Whatever stands in a document, checking it never fails otherwise than in words, and what can be read is written to
//! mean the same.
#![no_main]

use std::fmt::Debug;

use firehose_proto::op::Operation;
use firehose_proto::op::create_delivery_stream::CreateDeliveryStream;
use firehose_proto::op::delete_delivery_stream::DeleteDeliveryStream;
use firehose_proto::op::describe_delivery_stream::DescribeDeliveryStream;
use firehose_proto::op::list_delivery_streams::ListDeliveryStreams;
use firehose_proto::op::list_tags_for_delivery_stream::ListTagsForDeliveryStream;
use firehose_proto::op::put_record::PutRecord;
use firehose_proto::op::put_record_batch::PutRecordBatch;
use firehose_proto::op::start_delivery_stream_encryption::StartDeliveryStreamEncryption;
use firehose_proto::op::stop_delivery_stream_encryption::StopDeliveryStreamEncryption;
use firehose_proto::op::tag_delivery_stream::TagDeliveryStream;
use firehose_proto::op::untag_delivery_stream::UntagDeliveryStream;
use firehose_proto::op::update_destination::UpdateDestination;
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
