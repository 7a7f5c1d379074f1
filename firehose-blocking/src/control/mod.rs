//! The operations on streams themselves, as methods of [`Client`] and as the trait [`FirehoseControl`]; lists of pages, and
//! waits for streams.

mod pages;
mod wait;

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

use crate::client::Client;
use crate::operations::operations;

pub use self::pages::Pages;
pub use self::wait::WaitError;

operations! {
    /// The operations on streams themselves as a trait: what [`Firehose`](crate::Firehose) is for the puts.
    trait FirehoseControl;

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
