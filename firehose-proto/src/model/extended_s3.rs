//! Amazon S3 as a destination with all of Firehose's processing.

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
    /// How to deliver to a bucket, with processing, conversion and partitioning.
    ExtendedS3DestinationConfiguration {
        required {
            /// The role that Firehose assumes to access the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// The bucket.
            bucket_arn: String = "BucketARN" as BUCKET_ARN,
        }
        optional {
            /// The prefix of the objects' keys; may contain expressions such as `!{timestamp:yyyy}`.
            prefix: String = "Prefix" as PREFIX,
            /// The prefix of the keys of objects with failed records.
            error_output_prefix: String = "ErrorOutputPrefix" as ERROR_OUTPUT_PREFIX,
            /// When to deliver.
            buffering_hints: BufferingHints = "BufferingHints",
            /// How objects are compressed; by default not at all.
            compression_format: CompressionFormat = "CompressionFormat",
            /// How objects are encrypted; by default not at all.
            encryption_configuration: EncryptionConfiguration = "EncryptionConfiguration",
            /// Where to log errors.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// The processing of records before delivery.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// Which records to back up to a bucket as well.
            s3_backup_mode: S3BackupMode = "S3BackupMode",
            /// The bucket for the backup; required when the backup is enabled.
            s3_backup_configuration: S3DestinationConfiguration = "S3BackupConfiguration",
            /// Conversion to Parquet or ORC.
            data_format_conversion_configuration: DataFormatConversionConfiguration = "DataFormatConversionConfiguration",
            /// Partitioning by values in the records.
            dynamic_partitioning_configuration: DynamicPartitioningConfiguration = "DynamicPartitioningConfiguration",
            /// The suffix of the objects' keys, such as `.json.gz`.
            file_extension: String = "FileExtension" as FILE_EXTENSION,
            /// Time zone of the timestamps in prefixes, such as `Europe/Berlin`; UTC by default.
            custom_time_zone: String = "CustomTimeZone" as CUSTOM_TIME_ZONE,
        }
    }
}

structure! {
    /// How a stream delivers to a bucket. For its members see
    /// [`ExtendedS3DestinationConfiguration`]; it contains no secrets.
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
    /// A change to [`ExtendedS3DestinationConfiguration`]: absent members stay unchanged.
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
    /// Whether values in the records select their S3 prefix.
    DynamicPartitioningConfiguration {
        optional {
            /// How long to retry.
            retry_options: RetryOptions = "RetryOptions",
            /// Whether it is enabled.
            enabled: bool = "Enabled",
        }
    }
}

enumeration! {
    /// Whether original records also go to a backup bucket.
    S3BackupMode {
        Disabled = "Disabled",
        Enabled = "Enabled",
    }
}
