//! [`StopDeliveryStreamEncryption`]: turns off the encryption of a stream's records.

use alloc::string::String;

use super::declare::operation;
use crate::model::constraints::DELIVERY_STREAM_NAME;
use crate::schema::structure;

operation! {
    /// Turns off server-side encryption.
    ///
    /// The call returns at once. Records put before the encryption's state is
    /// [`Disabled`](crate::model::encryption::DeliveryStreamEncryptionStatus::Disabled) may still be encrypted. This
    /// and StartDeliveryStreamEncryption together allow at most 25 calls for a stream in 24 hours.
    ///
    /// ```
    /// use firehose_proto::op::{Operation, StopDeliveryStreamEncryption, StopDeliveryStreamEncryptionInput};
    ///
    /// let mut body = Vec::new();
    /// StopDeliveryStreamEncryption::write_input(&StopDeliveryStreamEncryptionInput::new("demo"), &mut body);
    /// assert_eq!(body, br#"{"DeliveryStreamName":"demo"}"#);
    /// ```
    StopDeliveryStreamEncryption(StopDeliveryStreamEncryptionInput) -> StopDeliveryStreamEncryptionOutput,
    errors: [ResourceNotFoundException, ResourceInUseException, InvalidArgumentException, LimitExceededException]
}

structure! {
    /// Input of [`StopDeliveryStreamEncryption`].
    StopDeliveryStreamEncryptionInput {
        required {
            /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
            delivery_stream_name: String = "DeliveryStreamName" as DELIVERY_STREAM_NAME,
        }
    }
}

structure! {
    /// Output of [`StopDeliveryStreamEncryption`].
    StopDeliveryStreamEncryptionOutput {}
}
