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
            /// The role that Firehose assumes to access the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// The index to write to.
            index_name: String = "IndexName" as AMAZONOPENSEARCHSERVICE_INDEX_NAME,
            /// The bucket for the backup.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// The domain; or give its `ClusterEndpoint`.
            domain_arn: String = "DomainARN" as AMAZONOPENSEARCHSERVICE_DOMAIN_ARN,
            /// The domain's address; or give its `DomainARN`.
            cluster_endpoint: String = "ClusterEndpoint" as AMAZONOPENSEARCHSERVICE_CLUSTER_ENDPOINT,
            /// Type of the documents; leave it out from Elasticsearch 7 on.
            type_name: String = "TypeName" as AMAZONOPENSEARCHSERVICE_TYPE_NAME,
            /// How often to start a new index; daily by default.
            index_rotation_period: AmazonopensearchserviceIndexRotationPeriod = "IndexRotationPeriod",
            /// When to deliver.
            buffering_hints: AmazonopensearchserviceBufferingHints = "BufferingHints",
            /// How long to retry.
            retry_options: AmazonopensearchserviceRetryOptions = "RetryOptions",
            /// Which records to back up to a bucket as well.
            s3_backup_mode: AmazonopensearchserviceS3BackupMode = "S3BackupMode",
            /// The processing of records before delivery.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// Where to log errors.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// How to reach it in a VPC. This cannot be changed later.
            vpc_configuration: VpcConfiguration = "VpcConfiguration",
            /// The source of the documents' ids.
            document_id_options: DocumentIdOptions = "DocumentIdOptions",
        }
    }
}

structure! {
    /// How a stream delivers to an OpenSearch Service domain. For its members see
    /// [`AmazonopensearchserviceDestinationConfiguration`]; it contains no secrets.
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
    /// A change to [`AmazonopensearchserviceDestinationConfiguration`]: absent members stay unchanged.
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
    /// How much and how long to buffer before delivery. These are hints: Firehose may deliver earlier or later.
    AmazonopensearchserviceBufferingHints {
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
    AmazonopensearchserviceRetryOptions {
        optional {
            /// Seconds after the first failure, 0 to 7200; 0 for no retry.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

enumeration! {
    /// How often to start a new index. The date is appended to its name.
    AmazonopensearchserviceIndexRotationPeriod {
        NoRotation = "NoRotation",
        OneHour = "OneHour",
        OneDay = "OneDay",
        OneWeek = "OneWeek",
        OneMonth = "OneMonth",
    }
}

enumeration! {
    /// Which records go to the backup bucket.
    AmazonopensearchserviceS3BackupMode {
        /// Documents that could not be delivered.
        FailedDocumentsOnly = "FailedDocumentsOnly",
        /// All documents.
        AllDocuments = "AllDocuments",
    }
}
