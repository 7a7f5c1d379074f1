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
    /// How to deliver to a Redshift table: into a bucket first, and from there with `COPY`.
    RedshiftDestinationConfiguration {
        required {
            /// Role that Firehose takes on to get at the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// The database, as a JDBC URL.
            cluster_jdbc_url: String = "ClusterJDBCURL" as CLUSTER_JDBC_URL,
            /// How the table is loaded.
            copy_command: CopyCommand = "CopyCommand",
            /// The bucket that `COPY` reads from; not compressed as `Snappy`, `ZIP` or `HADOOP_SNAPPY`, which it
            /// cannot read.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// The user; or else give a secret.
            username: Sensitive<String> = "Username" as USERNAME,
            /// The user's password; or else give a secret.
            password: Sensitive<String> = "Password" as PASSWORD,
            /// How long to try again.
            retry_options: RedshiftRetryOptions = "RetryOptions",
            /// What is done to the records before.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// What is kept in a bucket besides.
            s3_backup_mode: RedshiftS3BackupMode = "S3BackupMode",
            /// The bucket to keep it in; needed when the backup is enabled.
            s3_backup_configuration: S3DestinationConfiguration = "S3BackupConfiguration",
            /// Where errors are logged.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// The secret with the credentials.
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// How a stream delivers to a Redshift table. Its members are explained at
    /// [`RedshiftDestinationConfiguration`]; secrets are left out.
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
    /// A change to [`RedshiftDestinationConfiguration`]: what is absent stays as it is.
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
            /// Its columns, with commas between them.
            data_table_columns: String = "DataTableColumns" as DATA_TABLE_COLUMNS,
            /// Options of `COPY`, such as `json 'auto' gzip`.
            copy_options: String = "CopyOptions" as COPY_OPTIONS,
        }
    }
}

structure! {
    /// How long to try again what the destination did not take.
    RedshiftRetryOptions {
        optional {
            /// Seconds from the first failure on, 0 to 7200; 0 for no retry.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

enumeration! {
    /// Whether records go to a backup bucket, too, as they came.
    RedshiftS3BackupMode {
        Disabled = "Disabled",
        Enabled = "Enabled",
    }
}
