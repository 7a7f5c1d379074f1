//! [`ListDeliveryStreams`]: lists the names of streams.

use alloc::string::String;
use alloc::vec::Vec;

use super::declare::operation;
use crate::model::constraints::DELIVERY_STREAM_NAME;
use crate::model::stream::DeliveryStreamType;
use crate::schema::{Shape, structure};

operation! {
    /// Lists the names of the account's streams in the region, page by page: 10 by default, see `Limit`.
    ///
    /// For the next page, set `ExclusiveStartDeliveryStreamName` to the last name of this one.
    ///
    /// ```
    /// use firehose_proto::op::{ListDeliveryStreams, ListDeliveryStreamsInput, Operation};
    ///
    /// let mut body = Vec::new();
    /// ListDeliveryStreams::write_input(&ListDeliveryStreamsInput::new().limit(2), &mut body);
    /// assert_eq!(body, br#"{"Limit":2}"#);
    /// ```
    ListDeliveryStreams(ListDeliveryStreamsInput) -> ListDeliveryStreamsOutput,
    errors: []
}

structure! {
    /// Input of [`ListDeliveryStreams`].
    ListDeliveryStreamsInput {
        optional {
            /// Most names to list, 1 to 10,000; 10 by default.
            limit: i32 = "Limit" as Shape::integer(1, 10_000),
            /// Only streams of this type; all by default.
            delivery_stream_type: DeliveryStreamType = "DeliveryStreamType",
            /// The name after which to continue, in alphabetic order.
            exclusive_start_delivery_stream_name: String = "ExclusiveStartDeliveryStreamName" as DELIVERY_STREAM_NAME,
        }
    }
}

structure! {
    /// Output of [`ListDeliveryStreams`].
    ListDeliveryStreamsOutput {
        expected {
            /// Names of streams, in alphabetic order.
            delivery_stream_names: Vec<String> = "DeliveryStreamNames" as Shape::list(&DELIVERY_STREAM_NAME),
            /// Whether there are more.
            has_more_delivery_streams: bool = "HasMoreDeliveryStreams",
        }
    }
}
