//! Server-side encryption of a stream.

use alloc::string::String;

use super::constraints::AWS_KMS_KEY_ARN_FOR_SSE;
use super::stream::FailureDescription;
use crate::schema::{enumeration, structure};

structure! {
    /// A stream's server-side encryption, as it is now.
    DeliveryStreamEncryptionConfiguration {
        optional {
            /// The key, for `CUSTOMER_MANAGED_CMK` and only for it.
            key_arn: String = "KeyARN" as AWS_KMS_KEY_ARN_FOR_SSE,
            /// Whose key.
            key_type: KeyType = "KeyType",
            /// The state that it is in.
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
            /// Whose key.
            key_type: KeyType = "KeyType",
        }
        optional {
            /// The key, for `CUSTOMER_MANAGED_CMK` and only for it.
            key_arn: String = "KeyARN" as AWS_KMS_KEY_ARN_FOR_SSE,
        }
    }
}

enumeration! {
    /// The state that a stream's encryption is in.
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
    /// Whose key.
    KeyType {
        /// A key of Firehose's own.
        AwsOwnedCmk = "AWS_OWNED_CMK",
        /// A key of the account's.
        CustomerManagedCmk = "CUSTOMER_MANAGED_CMK",
    }
}
