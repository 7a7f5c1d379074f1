//! Structures that several destinations share.

use alloc::string::String;
use alloc::vec::Vec;

use super::constraints::{LOG_GROUP_NAME, LOG_STREAM_NAME, NON_EMPTY_STRING_WITHOUT_WHITESPACE, ROLE_ARN, SECRET_ARN};
use crate::schema::{Shape, enumeration, structure};

structure! {
    /// Where Firehose logs delivery errors.
    CloudWatchLoggingOptions {
        optional {
            /// Whether it is enabled.
            enabled: bool = "Enabled",
            /// The log group.
            log_group_name: String = "LogGroupName" as LOG_GROUP_NAME,
            /// The log stream.
            log_stream_name: String = "LogStreamName" as LOG_STREAM_NAME,
        }
    }
}

structure! {
    /// The source of a document's id.
    DocumentIdOptions {
        required {
            /// The source.
            default_document_id_format: DefaultDocumentIdFormat = "DefaultDocumentIdFormat",
        }
    }
}

structure! {
    /// How long to retry failed deliveries.
    RetryOptions {
        optional {
            /// Seconds after the first failure, 0 to 7200; 300 by default.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

structure! {
    /// A secret in AWS Secrets Manager, instead of credentials in the configuration.
    SecretsManagerConfiguration {
        required {
            /// Whether it is enabled.
            enabled: bool = "Enabled",
        }
        optional {
            /// The secret; required while this is enabled.
            secret_arn: String = "SecretARN" as SECRET_ARN,
            /// The role that Firehose assumes to read the secret.
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
            /// The role that Firehose assumes to create the interfaces.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// Security groups of the interfaces, 1 to 5.
            security_group_ids: Vec<String> = "SecurityGroupIds" as Shape::list_of(&NON_EMPTY_STRING_WITHOUT_WHITESPACE, 1, 5),
        }
    }
}

structure! {
    /// How a stream reaches a destination in a VPC.
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
    /// The source of a document's id.
    DefaultDocumentIdFormat {
        /// Firehose generates it from the record.
        FirehoseDefault = "FIREHOSE_DEFAULT",
        /// The destination generates it.
        NoDocumentId = "NO_DOCUMENT_ID",
    }
}
