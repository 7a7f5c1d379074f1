//! [`UntagDeliveryStream`]: removes tags from a stream.

use alloc::string::String;
use alloc::vec::Vec;

use super::declare::operation;
use crate::model::constraints::{DELIVERY_STREAM_NAME, TAG_KEY};
use crate::schema::{Shape, structure};

operation! {
    /// Removes tags from a stream. Unknown keys are no error.
    ///
    /// ```
    /// use firehose_proto::op::{Operation, UntagDeliveryStream, UntagDeliveryStreamInput};
    ///
    /// let mut body = Vec::new();
    /// UntagDeliveryStream::write_input(&UntagDeliveryStreamInput::new("demo", ["team".into()]), &mut body);
    /// assert_eq!(body, br#"{"DeliveryStreamName":"demo","TagKeys":["team"]}"#);
    /// ```
    UntagDeliveryStream(UntagDeliveryStreamInput) -> UntagDeliveryStreamOutput,
    errors: [ResourceNotFoundException, ResourceInUseException, InvalidArgumentException, LimitExceededException]
}

structure! {
    /// Input of [`UntagDeliveryStream`].
    UntagDeliveryStreamInput {
        required {
            /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
            delivery_stream_name: String = "DeliveryStreamName" as DELIVERY_STREAM_NAME,
            /// Keys of the tags to remove, 1 to 50.
            tag_keys: Vec<String> = "TagKeys" as Shape::list_of(&TAG_KEY, 1, 50),
        }
    }
}

structure! {
    /// Output of [`UntagDeliveryStream`].
    UntagDeliveryStreamOutput {}
}
