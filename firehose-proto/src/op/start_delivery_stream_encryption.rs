//! [`StartDeliveryStreamEncryption`]: turns on the encryption of a stream's records.

use alloc::string::String;

use super::declare::operation;
use super::rules;
use crate::model::constraints::DELIVERY_STREAM_NAME;
use crate::model::encryption::DeliveryStreamEncryptionConfigurationInput;
use crate::schema::structure;

operation! {
    /// Turns on server-side encryption, or changes its key.
    ///
    /// The call returns at once. Records put before the encryption's state is
    /// [`Enabled`](crate::model::encryption::DeliveryStreamEncryptionStatus::Enabled) may not be encrypted. The stream
    /// must be `Active` and get its records from PutRecord and PutRecordBatch. This and StopDeliveryStreamEncryption
    /// together allow at most 25 calls for a stream in 24 hours.
    ///
    /// ```
    /// use firehose_proto::op::{Operation, StartDeliveryStreamEncryption, StartDeliveryStreamEncryptionInput};
    ///
    /// let mut body = Vec::new();
    /// StartDeliveryStreamEncryption::write_input(&StartDeliveryStreamEncryptionInput::new("demo"), &mut body);
    /// assert_eq!(body, br#"{"DeliveryStreamName":"demo"}"#);
    /// ```
    StartDeliveryStreamEncryption(StartDeliveryStreamEncryptionInput) -> StartDeliveryStreamEncryptionOutput,
    errors: [ResourceNotFoundException, ResourceInUseException, InvalidArgumentException, LimitExceededException, InvalidKMSResourceException],
    rules: rules::key
}

structure! {
    /// Input of [`StartDeliveryStreamEncryption`].
    StartDeliveryStreamEncryptionInput {
        required {
            /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
            delivery_stream_name: String = "DeliveryStreamName" as DELIVERY_STREAM_NAME,
        }
        optional {
            /// The key; by default, one that AWS owns.
            delivery_stream_encryption_configuration_input: DeliveryStreamEncryptionConfigurationInput = "DeliveryStreamEncryptionConfigurationInput",
        }
    }
}

structure! {
    /// Output of [`StartDeliveryStreamEncryption`].
    StartDeliveryStreamEncryptionOutput {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encryption::KeyType;
    use crate::op::Operation;

    #[test]
    fn wants_a_key_where_it_is_the_accounts_own() {
        let key = DeliveryStreamEncryptionConfigurationInput::new;
        let arn = "arn:aws:kms:us-east-1:123456789012:key/k";
        for (key, is_valid) in [
            (key(KeyType::AwsOwnedCmk), true),
            (key(KeyType::AwsOwnedCmk).key_arn(arn), false),
            (key(KeyType::CustomerManagedCmk), false),
            (key(KeyType::CustomerManagedCmk).key_arn(arn), true),
        ] {
            let input = StartDeliveryStreamEncryptionInput::new("demo")
                .delivery_stream_encryption_configuration_input(key.clone());
            assert_eq!(StartDeliveryStreamEncryption::validate(&input).is_ok(), is_valid, "{key:?}");
        }
    }
}
