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
            /// Role that Firehose takes on to get at the destination.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// The catalog that knows the tables.
            catalog_configuration: CatalogConfiguration = "CatalogConfiguration",
            /// The bucket for the backup.
            s3_configuration: S3DestinationConfiguration = "S3Configuration",
        }
        optional {
            /// The tables; or else records name theirs.
            destination_table_configuration_list: Vec<DestinationTableConfiguration> = "DestinationTableConfigurationList",
            /// Whether tables get new columns.
            schema_evolution_configuration: SchemaEvolutionConfiguration = "SchemaEvolutionConfiguration",
            /// Whether missing tables are made.
            table_creation_configuration: TableCreationConfiguration = "TableCreationConfiguration",
            /// When to deliver.
            buffering_hints: BufferingHints = "BufferingHints",
            /// Where errors are logged.
            cloud_watch_logging_options: CloudWatchLoggingOptions = "CloudWatchLoggingOptions",
            /// What is done to the records before.
            processing_configuration: ProcessingConfiguration = "ProcessingConfiguration",
            /// What is kept in a bucket besides.
            s3_backup_mode: IcebergS3BackupMode = "S3BackupMode",
            /// How long to try again.
            retry_options: RetryOptions = "RetryOptions",
            /// Whether all records are insertions, which is faster.
            append_only: bool = "AppendOnly",
        }
    }
}

structure! {
    /// How a stream delivers to Iceberg tables. Its members are explained at
    /// [`IcebergDestinationConfiguration`]; secrets are left out.
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
    /// A change to [`IcebergDestinationConfiguration`]: what is absent stays as it is.
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
    /// The catalog that knows the Iceberg tables.
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
            /// Columns that tell a row from others, for updates and deletions.
            unique_keys: Vec<String> = "UniqueKeys" as Shape::list(&NON_EMPTY_STRING_WITHOUT_WHITESPACE),
            /// How the table is partitioned.
            partition_spec: PartitionSpec = "PartitionSpec",
            /// Where in the backup bucket rows go that the table did not take.
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
    /// How a table is partitioned when Firehose makes it.
    PartitionSpec {
        optional {
            /// Columns whose values are the partitions.
            identity: Vec<PartitionField> = "Identity",
        }
    }
}

structure! {
    /// Whether tables get new columns as records bring them.
    SchemaEvolutionConfiguration {
        required {
            /// Whether it is turned on.
            enabled: bool = "Enabled",
        }
    }
}

structure! {
    /// Whether missing tables are made.
    TableCreationConfiguration {
        required {
            /// Whether it is turned on.
            enabled: bool = "Enabled",
        }
    }
}

enumeration! {
    /// What goes to the backup bucket.
    IcebergS3BackupMode {
        /// Records that could not be delivered.
        FailedDataOnly = "FailedDataOnly",
        /// All records.
        AllData = "AllData",
    }
}
