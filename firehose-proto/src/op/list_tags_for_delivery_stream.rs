//! [`ListTagsForDeliveryStream`]: lists the tags of a stream.

use alloc::string::String;
use alloc::vec::Vec;

use super::declare::operation;
use crate::model::constraints::{DELIVERY_STREAM_NAME, TAG_KEY};
use crate::model::tag::Tag;
use crate::schema::{Shape, Shaped, structure};

operation! {
    /// Lists a stream's tags, page by page.
    ///
    /// For the next page, set `ExclusiveStartTagKey` to the last key of this one.
    ///
    /// ```
    /// use firehose_proto::op::{ListTagsForDeliveryStream, ListTagsForDeliveryStreamInput, Operation};
    ///
    /// let mut body = Vec::new();
    /// ListTagsForDeliveryStream::write_input(&ListTagsForDeliveryStreamInput::new("demo").limit(50), &mut body);
    /// assert_eq!(body, br#"{"DeliveryStreamName":"demo","Limit":50}"#);
    /// ```
    ListTagsForDeliveryStream(ListTagsForDeliveryStreamInput) -> ListTagsForDeliveryStreamOutput,
    errors: [ResourceNotFoundException, InvalidArgumentException, LimitExceededException]
}

structure! {
    /// Input of [`ListTagsForDeliveryStream`].
    ListTagsForDeliveryStreamInput {
        required {
            /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
            delivery_stream_name: String = "DeliveryStreamName" as DELIVERY_STREAM_NAME,
        }
        optional {
            /// The key after which to continue.
            exclusive_start_tag_key: String = "ExclusiveStartTagKey" as TAG_KEY,
            /// Most tags to list, 1 to 50.
            limit: i32 = "Limit" as Shape::integer(1, 50),
        }
    }
}

structure! {
    /// Output of [`ListTagsForDeliveryStream`].
    ListTagsForDeliveryStreamOutput {
        expected {
            /// The stream's tags.
            tags: Vec<Tag> = "Tags" as Shape::list_of(&Tag::SHAPE, 0, 50),
            /// Whether there are more.
            has_more_tags: bool = "HasMoreTags",
        }
    }
}
