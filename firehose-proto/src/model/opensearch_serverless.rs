//! Amazon OpenSearch Serverless as a destination.

use alloc::string::String;

use super::common::{CloudWatchLoggingOptions, VpcConfiguration, VpcConfigurationDescription};
use super::constraints::{
    AMAZON_OPEN_SEARCH_SERVERLESS_COLLECTION_ENDPOINT, AMAZON_OPEN_SEARCH_SERVERLESS_INDEX_NAME, ROLE_ARN,
};
use super::processing::ProcessingConfiguration;
use super::s3::{S3DestinationConfiguration, S3DestinationDescription, S3DestinationUpdate};
use crate::schema::{Shape, enumeration, structure};

structure! {
    /// How to deliver to an OpenSearch Serverless collection.
    AmazonOpenSearchServerlessDestinationConfiguration {
        required {
            /// The role that Firehose assumes to access the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// The index to write to.
            index_name: String = "IndexName" as AMAZON_OPEN_SEARCH_SERVERLESS_INDEX_NAME,
            /// The bucket for the backup.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// The collection's address.
            collection_endpoint: String = "CollectionEndpoint" as AMAZON_OPEN_SEARCH_SERVERLESS_COLLECTION_ENDPOINT,
            /// When to deliver.
            buffering_hints: AmazonOpenSearchServerlessBufferingHints = "BufferingHints",
            /// How long to retry.
            retry_options: AmazonOpenSearchServerlessRetryOptions = "RetryOptions",
            /// Which records to back up to a bucket as well.
            s3_backup_mode: AmazonOpenSearchServerlessS3BackupMode = "S3BackupMode",
            /// The processing of records before delivery.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// Where to log errors.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// How to reach it in a VPC. This cannot be changed later.
            vpc_configuration: VpcConfiguration = "VpcConfiguration",
        }
    }
}

structure! {
    /// How a stream delivers to an OpenSearch Serverless collection. For its members see
    /// [`AmazonOpenSearchServerlessDestinationConfiguration`]; it contains no secrets.
    AmazonOpenSearchServerlessDestinationDescription {
        optional {
            role_arn: String = "RoleARN" as ROLE_ARN,
            collection_endpoint: String = "CollectionEndpoint" as AMAZON_OPEN_SEARCH_SERVERLESS_COLLECTION_ENDPOINT,
            index_name: String = "IndexName" as AMAZON_OPEN_SEARCH_SERVERLESS_INDEX_NAME,
            buffering_hints: AmazonOpenSearchServerlessBufferingHints = "BufferingHints",
            retry_options: AmazonOpenSearchServerlessRetryOptions = "RetryOptions",
            s3_backup_mode: AmazonOpenSearchServerlessS3BackupMode = "S3BackupMode",
            s3_destination_description: S3DestinationDescription = "S3DestinationDescription",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            vpc_configuration_description: VpcConfigurationDescription = "VpcConfigurationDescription",
        }
    }
}

structure! {
    /// A change to [`AmazonOpenSearchServerlessDestinationConfiguration`]: absent members stay unchanged.
    AmazonOpenSearchServerlessDestinationUpdate {
        optional {
            role_arn: String = "RoleARN" as ROLE_ARN,
            collection_endpoint: String = "CollectionEndpoint" as AMAZON_OPEN_SEARCH_SERVERLESS_COLLECTION_ENDPOINT,
            index_name: String = "IndexName" as AMAZON_OPEN_SEARCH_SERVERLESS_INDEX_NAME,
            buffering_hints: AmazonOpenSearchServerlessBufferingHints = "BufferingHints",
            retry_options: AmazonOpenSearchServerlessRetryOptions = "RetryOptions",
            s3_update: S3DestinationUpdate = "S3Update",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
        }
    }
}

structure! {
    /// How much and how long to buffer before delivery. These are hints: Firehose may deliver earlier or later.
    AmazonOpenSearchServerlessBufferingHints {
        optional {
            /// Seconds, 0 to 900.
            interval_in_seconds: i32 = "IntervalInSeconds" as Shape::integer(0, 900),
            /// MiB, 1 to 100; 5 by default.
            size_in_mbs: i32 = "SizeInMBs" as Shape::integer(1, 100),
        }
    }
}

structure! {
    /// How long to retry failed deliveries.
    AmazonOpenSearchServerlessRetryOptions {
        optional {
            /// Seconds after the first failure, 0 to 7200; 0 for no retry.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

enumeration! {
    /// Which records go to the backup bucket.
    AmazonOpenSearchServerlessS3BackupMode {
        /// Documents that could not be delivered.
        FailedDocumentsOnly = "FailedDocumentsOnly",
        /// All documents.
        AllDocuments = "AllDocuments",
    }
}
