//! The twelve operations as methods of [`Client`], and as the trait [`Firehose`] for applications that mock it.

use std::sync::Arc;

use firehose_proto::call::{self, Error};
use firehose_proto::error::{ErrorCode, ResponseError, ServiceError};
use firehose_proto::http::Response;
#[cfg(feature = "control")]
use firehose_proto::op::{
    CreateDeliveryStream, CreateDeliveryStreamInput, CreateDeliveryStreamOutput, DeleteDeliveryStream,
    DeleteDeliveryStreamInput, DeleteDeliveryStreamOutput, DescribeDeliveryStream, DescribeDeliveryStreamInput,
    DescribeDeliveryStreamOutput, ListDeliveryStreams, ListDeliveryStreamsInput, ListDeliveryStreamsOutput,
    ListTagsForDeliveryStream, ListTagsForDeliveryStreamInput, ListTagsForDeliveryStreamOutput,
    StartDeliveryStreamEncryption, StartDeliveryStreamEncryptionInput, StartDeliveryStreamEncryptionOutput,
    StopDeliveryStreamEncryption, StopDeliveryStreamEncryptionInput, StopDeliveryStreamEncryptionOutput,
    TagDeliveryStream, TagDeliveryStreamInput, TagDeliveryStreamOutput, UntagDeliveryStream, UntagDeliveryStreamInput,
    UntagDeliveryStreamOutput, UpdateDestination, UpdateDestinationInput, UpdateDestinationOutput,
};
use firehose_proto::op::{
    Operation, PutRecord, PutRecordBatch, PutRecordBatchInput, PutRecordBatchOutput, PutRecordInput, PutRecordOutput,
};
use firehose_proto::server::{self, OperationInput};

use crate::client::Client;

