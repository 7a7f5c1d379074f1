//! Amazon S3 as a destination with everything that Firehose can do on the way.

use alloc::string::String;

use super::common::{CloudWatchLoggingOptions, RetryOptions};
use super::constraints::{BUCKET_ARN, CUSTOM_TIME_ZONE, ERROR_OUTPUT_PREFIX, FILE_EXTENSION, PREFIX, ROLE_ARN};
use super::conversion::DataFormatConversionConfiguration;
use super::processing::ProcessingConfiguration;
use super::s3::{
    BufferingHints, CompressionFormat, EncryptionConfiguration, S3DestinationConfiguration, S3DestinationDescription,
    S3DestinationUpdate,
};
use crate::schema::{enumeration, structure};

structure! {
    /// How to deliver to a bucket, with processing, conversion and partitioning on the way.
    ExtendedS3DestinationConfiguration {
        required {
            /// Role that Firehose takes on to get at the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// The bucket.
            bucket_arn: String = "BucketARN" as BUCKET_ARN,
        }
        optional {
            /// What the objects' keys begin with; may hold expressions such as `!{timestamp:yyyy}`.
            prefix: String = "Prefix" as PREFIX,
            /// What the keys of objects with failed records begin with.
            error_output_prefix: String = "ErrorOutputPrefix" as ERROR_OUTPUT_PREFIX,
            /// When to deliver.
            buffering_hints: BufferingHints = "BufferingHints",
            /// How objects are compressed; not at all unless given.
            compression_format: CompressionFormat = "CompressionFormat",
            /// How objects are encrypted; not at all unless given.
            encryption_configuration: EncryptionConfiguration = "EncryptionConfiguration",
            /// Where errors are logged.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// What is done to the records before.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// What is kept in a bucket besides.
            s3_backup_mode: S3BackupMode = "S3BackupMode",
            /// The bucket to keep it in; needed when the backup is enabled.
            s3_backup_configuration: S3DestinationConfiguration = "S3BackupConfiguration",
            /// Conversion to Parquet or ORC.
            data_format_conversion_configuration: DataFormatConversionConfiguration = "DataFormatConversionConfiguration",
            /// Partitioning by values in the records.
            dynamic_partitioning_configuration: DynamicPartitioningConfiguration = "DynamicPartitioningConfiguration",
            /// What the objects' keys end with, such as `.json.gz`.
            file_extension: String = "FileExtension" as FILE_EXTENSION,
            /// Time zone of the timestamps in prefixes, such as `Europe/Berlin`; UTC unless given.
            custom_time_zone: String = "CustomTimeZone" as CUSTOM_TIME_ZONE,
        }
    }
}

structure! {
    /// How a stream delivers to a bucket. Its members are explained at [`ExtendedS3DestinationConfiguration`];
    /// secrets are left out.
    ExtendedS3DestinationDescription {
        expected {
            role_arn: String = "RoleARN" as ROLE_ARN,
            bucket_arn: String = "BucketARN" as BUCKET_ARN,
            buffering_hints: BufferingHints = "BufferingHints",
            compression_format: CompressionFormat = "CompressionFormat",
            encryption_configuration: EncryptionConfiguration = "EncryptionConfiguration",
        }
        optional {
            prefix: String = "Prefix" as PREFIX,
            error_output_prefix: String = "ErrorOutputPrefix" as ERROR_OUTPUT_PREFIX,
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            s3_backup_mode: S3BackupMode = "S3BackupMode",
            s3_backup_description: S3DestinationDescription = "S3BackupDescription",
            data_format_conversion_configuration: DataFormatConversionConfiguration = "DataFormatConversionConfiguration",
            dynamic_partitioning_configuration: DynamicPartitioningConfiguration = "DynamicPartitioningConfiguration",
            file_extension: String = "FileExtension" as FILE_EXTENSION,
            custom_time_zone: String = "CustomTimeZone" as CUSTOM_TIME_ZONE,
        }
    }
}

structure! {
    /// A change to [`ExtendedS3DestinationConfiguration`]: what is absent stays as it is.
    ExtendedS3DestinationUpdate {
        optional {
            role_arn: String = "RoleARN" as ROLE_ARN,
            bucket_arn: String = "BucketARN" as BUCKET_ARN,
            prefix: String = "Prefix" as PREFIX,
            error_output_prefix: String = "ErrorOutputPrefix" as ERROR_OUTPUT_PREFIX,
            buffering_hints: BufferingHints = "BufferingHints",
            compression_format: CompressionFormat = "CompressionFormat",
            encryption_configuration: EncryptionConfiguration = "EncryptionConfiguration",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            s3_backup_mode: S3BackupMode = "S3BackupMode",
            s3_backup_update: S3DestinationUpdate = "S3BackupUpdate",
            data_format_conversion_configuration: DataFormatConversionConfiguration = "DataFormatConversionConfiguration",
            dynamic_partitioning_configuration: DynamicPartitioningConfiguration = "DynamicPartitioningConfiguration",
            file_extension: String = "FileExtension" as FILE_EXTENSION,
            custom_time_zone: String = "CustomTimeZone" as CUSTOM_TIME_ZONE,
        }
    }
}

structure! {
    /// Whether values in the records choose the prefix that they are delivered to.
    DynamicPartitioningConfiguration {
        optional {
            /// How long to try again.
            retry_options: RetryOptions = "RetryOptions",
            /// Whether it is turned on.
            enabled: bool = "Enabled",
        }
    }
}

enumeration! {
    /// Whether records go to a backup bucket, too, as they came.
    S3BackupMode {
        Disabled = "Disabled",
        Enabled = "Enabled",
    }
}
