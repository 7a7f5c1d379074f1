//! Apache Iceberg tables as a destination.

use alloc::string::String;
use alloc::vec::Vec;

use super::common::{CloudWatchLoggingOptions, RetryOptions};
use super::constraints::{
    ERROR_OUTPUT_PREFIX, GLUE_DATA_CATALOG_ARN, NON_EMPTY_STRING_WITHOUT_WHITESPACE, ROLE_ARN,
    STRING_WITH_LETTERS_DIGITS_UNDERSCORES_DOTS, WAREHOUSE_LOCATION,
};
use super::processing::ProcessingConfiguration;
use super::s3::{BufferingHints, S3DestinationConfiguration, S3DestinationDescription};
use crate::schema::{Shape, enumeration, structure};

structure! {
    /// How to deliver to Iceberg tables.
    IcebergDestinationConfiguration {
        required {
            /// The role that Firehose assumes to access the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// The catalog of the tables.
            catalog_configuration: CatalogConfiguration = "CatalogConfiguration",
            /// The bucket for the backup.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// The tables; without them, each record names its own.
            destination_table_configuration_list: Vec<DestinationTableConfiguration> = "DestinationTableConfigurationList",
            /// Whether to add columns to tables.
            schema_evolution_configuration: SchemaEvolutionConfiguration = "SchemaEvolutionConfiguration",
            /// Whether to create missing tables.
            table_creation_configuration: TableCreationConfiguration = "TableCreationConfiguration",
            /// When to deliver.
            buffering_hints: BufferingHints = "BufferingHints",
            /// Where to log errors.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// The processing of records before delivery.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// Which records to back up to a bucket as well.
            s3_backup_mode: IcebergS3BackupMode = "S3BackupMode",
            /// How long to retry.
            retry_options: RetryOptions = "RetryOptions",
            /// Whether all records are insertions; that is faster.
            append_only: bool = "AppendOnly",
        }
    }
}

structure! {
    /// How a stream delivers to Iceberg tables. For its members see
    /// [`IcebergDestinationConfiguration`]; it contains no secrets.
    IcebergDestinationDescription {
        optional {
            destination_table_configuration_list: Vec<DestinationTableConfiguration> = "DestinationTableConfigurationList",
            schema_evolution_configuration: SchemaEvolutionConfiguration = "SchemaEvolutionConfiguration",
            table_creation_configuration: TableCreationConfiguration = "TableCreationConfiguration",
            buffering_hints: BufferingHints = "BufferingHints",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            s3_backup_mode: IcebergS3BackupMode = "S3BackupMode",
            retry_options: RetryOptions = "RetryOptions",
            role_arn: String = "RoleARN" as ROLE_ARN,
            append_only: bool = "AppendOnly",
            catalog_configuration: CatalogConfiguration = "CatalogConfiguration",
            s3_destination_description: S3DestinationDescription = "S3DestinationDescription",
        }
    }
}

structure! {
    /// A change to [`IcebergDestinationConfiguration`]: absent members stay unchanged.
    IcebergDestinationUpdate {
        optional {
            destination_table_configuration_list: Vec<DestinationTableConfiguration> = "DestinationTableConfigurationList",
            schema_evolution_configuration: SchemaEvolutionConfiguration = "SchemaEvolutionConfiguration",
            table_creation_configuration: TableCreationConfiguration = "TableCreationConfiguration",
            buffering_hints: BufferingHints = "BufferingHints",
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            s3_backup_mode: IcebergS3BackupMode = "S3BackupMode",
            retry_options: RetryOptions = "RetryOptions",
            role_arn: String = "RoleARN" as ROLE_ARN,
            append_only: bool = "AppendOnly",
            catalog_configuration: CatalogConfiguration = "CatalogConfiguration",
            /// The bucket for the backup.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
    }
}

structure! {
    /// The catalog of the Iceberg tables.
    CatalogConfiguration {
        optional {
            /// The AWS Glue catalog, `arn:aws:glue:REGION:ACCOUNT:catalog`.
            catalog_arn: String = "CatalogARN" as GLUE_DATA_CATALOG_ARN,
            /// Where the tables are, `s3://BUCKET`.
            warehouse_location: String = "WarehouseLocation" as WAREHOUSE_LOCATION,
        }
    }
}

structure! {
    /// One Iceberg table to deliver to.
    DestinationTableConfiguration {
        required {
            /// The table.
            destination_table_name: String = "DestinationTableName" as STRING_WITH_LETTERS_DIGITS_UNDERSCORES_DOTS,
            /// The table's database.
            destination_database_name: String = "DestinationDatabaseName" as STRING_WITH_LETTERS_DIGITS_UNDERSCORES_DOTS,
        }
        optional {
            /// Columns that identify a row, for updates and deletions.
            unique_keys: Vec<String> = "UniqueKeys" as Shape::list(&NON_EMPTY_STRING_WITHOUT_WHITESPACE),
            /// The partitions of the table.
            partition_spec: PartitionSpec = "PartitionSpec",
            /// The prefix in the backup bucket for rows that failed.
            s3_error_output_prefix: String = "S3ErrorOutputPrefix" as ERROR_OUTPUT_PREFIX,
        }
    }
}

structure! {
    /// A column to partition by.
    PartitionField {
        required {
            /// The column.
            source_name: String = "SourceName" as NON_EMPTY_STRING_WITHOUT_WHITESPACE,
        }
    }
}

structure! {
    /// The partitions of a table that Firehose creates.
    PartitionSpec {
        optional {
            /// Columns whose values define the partitions.
            identity: Vec<PartitionField> = "Identity",
        }
    }
}

structure! {
    /// Whether to add columns for new members of records.
    SchemaEvolutionConfiguration {
        required {
            /// Whether it is enabled.
            enabled: bool = "Enabled",
        }
    }
}

structure! {
    /// Whether to create missing tables.
    TableCreationConfiguration {
        required {
            /// Whether it is enabled.
            enabled: bool = "Enabled",
        }
    }
}

enumeration! {
    /// Which records go to the backup bucket.
    IcebergS3BackupMode {
        /// Records that could not be delivered.
        FailedDataOnly = "FailedDataOnly",
        /// All records.
        AllData = "AllData",
    }
}
