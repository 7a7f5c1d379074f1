//! Splunk as a destination, through its HTTP event collector.

use alloc::string::String;

use super::common::{CloudWatchLoggingOptions, SecretsManagerConfiguration};
use super::constraints::{HEC_ENDPOINT, HEC_TOKEN};
use super::processing::ProcessingConfiguration;
use super::s3::{S3DestinationConfiguration, S3DestinationDescription, S3DestinationUpdate};
use crate::schema::{Shape, enumeration, structure};
use crate::sensitive::Sensitive;

structure! {
    /// How to deliver to a Splunk HTTP event collector.
    SplunkDestinationConfiguration {
        required {
            /// The collector's address.
            hec_endpoint: String = "HECEndpoint" as HEC_ENDPOINT,
            /// How Splunk should parse the data.
            hec_endpoint_type: HECEndpointType = "HECEndpointType",
            /// The bucket for the backup.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// The collector's token; or give a secret instead.
            hec_token: Sensitive<String> = "HECToken" as HEC_TOKEN,
            /// How long to wait for Splunk's acknowledgement, 180 to 600 s; 180 by default.
            hec_acknowledgment_timeout_in_seconds: i32 = "HECAcknowledgmentTimeoutInSeconds" as Shape::integer(180, 600),
            /// How long to retry.
            retry_options: SplunkRetryOptions = "RetryOptions",
            /// Which records to back up to a bucket as well.
            s3_backup_mode: SplunkS3BackupMode = "S3BackupMode",
            /// The processing of records before delivery.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// Where to log errors.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// When to deliver.
            buffering_hints: SplunkBufferingHints = "BufferingHints",
            /// The secret with the credentials.
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// How a stream delivers to a Splunk HTTP event collector. For its members see
    /// [`SplunkDestinationConfiguration`]; it contains no secrets.
    SplunkDestinationDescription {
        optional {
            hec_endpoint: String = "HECEndpoint" as HEC_ENDPOINT,
            hec_endpoint_type: HECEndpointType = "HECEndpointType",
            hec_token: Sensitive<String> = "HECToken" as HEC_TOKEN,
            hec_acknowledgment_timeout_in_seconds: i32 = "HECAcknowledgmentTimeoutInSeconds" as Shape::integer(180, 600),
            retry_options: SplunkRetryOptions = "RetryOptions",
            s3_backup_mode: SplunkS3BackupMode = "S3BackupMode",
            s3_destination_description: S3DestinationDescription = "S3DestinationDescription",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            buffering_hints: SplunkBufferingHints = "BufferingHints",
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// A change to [`SplunkDestinationConfiguration`]: absent members stay unchanged.
    SplunkDestinationUpdate {
        optional {
            hec_endpoint: String = "HECEndpoint" as HEC_ENDPOINT,
            hec_endpoint_type: HECEndpointType = "HECEndpointType",
            hec_token: Sensitive<String> = "HECToken" as HEC_TOKEN,
            hec_acknowledgment_timeout_in_seconds: i32 = "HECAcknowledgmentTimeoutInSeconds" as Shape::integer(180, 600),
            retry_options: SplunkRetryOptions = "RetryOptions",
            s3_backup_mode: SplunkS3BackupMode = "S3BackupMode",
            s3_update: S3DestinationUpdate = "S3Update",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            buffering_hints: SplunkBufferingHints = "BufferingHints",
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// How much and how long to buffer before delivery. These are hints: Firehose may deliver earlier or later.
    SplunkBufferingHints {
        optional {
            /// Seconds, 0 to 60; 60 by default.
            interval_in_seconds: i32 = "IntervalInSeconds" as Shape::integer(0, 60),
            /// MiB, 1 to 5; 5 by default.
            size_in_mbs: i32 = "SizeInMBs" as Shape::integer(1, 5),
        }
    }
}

structure! {
    /// How long to retry failed deliveries.
    SplunkRetryOptions {
        optional {
            /// Seconds after the first failure, 0 to 7200; 0 for no retry.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

enumeration! {
    /// How Splunk should parse the data.
    HECEndpointType {
        /// Any text.
        Raw = "Raw",
        /// JSON events in Splunk's form.
        Event = "Event",
    }
}

enumeration! {
    /// Which records go to the backup bucket.
    SplunkS3BackupMode {
        /// Events that could not be delivered.
        FailedEventsOnly = "FailedEventsOnly",
        /// All events.
        AllEvents = "AllEvents",
    }
}
