//! [`TagDeliveryStream`]: adds tags to a stream.

use alloc::string::String;
use alloc::vec::Vec;

use super::declare::operation;
use crate::model::constraints::DELIVERY_STREAM_NAME;
use crate::model::tag::Tag;
use crate::schema::{Shape, Shaped, structure};

operation! {
    /// Adds tags to a stream, or changes the values of existing ones. A stream has at most 50.
    ///
    /// ```
    /// use firehose_proto::model::Tag;
    /// use firehose_proto::op::{Operation, TagDeliveryStream, TagDeliveryStreamInput};
    ///
    /// let mut body = Vec::new();
    /// TagDeliveryStream::write_input(&TagDeliveryStreamInput::new("demo", [Tag::new("team").value("logs")]), &mut body);
    /// assert_eq!(body, br#"{"DeliveryStreamName":"demo","Tags":[{"Key":"team","Value":"logs"}]}"#);
    /// ```
    TagDeliveryStream(TagDeliveryStreamInput) -> TagDeliveryStreamOutput,
    errors: [ResourceNotFoundException, ResourceInUseException, InvalidArgumentException, LimitExceededException]
}

structure! {
    /// Input of [`TagDeliveryStream`].
    TagDeliveryStreamInput {
        required {
            /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
            delivery_stream_name: String = "DeliveryStreamName" as DELIVERY_STREAM_NAME,
            /// The tags, 1 to 50.
            tags: Vec<Tag> = "Tags" as Shape::list_of(&Tag::SHAPE, 1, 50),
        }
    }
}

structure! {
    /// Output of [`TagDeliveryStream`].
    TagDeliveryStreamOutput {}
}
