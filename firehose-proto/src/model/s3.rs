//! Amazon S3 as a destination, and as the backup of all others.

use alloc::string::String;

use super::common::CloudWatchLoggingOptions;
use super::constraints::{AWS_KMS_KEY_ARN, BUCKET_ARN, ERROR_OUTPUT_PREFIX, PREFIX, ROLE_ARN};
use crate::schema::{Shape, enumeration, structure};

structure! {
    /// How to deliver to a bucket.
    S3DestinationConfiguration {
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
        }
    }
}

structure! {
    /// How a stream delivers to a bucket. For its members see [`S3DestinationConfiguration`]; it contains no secrets.
    S3DestinationDescription {
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
        }
    }
}

structure! {
    /// A change to [`S3DestinationConfiguration`]: absent members stay unchanged.
    S3DestinationUpdate {
        optional {
            role_arn: String = "RoleARN" as ROLE_ARN,
            bucket_arn: String = "BucketARN" as BUCKET_ARN,
            prefix: String = "Prefix" as PREFIX,
            error_output_prefix: String = "ErrorOutputPrefix" as ERROR_OUTPUT_PREFIX,
            buffering_hints: BufferingHints = "BufferingHints",
            compression_format: CompressionFormat = "CompressionFormat",
            encryption_configuration: EncryptionConfiguration = "EncryptionConfiguration",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
        }
    }
}

structure! {
    /// How much and how long to buffer before delivery to S3. These are hints: Firehose may deliver earlier or
    /// later. Default: 5 MiB or 300 s.
    BufferingHints {
        optional {
            /// MiB, 1 to 128; 5 by default.
            size_in_mbs: i32 = "SizeInMBs" as Shape::integer(1, 128),
            /// Seconds, 0 to 900; 300 by default.
            interval_in_seconds: i32 = "IntervalInSeconds" as Shape::integer(0, 900),
        }
    }
}

structure! {
    /// Encryption of the objects in S3: exactly one of its members.
    EncryptionConfiguration {
        optional {
            /// No encryption by Firehose.
            no_encryption_config: NoEncryptionConfig = "NoEncryptionConfig",
            /// Encryption with a KMS key.
            kms_encryption_config: KMSEncryptionConfig = "KMSEncryptionConfig",
        }
    }
}

structure! {
    /// Encryption with a KMS key.
    KMSEncryptionConfig {
        required {
            /// The key, in the bucket's region.
            aws_kms_key_arn: String = "AWSKMSKeyARN" as AWS_KMS_KEY_ARN,
        }
    }
}

enumeration! {
    /// How objects in S3 are compressed.
    CompressionFormat {
        /// No compression.
        Uncompressed = "UNCOMPRESSED",
        /// With gzip.
        Gzip = "GZIP",
        /// With ZIP.
        Zip = "ZIP",
        /// With Snappy, in its framing format.
        Snappy = "Snappy",
        /// With Snappy as Hadoop frames it.
        HadoopSnappy = "HADOOP_SNAPPY",
    }
}

enumeration! {
    /// Only the bucket's own encryption.
    NoEncryptionConfig {
        NoEncryption = "NoEncryption",
    }
}
