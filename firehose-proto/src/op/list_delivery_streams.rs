//! [`ListDeliveryStreams`]: lists the names of streams.

use alloc::string::String;
use alloc::vec::Vec;

use super::declare::operation;
use crate::model::constraints::DELIVERY_STREAM_NAME;
use crate::model::stream::DeliveryStreamType;
use crate::schema::{Shape, structure};

operation! {
    /// Lists the names of the account's streams in the region, a page at a time: 10 unless `Limit` says otherwise.
    ///
    /// For the next page, give the last name of this one as `ExclusiveStartDeliveryStreamName`.
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
            /// Most names to list, 1 to 10,000; 10 unless given.
            limit: i32 = "Limit" as Shape::integer(1, 10_000),
            /// Only streams of this type; all unless given.
            delivery_stream_type: DeliveryStreamType = "DeliveryStreamType",
            /// The name after which to go on, in alphabetic order.
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
