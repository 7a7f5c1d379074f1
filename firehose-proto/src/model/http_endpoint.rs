//! Any HTTP endpoint as a destination.

use alloc::string::String;
use alloc::vec::Vec;

use super::common::{CloudWatchLoggingOptions, SecretsManagerConfiguration};
use super::constraints::{
    HTTP_ENDPOINT_ACCESS_KEY, HTTP_ENDPOINT_ATTRIBUTE_NAME, HTTP_ENDPOINT_ATTRIBUTE_VALUE, HTTP_ENDPOINT_NAME,
    HTTP_ENDPOINT_URL, ROLE_ARN,
};
use super::processing::ProcessingConfiguration;
use super::s3::{S3DestinationConfiguration, S3DestinationDescription, S3DestinationUpdate};
use crate::schema::{Shape, Shaped, enumeration, structure};
use crate::sensitive::Sensitive;

structure! {
    /// How to deliver to an HTTP endpoint.
    HttpEndpointDestinationConfiguration {
        required {
            /// The endpoint.
            endpoint_configuration: HttpEndpointConfiguration = "EndpointConfiguration",
            /// The bucket for the backup.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// When to deliver.
            buffering_hints: HttpEndpointBufferingHints = "BufferingHints",
            /// Where to log errors.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// The form of the requests.
            request_configuration: HttpEndpointRequestConfiguration = "RequestConfiguration",
            /// The processing of records before delivery.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// The role that Firehose assumes to access the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// How long to retry.
            retry_options: HttpEndpointRetryOptions = "RetryOptions",
            /// Which records to back up to a bucket as well.
            s3_backup_mode: HttpEndpointS3BackupMode = "S3BackupMode",
            /// The secret with the credentials.
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// How a stream delivers to an HTTP endpoint. For its members see
    /// [`HttpEndpointDestinationConfiguration`]; it contains no secrets.
    HttpEndpointDestinationDescription {
        optional {
            endpoint_configuration: HttpEndpointDescription = "EndpointConfiguration",
            buffering_hints: HttpEndpointBufferingHints = "BufferingHints",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            request_configuration: HttpEndpointRequestConfiguration = "RequestConfiguration",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            role_arn: String = "RoleARN" as ROLE_ARN,
            retry_options: HttpEndpointRetryOptions = "RetryOptions",
            s3_backup_mode: HttpEndpointS3BackupMode = "S3BackupMode",
            s3_destination_description: S3DestinationDescription = "S3DestinationDescription",
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// A change to [`HttpEndpointDestinationConfiguration`]: absent members stay unchanged.
    HttpEndpointDestinationUpdate {
        optional {
            endpoint_configuration: HttpEndpointConfiguration = "EndpointConfiguration",
            buffering_hints: HttpEndpointBufferingHints = "BufferingHints",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            request_configuration: HttpEndpointRequestConfiguration = "RequestConfiguration",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            role_arn: String = "RoleARN" as ROLE_ARN,
            retry_options: HttpEndpointRetryOptions = "RetryOptions",
            s3_backup_mode: HttpEndpointS3BackupMode = "S3BackupMode",
            s3_update: S3DestinationUpdate = "S3Update",
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// How much and how long to buffer before delivery. These are hints: Firehose may deliver earlier or later.
    HttpEndpointBufferingHints {
        optional {
            /// MiB, 1 to 64; 5 by default.
            size_in_mbs: i32 = "SizeInMBs" as Shape::integer(1, 64),
            /// Seconds, 0 to 900.
            interval_in_seconds: i32 = "IntervalInSeconds" as Shape::integer(0, 900),
        }
    }
}

structure! {
    /// One attribute of every delivery.
    HttpEndpointCommonAttribute {
        required {
            /// The attribute's name.
            attribute_name: Sensitive<String> = "AttributeName" as HTTP_ENDPOINT_ATTRIBUTE_NAME,
            /// The attribute's value.
            attribute_value: Sensitive<String> = "AttributeValue" as HTTP_ENDPOINT_ATTRIBUTE_VALUE,
        }
    }
}

structure! {
    /// An HTTP endpoint and the key to it.
    HttpEndpointConfiguration {
        required {
            /// Its address.
            url: Sensitive<String> = "Url" as HTTP_ENDPOINT_URL,
        }
        optional {
            /// A name of your choice.
            name: String = "Name" as HTTP_ENDPOINT_NAME,
            /// The key, sent in the header `X-Amz-Firehose-Access-Key`.
            access_key: Sensitive<String> = "AccessKey" as HTTP_ENDPOINT_ACCESS_KEY,
        }
    }
}

structure! {
    /// An HTTP endpoint.
    HttpEndpointDescription {
        optional {
            url: Sensitive<String> = "Url" as HTTP_ENDPOINT_URL,
            name: String = "Name" as HTTP_ENDPOINT_NAME,
        }
    }
}

structure! {
    /// The form of the requests to the endpoint.
    HttpEndpointRequestConfiguration {
        optional {
            /// How bodies are compressed.
            content_encoding: ContentEncoding = "ContentEncoding",
            /// Attributes of every request, up to 50.
            common_attributes: Vec<HttpEndpointCommonAttribute> = "CommonAttributes" as Shape::list_of(&HttpEndpointCommonAttribute::SHAPE, 0, 50),
        }
    }
}

structure! {
    /// How long to retry failed deliveries.
    HttpEndpointRetryOptions {
        optional {
            /// Seconds after the first failure, 0 to 7200; 0 for no retry.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

enumeration! {
    /// How bodies of requests are compressed.
    ContentEncoding {
        None = "NONE",
        /// With gzip.
        Gzip = "GZIP",
    }
}

enumeration! {
    /// Which records go to the backup bucket.
    HttpEndpointS3BackupMode {
        /// Records that could not be delivered.
        FailedDataOnly = "FailedDataOnly",
        /// All records.
        AllData = "AllData",
    }
}
