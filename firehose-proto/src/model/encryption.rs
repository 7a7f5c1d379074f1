//! Server-side encryption of a stream.

use alloc::string::String;

use super::constraints::AWS_KMS_KEY_ARN_FOR_SSE;
use super::stream::FailureDescription;
use crate::schema::{enumeration, structure};

structure! {
    /// The current server-side encryption of a stream.
    DeliveryStreamEncryptionConfiguration {
        optional {
            /// The key, only for `CUSTOMER_MANAGED_CMK`.
            key_arn: String = "KeyARN" as AWS_KMS_KEY_ARN_FOR_SSE,
            /// The owner of the key.
            key_type: KeyType = "KeyType",
            /// Its state.
            status: DeliveryStreamEncryptionStatus = "Status",
            /// Why it failed, if it did.
            failure_description: FailureDescription = "FailureDescription",
        }
    }
}

structure! {
    /// The key to encrypt a stream with.
    DeliveryStreamEncryptionConfigurationInput {
        required {
            /// The owner of the key.
            key_type: KeyType = "KeyType",
        }
        optional {
            /// The key, only for `CUSTOMER_MANAGED_CMK`.
            key_arn: String = "KeyARN" as AWS_KMS_KEY_ARN_FOR_SSE,
        }
    }
}

enumeration! {
    /// The state of a stream's encryption.
    DeliveryStreamEncryptionStatus {
        Enabled = "ENABLED",
        Enabling = "ENABLING",
        EnablingFailed = "ENABLING_FAILED",
        Disabled = "DISABLED",
        Disabling = "DISABLING",
        DisablingFailed = "DISABLING_FAILED",
    }
}

enumeration! {
    /// The owner of the key.
    KeyType {
        /// A key that AWS owns.
        AwsOwnedCmk = "AWS_OWNED_CMK",
        /// A key of the account.
        CustomerManagedCmk = "CUSTOMER_MANAGED_CMK",
    }
}
