//! Snowflake as a destination.

use alloc::string::String;

use super::common::{CloudWatchLoggingOptions, SecretsManagerConfiguration};
use super::constraints::{
    ROLE_ARN, SNOWFLAKE_ACCOUNT_URL, SNOWFLAKE_CONTENT_COLUMN_NAME, SNOWFLAKE_DATABASE, SNOWFLAKE_KEY_PASSPHRASE,
    SNOWFLAKE_META_DATA_COLUMN_NAME, SNOWFLAKE_PRIVATE_KEY, SNOWFLAKE_PRIVATE_LINK_VPCE_ID, SNOWFLAKE_ROLE,
    SNOWFLAKE_SCHEMA, SNOWFLAKE_TABLE, SNOWFLAKE_USER,
};
use super::processing::ProcessingConfiguration;
use super::s3::{S3DestinationConfiguration, S3DestinationDescription, S3DestinationUpdate};
use crate::schema::{Shape, enumeration, structure};
use crate::sensitive::Sensitive;

structure! {
    /// How to deliver to a Snowflake table.
    SnowflakeDestinationConfiguration {
        required {
            /// The account's address, `https://ACCOUNT.snowflakecomputing.com`.
            account_url: Sensitive<String> = "AccountUrl" as SNOWFLAKE_ACCOUNT_URL,
            /// The database.
            database: Sensitive<String> = "Database" as SNOWFLAKE_DATABASE,
            /// The schema.
            schema: Sensitive<String> = "Schema" as SNOWFLAKE_SCHEMA,
            /// The table.
            table: Sensitive<String> = "Table" as SNOWFLAKE_TABLE,
            /// The role that Firehose assumes to access the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// The bucket for the backup.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// The user's private key, PKCS #8 in base64; or give a secret instead.
            private_key: Sensitive<String> = "PrivateKey" as SNOWFLAKE_PRIVATE_KEY,
            /// The passphrase that the key is encrypted with.
            key_passphrase: Sensitive<String> = "KeyPassphrase" as SNOWFLAKE_KEY_PASSPHRASE,
            /// The user; or give a secret instead.
            user: Sensitive<String> = "User" as SNOWFLAKE_USER,
            /// The role to use.
            snowflake_role_configuration: SnowflakeRoleConfiguration = "SnowflakeRoleConfiguration",
            /// How a record becomes a row.
            data_loading_option: SnowflakeDataLoadingOption = "DataLoadingOption",
            /// Column for what Firehose knows about a record.
            meta_data_column_name: Sensitive<String> = "MetaDataColumnName" as SNOWFLAKE_META_DATA_COLUMN_NAME,
            /// Column for the record.
            content_column_name: Sensitive<String> = "ContentColumnName" as SNOWFLAKE_CONTENT_COLUMN_NAME,
            /// A private link.
            snowflake_vpc_configuration: SnowflakeVpcConfiguration = "SnowflakeVpcConfiguration",
            /// Where to log errors.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// The processing of records before delivery.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// How long to retry.
            retry_options: SnowflakeRetryOptions = "RetryOptions",
            /// Which records to back up to a bucket as well.
            s3_backup_mode: SnowflakeS3BackupMode = "S3BackupMode",
            /// The secret with the credentials.
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
            /// When to deliver.
            buffering_hints: SnowflakeBufferingHints = "BufferingHints",
        }
    }
}

structure! {
    /// How a stream delivers to a Snowflake table. For its members see
    /// [`SnowflakeDestinationConfiguration`]; it contains no secrets.
    SnowflakeDestinationDescription {
        optional {
            account_url: Sensitive<String> = "AccountUrl" as SNOWFLAKE_ACCOUNT_URL,
            user: Sensitive<String> = "User" as SNOWFLAKE_USER,
            database: Sensitive<String> = "Database" as SNOWFLAKE_DATABASE,
            schema: Sensitive<String> = "Schema" as SNOWFLAKE_SCHEMA,
            table: Sensitive<String> = "Table" as SNOWFLAKE_TABLE,
            snowflake_role_configuration: SnowflakeRoleConfiguration = "SnowflakeRoleConfiguration",
            data_loading_option: SnowflakeDataLoadingOption = "DataLoadingOption",
            meta_data_column_name: Sensitive<String> = "MetaDataColumnName" as SNOWFLAKE_META_DATA_COLUMN_NAME,
            content_column_name: Sensitive<String> = "ContentColumnName" as SNOWFLAKE_CONTENT_COLUMN_NAME,
            snowflake_vpc_configuration: SnowflakeVpcConfiguration = "SnowflakeVpcConfiguration",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            role_arn: String = "RoleARN" as ROLE_ARN,
            retry_options: SnowflakeRetryOptions = "RetryOptions",
            s3_backup_mode: SnowflakeS3BackupMode = "S3BackupMode",
            s3_destination_description: S3DestinationDescription = "S3DestinationDescription",
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
            buffering_hints: SnowflakeBufferingHints = "BufferingHints",
        }
    }
}

