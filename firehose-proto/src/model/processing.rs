//! Processing of records before delivery.

use alloc::string::String;
use alloc::vec::Vec;

use super::constraints::PROCESSOR_PARAMETER_VALUE;
use crate::schema::{enumeration, structure};

structure! {
    /// The processing of records before delivery.
    ProcessingConfiguration {
        optional {
            /// Whether it is enabled.
            enabled: bool = "Enabled",
            /// The steps, in order.
            processors: Vec<Processor> = "Processors",
        }
    }
}

structure! {
    /// One step of processing.
    Processor {
        required {
            /// The kind of step.
            r#type: ProcessorType = "Type",
        }
        optional {
            /// Its parameters.
            parameters: Vec<ProcessorParameter> = "Parameters",
        }
    }
}

structure! {
    /// One parameter of a step.
    ProcessorParameter {
        required {
            /// Its name.
            parameter_name: ProcessorParameterName = "ParameterName",
            /// Its value.
            parameter_value: String = "ParameterValue" as PROCESSOR_PARAMETER_VALUE,
        }
    }
}

enumeration! {
    /// The name of a parameter.
    ProcessorParameterName {
        LambdaArn = "LambdaArn",
        NumberOfRetries = "NumberOfRetries",
        MetadataExtractionQuery = "MetadataExtractionQuery",
        JsonParsingEngine = "JsonParsingEngine",
        RoleArn = "RoleArn",
        BufferSizeInMBs = "BufferSizeInMBs",
        BufferIntervalInSeconds = "BufferIntervalInSeconds",
        SubRecordType = "SubRecordType",
        Delimiter = "Delimiter",
        CompressionFormat = "CompressionFormat",
        DataMessageExtraction = "DataMessageExtraction",
    }
}

enumeration! {
    /// The kind of a step.
    ProcessorType {
        /// Splits records that the Kinesis Producer Library or a JSON writer has joined.
        RecordDeAggregation = "RecordDeAggregation",
        /// Decompresses CloudWatch Logs records.
        Decompression = "Decompression",
        /// Extracts the messages from CloudWatch Logs records.
        CloudWatchLogProcessing = "CloudWatchLogProcessing",
        /// Calls a Lambda function.
        Lambda = "Lambda",
        /// Extracts partitioning keys from the records.
        MetadataExtraction = "MetadataExtraction",
        /// Appends a newline to each record.
        AppendDelimiterToRecord = "AppendDelimiterToRecord",
    }
}
