//! [`DeleteDeliveryStream`]: deletes a stream and the records in it.

use alloc::string::String;

use super::declare::operation;
use crate::model::constraints::DELIVERY_STREAM_NAME;
use crate::schema::structure;

operation! {
    /// Deletes a stream. The records that it still holds are lost.
    ///
    /// The call returns at once, with the stream in state
    /// [`Deleting`](crate::model::stream::DeliveryStreamStatus::Deleting). It may still accept records then, but need
    /// not deliver them. A stream can be deleted when it is `Active`, `Deleting`, or in a failed state.
    ///
    /// ```
    /// use firehose_proto::op::{DeleteDeliveryStream, DeleteDeliveryStreamInput, Operation};
    ///
    /// let mut body = Vec::new();
    /// DeleteDeliveryStream::write_input(&DeleteDeliveryStreamInput::new("demo"), &mut body);
    /// assert_eq!(body, br#"{"DeliveryStreamName":"demo"}"#);
    /// ```
    DeleteDeliveryStream(DeleteDeliveryStreamInput) -> DeleteDeliveryStreamOutput,
    errors: [ResourceInUseException, ResourceNotFoundException]
}

structure! {
    /// Input of [`DeleteDeliveryStream`].
    DeleteDeliveryStreamInput {
        required {
            /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
            delivery_stream_name: String = "DeliveryStreamName" as DELIVERY_STREAM_NAME,
        }
        optional {
            /// Whether to delete the stream even if Firehose cannot retire its grant on the KMS key.
            allow_force_delete: bool = "AllowForceDelete",
        }
    }
}

structure! {
    /// Output of [`DeleteDeliveryStream`].
    DeleteDeliveryStreamOutput {}
}
