//! Processing of records on the way.

use alloc::string::String;
use alloc::vec::Vec;

use super::constraints::PROCESSOR_PARAMETER_VALUE;
use crate::schema::{enumeration, structure};

structure! {
    /// What to do with records before they are delivered.
    ProcessingConfiguration {
        optional {
            /// Whether it is turned on.
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
            /// What it does.
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
            /// What it is for.
            parameter_name: ProcessorParameterName = "ParameterName",
            /// Its value.
            parameter_value: String = "ParameterValue" as PROCESSOR_PARAMETER_VALUE,
        }
    }
}

enumeration! {
    /// What a parameter is for.
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
    /// What a step does.
    ProcessorType {
        /// Takes apart what the Kinesis Producer Library or a JSON writer has joined.
        RecordDeAggregation = "RecordDeAggregation",
        /// Decompresses records of CloudWatch Logs.
        Decompression = "Decompression",
        /// Takes messages out of records of CloudWatch Logs.
        CloudWatchLogProcessing = "CloudWatchLogProcessing",
        /// Calls a Lambda function.
        Lambda = "Lambda",
        /// Takes keys for partitioning out of the records.
        MetadataExtraction = "MetadataExtraction",
        /// Puts a newline after each record.
        AppendDelimiterToRecord = "AppendDelimiterToRecord",
    }
}