structure! {
    /// A change to [`SnowflakeDestinationConfiguration`]: absent members stay unchanged.
    SnowflakeDestinationUpdate {
        optional {
            account_url: Sensitive<String> = "AccountUrl" as SNOWFLAKE_ACCOUNT_URL,
            private_key: Sensitive<String> = "PrivateKey" as SNOWFLAKE_PRIVATE_KEY,
            key_passphrase: Sensitive<String> = "KeyPassphrase" as SNOWFLAKE_KEY_PASSPHRASE,
            user: Sensitive<String> = "User" as SNOWFLAKE_USER,
            database: Sensitive<String> = "Database" as SNOWFLAKE_DATABASE,
            schema: Sensitive<String> = "Schema" as SNOWFLAKE_SCHEMA,
            table: Sensitive<String> = "Table" as SNOWFLAKE_TABLE,
            snowflake_role_configuration: SnowflakeRoleConfiguration = "SnowflakeRoleConfiguration",
            data_loading_option: SnowflakeDataLoadingOption = "DataLoadingOption",
            meta_data_column_name: Sensitive<String> = "MetaDataColumnName" as SNOWFLAKE_META_DATA_COLUMN_NAME,
            content_column_name: Sensitive<String> = "ContentColumnName" as SNOWFLAKE_CONTENT_COLUMN_NAME,
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            role_arn: String = "RoleARN" as ROLE_ARN,
            retry_options: SnowflakeRetryOptions = "RetryOptions",
            s3_backup_mode: SnowflakeS3BackupMode = "S3BackupMode",
            s3_update: S3DestinationUpdate = "S3Update",
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
            buffering_hints: SnowflakeBufferingHints = "BufferingHints",
        }
    }
}

structure! {
    /// How much and how long to buffer before delivery. These are hints: Firehose may deliver earlier or later.
    SnowflakeBufferingHints {
        optional {
            /// MiB, 1 to 128; 1 by default.
            size_in_mbs: i32 = "SizeInMBs" as Shape::integer(1, 128),
            /// Seconds, 0 to 900.
            interval_in_seconds: i32 = "IntervalInSeconds" as Shape::integer(0, 900),
        }
    }
}

structure! {
    /// How long to retry failed deliveries.
    SnowflakeRetryOptions {
        optional {
            /// Seconds after the first failure, 0 to 7200; 0 for no retry.
            duration_in_seconds: i32 = "DurationInSeconds" as Shape::integer(0, 7200),
        }
    }
}

structure! {
    /// The role to use in Snowflake, if not the user's default.
    SnowflakeRoleConfiguration {
        optional {
            /// Whether it is enabled.
            enabled: bool = "Enabled",
            /// The role.
            snowflake_role: Sensitive<String> = "SnowflakeRole" as SNOWFLAKE_ROLE,
        }
    }
}

structure! {
    /// A private link to Snowflake.
    SnowflakeVpcConfiguration {
        required {
            /// The endpoint service to link to.
            private_link_vpce_id: Sensitive<String> = "PrivateLinkVpceId" as SNOWFLAKE_PRIVATE_LINK_VPCE_ID,
        }
    }
}

enumeration! {
    /// How a record becomes a row.
    SnowflakeDataLoadingOption {
        /// Keys of the JSON are columns.
        JsonMapping = "JSON_MAPPING",
        /// The record goes into one column.
        VariantContentMapping = "VARIANT_CONTENT_MAPPING",
        /// The record goes into one column, what Firehose knows about it into another.
        VariantContentAndMetadataMapping = "VARIANT_CONTENT_AND_METADATA_MAPPING",
    }
}

enumeration! {
    /// Which records go to the backup bucket.
    SnowflakeS3BackupMode {
        /// Records that could not be delivered.
        FailedDataOnly = "FailedDataOnly",
        /// All records.
        AllData = "AllData",
    }
}
