//! Amazon Redshift as a destination.

use alloc::string::String;

use super::common::{CloudWatchLoggingOptions, SecretsManagerConfiguration};
use super::constraints::{
    CLUSTER_JDBC_URL, COPY_OPTIONS, DATA_TABLE_COLUMNS, DATA_TABLE_NAME, PASSWORD, ROLE_ARN, USERNAME,
};
use super::processing::ProcessingConfiguration;
use super::s3::{S3DestinationConfiguration, S3DestinationDescription, S3DestinationUpdate};
use crate::schema::{Shape, enumeration, structure};
use crate::sensitive::Sensitive;

structure! {
    /// How to deliver to a Redshift table: first into a bucket, then with `COPY`.
    RedshiftDestinationConfiguration {
        required {
            /// The role that Firehose assumes to access the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// The database, as a JDBC URL.
            cluster_jdbc_url: String = "ClusterJDBCURL" as CLUSTER_JDBC_URL,
            /// How the table is loaded.
            copy_command: CopyCommand = "CopyCommand",
            /// The bucket that `COPY` reads from. Do not compress as `Snappy`, `ZIP` or `HADOOP_SNAPPY`: `COPY` cannot
            /// read them.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// The user; or give a secret instead.
            username: Sensitive<String> = "Username" as USERNAME,
            /// The user's password; or give a secret instead.
            password: Sensitive<String> = "Password" as PASSWORD,
            /// How long to retry.
            retry_options: RedshiftRetryOptions = "RetryOptions",
            /// The processing of records before delivery.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// Which records to back up to a bucket as well.
            s3_backup_mode: RedshiftS3BackupMode = "S3BackupMode",
            /// The bucket for the backup; required when the backup is enabled.
            s3_backup_configuration: S3DestinationConfiguration = "S3BackupConfiguration",
            /// Where to log errors.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// The secret with the credentials.
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// How a stream delivers to a Redshift table. For its members see
    /// [`RedshiftDestinationConfiguration`]; it contains no secrets.
    RedshiftDestinationDescription {
        expected {
            role_arn: String = "RoleARN" as ROLE_ARN,
            cluster_jdbc_url: String = "ClusterJDBCURL" as CLUSTER_JDBC_URL,
            copy_command: CopyCommand = "CopyCommand",
            s3_destination_description: S3DestinationDescription = "S3DestinationDescription",
        }
        optional {
            username: Sensitive<String> = "Username" as USERNAME,
            retry_options: RedshiftRetryOptions = "RetryOptions",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            s3_backup_mode: RedshiftS3BackupMode = "S3BackupMode",
            s3_backup_description: S3DestinationDescription = "S3BackupDescription",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// A change to [`RedshiftDestinationConfiguration`]: absent members stay unchanged.
    RedshiftDestinationUpdate {
        optional {
            role_arn: String = "RoleARN" as ROLE_ARN,
            cluster_jdbc_url: String = "ClusterJDBCURL" as CLUSTER_JDBC_URL,
            copy_command: CopyCommand = "CopyCommand",
            username: Sensitive<String> = "Username" as USERNAME,
            password: Sensitive<String> = "Password" as PASSWORD,
            retry_options: RedshiftRetryOptions = "RetryOptions",
            s3_update: S3DestinationUpdate = "S3Update",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            s3_backup_mode: RedshiftS3BackupMode = "S3BackupMode",
            s3_backup_update: S3DestinationUpdate = "S3BackupUpdate",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// The `COPY` statement that loads a Redshift table.
    CopyCommand {
        required {
            /// The table.
            data_table_name: String = "DataTableName" as DATA_TABLE_NAME,
        }
        optional {
            /// Its columns, separated by commas.
            data_table_columns: String = "DataTableColumns" as DATA_TABLE_COLUMNS,
            /// Options of `COPY`, such as `json 'auto' gzip`.
            copy_options: String = "CopyOptions" as COPY_OPTIONS,
        }
    }
}

structure! {
    /// How long to retry failed deliveries.
    RedshiftRetryOptions {
        optional {
            /// Seconds after the first failure, 0 to 7200; 0 for no retry.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

enumeration! {
    /// Whether original records also go to a backup bucket.
    RedshiftS3BackupMode {
        Disabled = "Disabled",
        Enabled = "Enabled",
    }
}
