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
            /// How Splunk is to read what it gets.
            hec_endpoint_type: HECEndpointType = "HECEndpointType",
            /// The bucket for the backup.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// The collector's token; or else give a secret.
            hec_token: Sensitive<String> = "HECToken" as HEC_TOKEN,
            /// How long to wait for Splunk's acknowledgement, 180 to 600 s; 180 unless given.
            hec_acknowledgment_timeout_in_seconds: i32 = "HECAcknowledgmentTimeoutInSeconds" as Shape::integer(180, 600),
            /// How long to try again.
            retry_options: SplunkRetryOptions = "RetryOptions",
            /// What is kept in a bucket besides.
            s3_backup_mode: SplunkS3BackupMode = "S3BackupMode",
            /// What is done to the records before.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// Where errors are logged.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// When to deliver.
            buffering_hints: SplunkBufferingHints = "BufferingHints",
            /// The secret with the credentials.
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// How a stream delivers to a Splunk HTTP event collector. Its members are explained at
    /// [`SplunkDestinationConfiguration`]; secrets are left out.
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
    /// A change to [`SplunkDestinationConfiguration`]: what is absent stays as it is.
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
    /// How much and how long to collect before delivering. Hints: Firehose may deliver earlier or later.
    SplunkBufferingHints {
        optional {
            /// Seconds, 0 to 60; 60 unless given.
            interval_in_seconds: i32 = "IntervalInSeconds" as Shape::integer(0, 60),
            /// MiB, 1 to 5; 5 unless given.
            size_in_mbs: i32 = "SizeInMBs" as Shape::integer(1, 5),
        }
    }
}

structure! {
    /// How long to try again what the destination did not take.
    SplunkRetryOptions {
        optional {
            /// Seconds from the first failure on, 0 to 7200; 0 for no retry.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

enumeration! {
    /// How Splunk is to read what it gets.
    HECEndpointType {
        /// Any text.
        Raw = "Raw",
        /// JSON events in Splunk's form.
        Event = "Event",
    }
}

enumeration! {
    /// What goes to the backup bucket.
    SplunkS3BackupMode {
        /// Events that could not be delivered.
        FailedEventsOnly = "FailedEventsOnly",
        /// All events.
        AllEvents = "AllEvents",
    }
}
