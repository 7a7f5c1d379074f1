//! The twelve operations as methods of [`Client`], and as the trait [`Firehose`] for applications that mock it.

use firehose_proto::call as exchange;
use firehose_proto::call::Error;
use firehose_proto::op::{
    CreateDeliveryStream, CreateDeliveryStreamInput, CreateDeliveryStreamOutput, DeleteDeliveryStream,
    DeleteDeliveryStreamInput, DeleteDeliveryStreamOutput, DescribeDeliveryStream, DescribeDeliveryStreamInput,
    DescribeDeliveryStreamOutput, ListDeliveryStreams, ListDeliveryStreamsInput, ListDeliveryStreamsOutput,
    ListTagsForDeliveryStream, ListTagsForDeliveryStreamInput, ListTagsForDeliveryStreamOutput, PutRecord,
    PutRecordBatch, PutRecordBatchInput, PutRecordBatchOutput, PutRecordInput, PutRecordOutput,
    StartDeliveryStreamEncryption, StartDeliveryStreamEncryptionInput, StartDeliveryStreamEncryptionOutput,
    StopDeliveryStreamEncryption, StopDeliveryStreamEncryptionInput, StopDeliveryStreamEncryptionOutput,
    TagDeliveryStream, TagDeliveryStreamInput, TagDeliveryStreamOutput, UntagDeliveryStream, UntagDeliveryStreamInput,
    UntagDeliveryStreamOutput, UpdateDestination, UpdateDestinationInput, UpdateDestinationOutput,
};

use crate::client::Client;

/// Declares each operation once: as a method of the client, and as one of the trait.
macro_rules! operations {
    ($($(#[$doc:meta])* $method:ident: $operation:ident($input:ty) -> $output:ty $(, then $then:path)?;)+) => {
        /// The operations of Firehose, as a trait: for applications whose tests put something else in place of [`Client`].
        ///
        /// ```
        /// use firehose_blocking::{Error, Firehose, PutRecordInput, Record};
        ///
        /// fn greet(firehose: &dyn Firehose) -> Result<String, Error> {
        ///     let output = firehose.put_record(&PutRecordInput::new("greetings", Record::new(b"hello\n")))?;
        ///     Ok(output.record_id.into_owned())
        /// }
        /// ```
        pub trait Firehose {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                #[doc = concat!("[`Error`], as for [`Client::", stringify!($method), "`].")]
                fn $method(&self, input: &$input) -> Result<$output, Error>;
            )+
        }

        impl Firehose for Client {
            $(fn $method(&self, input: &$input) -> Result<$output, Error> {
                Self::$method(self, input)
            })+
        }

        impl Client {
            $(
                $(#[$doc])*
                ///
                #[doc = concat!("See [`", stringify!($operation), "`] for its limits and an example.")]
                ///
                /// # Errors
                ///
                #[doc = concat!(
                    "[`Error`]; the exceptions of the service are those of [`", stringify!($operation), "`] and the common ones."
                )]
                pub fn $method(&self, input: &$input) -> Result<$output, Error> {
                    let response = self.exchange::<$operation>(input)?;
                    Ok(exchange::decode::<$operation>(input, &response)$(.map($then))??)
                }
            )+
        }
    };
}

operations! {
    /// Makes a stream.
    create_delivery_stream: CreateDeliveryStream(CreateDeliveryStreamInput) -> CreateDeliveryStreamOutput;
    /// Deletes a stream and what it holds.
    delete_delivery_stream: DeleteDeliveryStream(DeleteDeliveryStreamInput) -> DeleteDeliveryStreamOutput;
    /// Describes a stream and its destination.
    describe_delivery_stream: DescribeDeliveryStream(DescribeDeliveryStreamInput) -> DescribeDeliveryStreamOutput;
    /// Lists names of streams, a page of them; for all, see [`delivery_streams`](Client::delivery_streams).
    list_delivery_streams: ListDeliveryStreams(ListDeliveryStreamsInput) -> ListDeliveryStreamsOutput;
    /// Lists tags of a stream, a page of them; for all, see [`tags`](Client::tags).
    list_tags_for_delivery_stream:
        ListTagsForDeliveryStream(ListTagsForDeliveryStreamInput) -> ListTagsForDeliveryStreamOutput;
    /// Puts one record of at most 1,024,000 bytes into a stream.
    put_record: PutRecord(PutRecordInput<'_>) -> PutRecordOutput<'static>, then PutRecordOutput::into_owned;
    /// Puts 1 to 500 records of together at most 4 MiB into a stream, some of which may fail: see
    /// [`failed_put_count`](PutRecordBatchOutput::failed_put_count). To send those again, use
    /// [`put_batch`](Client::put_batch).
    put_record_batch:
        PutRecordBatch(PutRecordBatchInput<'_>) -> PutRecordBatchOutput<'static>, then PutRecordBatchOutput::into_owned;
    /// Turns on a stream's encryption, or changes its key.
    start_delivery_stream_encryption:
        StartDeliveryStreamEncryption(StartDeliveryStreamEncryptionInput) -> StartDeliveryStreamEncryptionOutput;
    /// Turns off a stream's encryption.
    stop_delivery_stream_encryption:
        StopDeliveryStreamEncryption(StopDeliveryStreamEncryptionInput) -> StopDeliveryStreamEncryptionOutput;
    /// Attaches tags to a stream.
    tag_delivery_stream: TagDeliveryStream(TagDeliveryStreamInput) -> TagDeliveryStreamOutput;
    /// Takes tags off a stream.
    untag_delivery_stream: UntagDeliveryStream(UntagDeliveryStreamInput) -> UntagDeliveryStreamOutput;
    /// Changes a stream's destination, whose version has to be known; where it is not, see
    /// [`change_destination`](Client::change_destination).
    update_destination: UpdateDestination(UpdateDestinationInput) -> UpdateDestinationOutput;
}
