//! A database as a source.

use alloc::string::String;
use alloc::vec::Vec;

use super::common::SecretsManagerConfiguration;
use super::constraints::{
    DATABASE_COLUMN_NAME, DATABASE_ENDPOINT, DATABASE_NAME, DATABASE_TABLE_NAME, NON_EMPTY_STRING_WITHOUT_WHITESPACE,
    VPC_ENDPOINT_SERVICE_NAME,
};
use super::stream::FailureDescription;
use crate::schema::{Shape, enumeration, structure};
use crate::time::Timestamp;

structure! {
    /// Columns to read and not to read.
    DatabaseColumnList {
        optional {
            /// What to read, as names or regular expressions.
            include: Vec<String> = "Include" as Shape::list(&DATABASE_COLUMN_NAME),
            /// What not to read.
            exclude: Vec<String> = "Exclude" as Shape::list(&DATABASE_COLUMN_NAME),
        }
    }
}

structure! {
    /// Databases to read and not to read.
    DatabaseList {
        optional {
            /// What to read, as names or regular expressions.
            include: Vec<String> = "Include" as Shape::list(&DATABASE_NAME),
            /// What not to read.
            exclude: Vec<String> = "Exclude" as Shape::list(&DATABASE_NAME),
        }
    }
}

structure! {
    /// One reading of a whole table.
    DatabaseSnapshotInfo {
        expected {
            /// The snapshot's id.
            id: String = "Id" as NON_EMPTY_STRING_WITHOUT_WHITESPACE,
            /// The table.
            table: String = "Table" as DATABASE_TABLE_NAME,
            /// When it was requested.
            request_timestamp: Timestamp = "RequestTimestamp",
            /// Who requested it.
            requested_by: SnapshotRequestedBy = "RequestedBy",
            /// Its state.
            status: SnapshotStatus = "Status",
        }
        optional {
            /// Why it failed, if it did.
            failure_description: FailureDescription = "FailureDescription",
        }
    }
}

structure! {
    /// How Firehose authenticates to the database.
    DatabaseSourceAuthenticationConfiguration {
        required {
            /// The secret with the credentials.
            secrets_manager_configuration: SecretsManagerConfiguration = "SecretsManagerConfiguration",
        }
    }
}

structure! {
    /// The database to read changes from.
    DatabaseSourceConfiguration {
        required {
            /// Which database.
            r#type: DatabaseType = "Type",
            /// The server's name.
            endpoint: String = "Endpoint" as DATABASE_ENDPOINT,
            /// The server's port.
            port: i32 = "Port" as Shape::integer(0, 65_535),
            /// Databases to read.
            databases: DatabaseList = "Databases",
            /// Tables to read.
            tables: DatabaseTableList = "Tables",
            /// A table in which Firehose marks the progress of a snapshot.
            snapshot_watermark_table: String = "SnapshotWatermarkTable" as DATABASE_TABLE_NAME,
            /// How to authenticate.
            database_source_authentication_configuration: DatabaseSourceAuthenticationConfiguration = "DatabaseSourceAuthenticationConfiguration",
            /// How to connect to the server.
            database_source_vpc_configuration: DatabaseSourceVPCConfiguration = "DatabaseSourceVPCConfiguration",
        }
        optional {
            /// Whether to encrypt the connection.
            ssl_mode: SSLMode = "SSLMode",
            /// Columns to read; all by default.
            columns: DatabaseColumnList = "Columns",
            /// Columns that identify rows of tables without a primary key.
            surrogate_keys: Vec<String> = "SurrogateKeys" as Shape::list(&NON_EMPTY_STRING_WITHOUT_WHITESPACE),
        }
    }
}

structure! {
    /// The database that a stream reads changes from. For its members see [`DatabaseSourceConfiguration`].
    DatabaseSourceDescription {
        optional {
            r#type: DatabaseType = "Type",
            endpoint: String = "Endpoint" as DATABASE_ENDPOINT,
            port: i32 = "Port" as Shape::integer(0, 65_535),
            ssl_mode: SSLMode = "SSLMode",
            databases: DatabaseList = "Databases",
            tables: DatabaseTableList = "Tables",
            columns: DatabaseColumnList = "Columns",
            surrogate_keys: Vec<String> = "SurrogateKeys" as Shape::list(&DATABASE_COLUMN_NAME),
            snapshot_watermark_table: String = "SnapshotWatermarkTable" as DATABASE_TABLE_NAME,
            snapshot_info: Vec<DatabaseSnapshotInfo> = "SnapshotInfo",
            database_source_authentication_configuration: DatabaseSourceAuthenticationConfiguration = "DatabaseSourceAuthenticationConfiguration",
            database_source_vpc_configuration: DatabaseSourceVPCConfiguration = "DatabaseSourceVPCConfiguration",
        }
    }
}

structure! {
    /// The network that the database is in.
    DatabaseSourceVPCConfiguration {
        required {
            /// The endpoint service of the database.
            vpc_endpoint_service_name: String = "VpcEndpointServiceName" as VPC_ENDPOINT_SERVICE_NAME,
        }
    }
}

structure! {
    /// Tables to read and not to read.
    DatabaseTableList {
        optional {
            /// What to read, as names or regular expressions.
            include: Vec<String> = "Include" as Shape::list(&DATABASE_TABLE_NAME),
            /// What not to read.
            exclude: Vec<String> = "Exclude" as Shape::list(&DATABASE_TABLE_NAME),
        }
    }
}

enumeration! {
    /// Which database.
    DatabaseType {
        MySQL = "MySQL",
        PostgreSQL = "PostgreSQL",
    }
}

enumeration! {
    /// Whether the connection to the database is encrypted.
    SSLMode {
        Disabled = "Disabled",
        Enabled = "Enabled",
    }
}

enumeration! {
    /// Who requested a snapshot.
    SnapshotRequestedBy {
        User = "USER",
        Firehose = "FIREHOSE",
    }
}

enumeration! {
    /// The state of a snapshot.
    SnapshotStatus {
        InProgress = "IN_PROGRESS",
        Complete = "COMPLETE",
        Suspended = "SUSPENDED",
    }
}
