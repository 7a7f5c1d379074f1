//! Amazon OpenSearch Service as a destination.

use alloc::string::String;

use super::common::{CloudWatchLoggingOptions, DocumentIdOptions, VpcConfiguration, VpcConfigurationDescription};
use super::constraints::{
    AMAZONOPENSEARCHSERVICE_CLUSTER_ENDPOINT, AMAZONOPENSEARCHSERVICE_DOMAIN_ARN, AMAZONOPENSEARCHSERVICE_INDEX_NAME,
    AMAZONOPENSEARCHSERVICE_TYPE_NAME, ROLE_ARN,
};
use super::processing::ProcessingConfiguration;
use super::s3::{S3DestinationConfiguration, S3DestinationDescription, S3DestinationUpdate};
use crate::schema::{Shape, enumeration, structure};

structure! {
    /// How to deliver to an OpenSearch Service domain.
    AmazonopensearchserviceDestinationConfiguration {
        required {
            /// Role that Firehose takes on to get at the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// The index to write to.
            index_name: String = "IndexName" as AMAZONOPENSEARCHSERVICE_INDEX_NAME,
            /// The bucket for the backup.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// The domain; or else give its `ClusterEndpoint`.
            domain_arn: String = "DomainARN" as AMAZONOPENSEARCHSERVICE_DOMAIN_ARN,
            /// The domain's address; or else give its `DomainARN`.
            cluster_endpoint: String = "ClusterEndpoint" as AMAZONOPENSEARCHSERVICE_CLUSTER_ENDPOINT,
            /// Type of the documents; to be left out from Elasticsearch 7 on.
            type_name: String = "TypeName" as AMAZONOPENSEARCHSERVICE_TYPE_NAME,
            /// How often a new index is begun; every day unless given.
            index_rotation_period: AmazonopensearchserviceIndexRotationPeriod = "IndexRotationPeriod",
            /// When to deliver.
            buffering_hints: AmazonopensearchserviceBufferingHints = "BufferingHints",
            /// How long to try again.
            retry_options: AmazonopensearchserviceRetryOptions = "RetryOptions",
            /// What is kept in a bucket besides.
            s3_backup_mode: AmazonopensearchserviceS3BackupMode = "S3BackupMode",
            /// What is done to the records before.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// Where errors are logged.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// How to reach it, if it is in a VPC. Cannot be changed later.
            vpc_configuration: VpcConfiguration = "VpcConfiguration",
            /// Where the documents' ids come from.
            document_id_options: DocumentIdOptions = "DocumentIdOptions",
        }
    }
}

structure! {
    /// How a stream delivers to an OpenSearch Service domain. Its members are explained at
    /// [`AmazonopensearchserviceDestinationConfiguration`]; secrets are left out.
    AmazonopensearchserviceDestinationDescription {
        optional {
            role_arn: String = "RoleARN" as ROLE_ARN,
            domain_arn: String = "DomainARN" as AMAZONOPENSEARCHSERVICE_DOMAIN_ARN,
            cluster_endpoint: String = "ClusterEndpoint" as AMAZONOPENSEARCHSERVICE_CLUSTER_ENDPOINT,
            index_name: String = "IndexName" as AMAZONOPENSEARCHSERVICE_INDEX_NAME,
            type_name: String = "TypeName" as AMAZONOPENSEARCHSERVICE_TYPE_NAME,
            index_rotation_period: AmazonopensearchserviceIndexRotationPeriod = "IndexRotationPeriod",
            buffering_hints: AmazonopensearchserviceBufferingHints = "BufferingHints",
            retry_options: AmazonopensearchserviceRetryOptions = "RetryOptions",
            s3_backup_mode: AmazonopensearchserviceS3BackupMode = "S3BackupMode",
            s3_destination_description: S3DestinationDescription = "S3DestinationDescription",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            vpc_configuration_description: VpcConfigurationDescription = "VpcConfigurationDescription",
            document_id_options: DocumentIdOptions = "DocumentIdOptions",
        }
    }
}

structure! {
    /// A change to [`AmazonopensearchserviceDestinationConfiguration`]: what is absent stays as it is.
    AmazonopensearchserviceDestinationUpdate {
        optional {
            role_arn: String = "RoleARN" as ROLE_ARN,
            domain_arn: String = "DomainARN" as AMAZONOPENSEARCHSERVICE_DOMAIN_ARN,
            cluster_endpoint: String = "ClusterEndpoint" as AMAZONOPENSEARCHSERVICE_CLUSTER_ENDPOINT,
            index_name: String = "IndexName" as AMAZONOPENSEARCHSERVICE_INDEX_NAME,
            type_name: String = "TypeName" as AMAZONOPENSEARCHSERVICE_TYPE_NAME,
            index_rotation_period: AmazonopensearchserviceIndexRotationPeriod = "IndexRotationPeriod",
            buffering_hints: AmazonopensearchserviceBufferingHints = "BufferingHints",
            retry_options: AmazonopensearchserviceRetryOptions = "RetryOptions",
            s3_update: S3DestinationUpdate = "S3Update",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            document_id_options: DocumentIdOptions = "DocumentIdOptions",
        }
    }
}

structure! {
    /// How much and how long to collect before delivering. Hints: Firehose may deliver earlier or later.
    AmazonopensearchserviceBufferingHints {
        optional {
            /// Seconds, 0 to 900.
            interval_in_seconds: i32 = "IntervalInSeconds" as Shape::integer(0, 900),
            /// MiB, 1 to 100; 5 unless given.
            size_in_mbs: i32 = "SizeInMBs" as Shape::integer(1, 100),
        }
    }
}

structure! {
    /// How long to try again what the destination did not take.
    AmazonopensearchserviceRetryOptions {
        optional {
            /// Seconds from the first failure on, 0 to 7200; 0 for no retry.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

enumeration! {
    /// How often a new index is begun; its name gets the date appended.
    AmazonopensearchserviceIndexRotationPeriod {
        NoRotation = "NoRotation",
        OneHour = "OneHour",
        OneDay = "OneDay",
        OneWeek = "OneWeek",
        OneMonth = "OneMonth",
    }
}

enumeration! {
    /// What goes to the backup bucket.
    AmazonopensearchserviceS3BackupMode {
        /// Documents that could not be delivered.
        FailedDocumentsOnly = "FailedDocumentsOnly",
        /// All documents.
        AllDocuments = "AllDocuments",
    }
}
