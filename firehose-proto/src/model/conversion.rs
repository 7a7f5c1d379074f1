//! Conversion of JSON to Parquet or ORC for delivery to S3.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::constraints::{NON_EMPTY_STRING, NON_EMPTY_STRING_WITHOUT_WHITESPACE};
use crate::schema::{Shape, enumeration, structure};

structure! {
    /// Conversion of JSON records to Parquet or ORC. All members are required while it is enabled.
    DataFormatConversionConfiguration {
        optional {
            /// The columns.
            schema_configuration: SchemaConfiguration = "SchemaConfiguration",
            /// How records are read.
            input_format_configuration: InputFormatConfiguration = "InputFormatConfiguration",
            /// How they are written.
            output_format_configuration: OutputFormatConfiguration = "OutputFormatConfiguration",
            /// Whether it is enabled.
            enabled: bool = "Enabled",
        }
    }
}

structure! {
    /// The reader of the JSON. Exactly one of its members.
    Deserializer {
        optional {
            /// OpenX's reader.
            open_x_json_ser_de: OpenXJsonSerDe = "OpenXJsonSerDe",
            /// Hive's reader.
            hive_json_ser_de: HiveJsonSerDe = "HiveJsonSerDe",
        }
    }
}

structure! {
    /// Hive's own reader of JSON.
    HiveJsonSerDe {
        optional {
            /// Formats of timestamps as Joda-Time writes them, or `millis`.
            timestamp_formats: Vec<String> = "TimestampFormats" as Shape::list(&NON_EMPTY_STRING),
        }
    }
}

structure! {
    /// How records are read.
    InputFormatConfiguration {
        optional {
            /// The reader.
            deserializer: Deserializer = "Deserializer",
        }
    }
}

structure! {
    /// OpenX's reader of JSON.
    OpenXJsonSerDe {
        optional {
            /// Whether to convert dots in keys to underscores, because column names must not have dots.
            convert_dots_in_json_keys_to_underscores: bool = "ConvertDotsInJsonKeysToUnderscores",
            /// Whether keys are read in lower case; true by default.
            case_insensitive: bool = "CaseInsensitive",
            /// Keys whose column has another name.
            column_to_json_key_mappings: BTreeMap<String, String> = "ColumnToJsonKeyMappings" as Shape::Map { key: &NON_EMPTY_STRING_WITHOUT_WHITESPACE, value: &NON_EMPTY_STRING },
        }
    }
}

structure! {
    /// The writer of ORC.
    OrcSerDe {
        optional {
            /// Size of a stripe; 64 MiB by default.
            stripe_size_bytes: i32 = "StripeSizeBytes" as Shape::integer(8_388_608, i32::MAX),
            /// Size of a block in HDFS; 256 MiB by default.
            block_size_bytes: i32 = "BlockSizeBytes" as Shape::integer(67_108_864, i32::MAX),
            /// Rows between entries of the index; 10,000 by default.
            row_index_stride: i32 = "RowIndexStride" as Shape::integer(1000, i32::MAX),
            /// Whether stripes are padded to the blocks of HDFS.
            enable_padding: bool = "EnablePadding",
            /// Largest share of a stripe that padding may take; 0.05 by default.
            padding_tolerance: f64 = "PaddingTolerance" as Shape::Double { min: 0.0, max: 1.0 },
            /// How blocks are compressed; with Snappy by default.
            compression: OrcCompression = "Compression",
            /// Columns that get a Bloom filter.
            bloom_filter_columns: Vec<String> = "BloomFilterColumns" as Shape::list(&NON_EMPTY_STRING_WITHOUT_WHITESPACE),
            /// How often the filter may give a false positive; 0.05 by default.
            bloom_filter_false_positive_probability: f64 = "BloomFilterFalsePositiveProbability" as Shape::Double { min: 0.0, max: 1.0 },
            /// Share of distinct values up to which a dictionary is used.
            dictionary_key_threshold: f64 = "DictionaryKeyThreshold" as Shape::Double { min: 0.0, max: 1.0 },
            /// Version of the format; 0.12 by default.
            format_version: OrcFormatVersion = "FormatVersion",
        }
    }
}

structure! {
    /// How records are written.
    OutputFormatConfiguration {
        optional {
            /// The writer.
            serializer: Serializer = "Serializer",
        }
    }
}

structure! {
    /// The writer of Parquet.
    ParquetSerDe {
        optional {
            /// Size of a block in HDFS; 256 MiB by default.
            block_size_bytes: i32 = "BlockSizeBytes" as Shape::integer(67_108_864, i32::MAX),
            /// Size of a page; 1 MiB by default.
            page_size_bytes: i32 = "PageSizeBytes" as Shape::integer(65_536, i32::MAX),
            /// How blocks are compressed; with Snappy by default.
            compression: ParquetCompression = "Compression",
            /// Whether a dictionary is used.
            enable_dictionary_compression: bool = "EnableDictionaryCompression",
            /// Most padding to the blocks of HDFS; none by default.
            max_padding_bytes: i32 = "MaxPaddingBytes" as Shape::integer(0, i32::MAX),
            /// Version of the row format; 1 by default.
            writer_version: ParquetWriterVersion = "WriterVersion",
        }
    }
}

structure! {
    /// The AWS Glue table that defines the columns.
    SchemaConfiguration {
        optional {
            /// The role that Firehose assumes to read the table.
            role_arn: String = "RoleARN" as NON_EMPTY_STRING_WITHOUT_WHITESPACE,
            /// Account of the Glue catalog; the caller's by default.
            catalog_id: String = "CatalogId" as NON_EMPTY_STRING_WITHOUT_WHITESPACE,
            /// The table's database.
            database_name: String = "DatabaseName" as NON_EMPTY_STRING_WITHOUT_WHITESPACE,
            /// The table.
            table_name: String = "TableName" as NON_EMPTY_STRING_WITHOUT_WHITESPACE,
            /// The catalog's region; the stream's by default.
            region: String = "Region" as NON_EMPTY_STRING_WITHOUT_WHITESPACE,
            /// Version of the table, or `LATEST`.
            version_id: String = "VersionId" as NON_EMPTY_STRING_WITHOUT_WHITESPACE,
        }
    }
}

structure! {
    /// The writer of the columns. Exactly one of its members.
    Serializer {
        optional {
            /// Parquet.
            parquet_ser_de: ParquetSerDe = "ParquetSerDe",
            /// ORC.
            orc_ser_de: OrcSerDe = "OrcSerDe",
        }
    }
}

enumeration! {
    /// Compression of ORC's blocks.
    OrcCompression {
        None = "NONE",
        Zlib = "ZLIB",
        Snappy = "SNAPPY",
    }
}

enumeration! {
    /// Version of the ORC format.
    OrcFormatVersion {
        V0_11 = "V0_11",
        V0_12 = "V0_12",
    }
}

enumeration! {
    /// Compression of Parquet's blocks.
    ParquetCompression {
        /// No compression.
        Uncompressed = "UNCOMPRESSED",
        /// With gzip.
        Gzip = "GZIP",
        Snappy = "SNAPPY",
    }
}

enumeration! {
    /// Version of the row format.
    ParquetWriterVersion {
        V1 = "V1",
        V2 = "V2",
    }
}