/// Declares each operation once: as a method of the client, and as one of the trait.
macro_rules! operations {
    ($(
        $(#[$doc:meta])*
        $method:ident: $operation:ident($input:ty) -> $output:ty $(, then $then:path)? $(, if $feature:literal)?;
    )+) => {
        /// The operations of Firehose as a trait, for applications that replace [`Client`] in tests.
        ///
        /// An operation that an implementation omits fails with `UnknownOperationException`, including operations that
        /// AWS adds later. Code that takes a [`Client`] itself, such as a [`Producer`](crate::Producer), takes
        /// [`Client::mock`] in tests.
        ///
        /// ```
        /// use firehose_blocking::{Error, Firehose, PutRecordInput, PutRecordOutput, Record};
        ///
        /// fn greet(firehose: &dyn Firehose) -> Result<String, Error> {
        ///     let output = firehose.put_record(&PutRecordInput::new("greetings", Record::new(b"hello\n")))?;
        ///     Ok(output.record_id.into_owned())
        /// }
        ///
        /// struct Mock;
        ///
        /// impl Firehose for Mock {
        ///     fn put_record(&self, input: &PutRecordInput<'_>) -> Result<PutRecordOutput<'static>, Error> {
        ///         assert_eq!(&*input.record.data, b"hello\n");
        ///         Ok(PutRecordOutput::new("1"))
        ///     }
        /// }
        ///
        /// assert_eq!(greet(&Mock)?, "1");
        /// # Ok::<(), Error>(())
        /// ```
        pub trait Firehose {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                #[doc = concat!("[`Error`], as for [`Client::", stringify!($method), "`].")]
                $(#[cfg(feature = $feature)])?
                fn $method(&self, input: &$input) -> Result<$output, Error> {
                    let _ = input;
                    Err(left_out($operation::NAME))
                }
            )+
        }

        /// So that a test can keep the mock it passes on.
        impl<F: Firehose + ?Sized> Firehose for Arc<F> {
            $($(#[cfg(feature = $feature)])? fn $method(&self, input: &$input) -> Result<$output, Error> {
                (**self).$method(input)
            })+
        }

        /// Lets a trait object carry out a call, and encodes the answer as the service does.
        pub(crate) fn carry_out(firehose: &dyn Firehose, input: OperationInput<'_>) -> Result<Response, Error> {
            match input {
                $($(#[cfg(feature = $feature)])? OperationInput::$operation(input) => {
                    firehose.$method(&input).map(|output| server::respond::<$operation>(&output))
                })+
                // The core may have more operations.
                _ => Err(left_out("the operation")),
            }
        }

        impl Firehose for Client {
            $($(#[cfg(feature = $feature)])? fn $method(&self, input: &$input) -> Result<$output, Error> {
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
                $(#[cfg(feature = $feature)])?
                pub fn $method(&self, input: &$input) -> Result<$output, Error> {
                    let response = self.exchange::<$operation>(input)?;
                    Ok(call::decode::<$operation>(input, &response)$(.map($then))??)
                }
            )+
        }
    };
}

operations! {
    /// Creates a stream.
    create_delivery_stream: CreateDeliveryStream(CreateDeliveryStreamInput) -> CreateDeliveryStreamOutput, if "control";
    /// Deletes a stream and the data in it.
    delete_delivery_stream: DeleteDeliveryStream(DeleteDeliveryStreamInput) -> DeleteDeliveryStreamOutput, if "control";
    /// Describes a stream and its destination.
    describe_delivery_stream: DescribeDeliveryStream(DescribeDeliveryStreamInput) -> DescribeDeliveryStreamOutput, if "control";
    /// Lists the names of streams, one page; for all, see [`delivery_streams`](Client::delivery_streams).
    list_delivery_streams: ListDeliveryStreams(ListDeliveryStreamsInput) -> ListDeliveryStreamsOutput, if "control";
    /// Lists the tags of a stream, one page; for all, see [`tags`](Client::tags).
    list_tags_for_delivery_stream:
        ListTagsForDeliveryStream(ListTagsForDeliveryStreamInput) -> ListTagsForDeliveryStreamOutput, if "control";
    /// Puts one record of at most 1,024,000 bytes into a stream.
    put_record: PutRecord(PutRecordInput<'_>) -> PutRecordOutput<'static>, then PutRecordOutput::into_owned;
    /// Puts 1 to 500 records, at most 4 MiB together, into a stream. Some may fail: see
    /// [`failed_put_count`](PutRecordBatchOutput::failed_put_count). [`put_batch`](Client::put_batch) makes it easy to
    /// send those again.
    put_record_batch:
        PutRecordBatch(PutRecordBatchInput<'_>) -> PutRecordBatchOutput<'static>, then PutRecordBatchOutput::into_owned;
    /// Turns on the encryption of a stream, or changes its key.
    start_delivery_stream_encryption:
        StartDeliveryStreamEncryption(StartDeliveryStreamEncryptionInput) -> StartDeliveryStreamEncryptionOutput, if "control";
    /// Turns off the encryption of a stream.
    stop_delivery_stream_encryption:
        StopDeliveryStreamEncryption(StopDeliveryStreamEncryptionInput) -> StopDeliveryStreamEncryptionOutput, if "control";
    /// Attaches tags to a stream.
    tag_delivery_stream: TagDeliveryStream(TagDeliveryStreamInput) -> TagDeliveryStreamOutput, if "control";
    /// Removes tags from a stream.
    untag_delivery_stream: UntagDeliveryStream(UntagDeliveryStreamInput) -> UntagDeliveryStreamOutput, if "control";
    /// Changes the destination of a stream, given its version; without the version, see
    /// [`change_destination`](Client::change_destination).
    update_destination: UpdateDestination(UpdateDestinationInput) -> UpdateDestinationOutput, if "control";
}

/// The error that the service returns for an unknown operation.
fn left_out(name: &str) -> Error {
    let message = format!("this `Firehose` does not implement {name}");
    ResponseError::Refused(ServiceError::new(400, ErrorCode::UnknownOperationException, message)).into()
}
