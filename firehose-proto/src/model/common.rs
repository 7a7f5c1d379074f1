//! Structures that several destinations share.

use alloc::string::String;
use alloc::vec::Vec;

use super::constraints::{LOG_GROUP_NAME, LOG_STREAM_NAME, NON_EMPTY_STRING_WITHOUT_WHITESPACE, ROLE_ARN, SECRET_ARN};
use crate::schema::{Shape, enumeration, structure};

structure! {
    /// Where Firehose logs errors of delivery.
    CloudWatchLoggingOptions {
        optional {
            /// Whether it is turned on.
            enabled: bool = "Enabled",
            /// The log group.
            log_group_name: String = "LogGroupName" as LOG_GROUP_NAME,
            /// The log stream.
            log_stream_name: String = "LogStreamName" as LOG_STREAM_NAME,
        }
    }
}

structure! {
    /// Where a document's id comes from.
    DocumentIdOptions {
        required {
            /// Where it comes from.
            default_document_id_format: DefaultDocumentIdFormat = "DefaultDocumentIdFormat",
        }
    }
}

structure! {
    /// How long to try again what could not be delivered.
    RetryOptions {
        optional {
            /// Seconds from the first failure on, 0 to 7200; 300 unless given.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

structure! {
    /// A secret in AWS Secrets Manager in place of credentials in the configuration.
    SecretsManagerConfiguration {
        required {
            /// Whether it is turned on.
            enabled: bool = "Enabled",
        }
        optional {
            /// The secret; needed while this is enabled.
            secret_arn: String = "SecretARN" as SECRET_ARN,
            /// Role that Firehose takes on to read the secret.
            role_arn: String = "RoleARN" as ROLE_ARN,
        }
    }
}

structure! {
    /// How to reach a destination in a VPC.
    VpcConfiguration {
        required {
            /// Subnets for Firehose's interfaces, 1 to 16.
            subnet_ids: Vec<String> = "SubnetIds" as Shape::list_of(&NON_EMPTY_STRING_WITHOUT_WHITESPACE, 1, 16),
            /// Role that Firehose takes on to make the interfaces.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// Security groups of the interfaces, 1 to 5.
            security_group_ids: Vec<String> = "SecurityGroupIds" as Shape::list_of(&NON_EMPTY_STRING_WITHOUT_WHITESPACE, 1, 5),
        }
    }
}

structure! {
    /// How a destination in a VPC is reached.
    VpcConfigurationDescription {
        expected {
            subnet_ids: Vec<String> = "SubnetIds" as Shape::list_of(&NON_EMPTY_STRING_WITHOUT_WHITESPACE, 1, 16),
            role_arn: String = "RoleARN" as ROLE_ARN,
            security_group_ids: Vec<String> = "SecurityGroupIds" as Shape::list_of(&NON_EMPTY_STRING_WITHOUT_WHITESPACE, 1, 5),
            vpc_id: String = "VpcId" as NON_EMPTY_STRING_WITHOUT_WHITESPACE,
        }
    }
}

enumeration! {
    /// Where a document's id comes from.
    DefaultDocumentIdFormat {
        /// Firehose makes one from the record.
        FirehoseDefault = "FIREHOSE_DEFAULT",
        /// The destination makes one.
        NoDocumentId = "NO_DOCUMENT_ID",
    }
}
