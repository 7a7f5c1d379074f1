//! [`DescribeDeliveryStream`]: describes a stream and its state.

use alloc::string::String;

use super::declare::operation;
use crate::model::constraints::{DELIVERY_STREAM_NAME, DESTINATION_ID};
use crate::model::stream::DeliveryStreamDescription;
use crate::schema::{Shape, structure};

operation! {
    /// Describes a stream and its destination.
    ///
    /// For a stream that was just created, call it until the state is
    /// [`Active`](crate::model::stream::DeliveryStreamStatus::Active).
    ///
    /// ```
    /// use firehose_proto::op::{DescribeDeliveryStream, DescribeDeliveryStreamInput, Operation};
    ///
    /// let mut body = Vec::new();
    /// DescribeDeliveryStream::write_input(&DescribeDeliveryStreamInput::new("demo").limit(1), &mut body);
    /// assert_eq!(body, br#"{"DeliveryStreamName":"demo","Limit":1}"#);
    /// ```
    DescribeDeliveryStream(DescribeDeliveryStreamInput) -> DescribeDeliveryStreamOutput,
    errors: [ResourceNotFoundException]
}

structure! {
    /// Input of [`DescribeDeliveryStream`].
    DescribeDeliveryStreamInput {
        required {
            /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
            delivery_stream_name: String = "DeliveryStreamName" as DELIVERY_STREAM_NAME,
        }
        optional {
            /// Most destinations to list, 1 to 10,000. A stream has one.
            limit: i32 = "Limit" as Shape::integer(1, 10_000),
            /// The id after which to continue.
            exclusive_start_destination_id: String = "ExclusiveStartDestinationId" as DESTINATION_ID,
        }
    }
}

structure! {
    /// Output of [`DescribeDeliveryStream`].
    DescribeDeliveryStreamOutput {
        expected {
            /// The stream's current description.
            delivery_stream_description: DeliveryStreamDescription = "DeliveryStreamDescription",
        }
    }
}
