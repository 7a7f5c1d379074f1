//! Sources of a stream: direct puts, and what Firehose reads itself, except [databases](super::database).

use alloc::string::String;

use super::constraints::{KINESIS_STREAM_ARN, MSK_CLUSTER_ARN, ROLE_ARN, TOPIC_NAME};
use super::database::DatabaseSourceDescription;
use crate::schema::{Shape, enumeration, structure};
use crate::time::Timestamp;

structure! {
    /// How Firehose authenticates to an MSK cluster.
    AuthenticationConfiguration {
        required {
            /// The role that Firehose assumes to read from the cluster.
            role_arn: String = "RoleARN" as ROLE_ARN,
            /// How to connect to the cluster.
            connectivity: Connectivity = "Connectivity",
        }
    }
}

structure! {
    /// The rate to expect of the callers of PutRecord and PutRecordBatch.
    DirectPutSourceConfiguration {
        required {
            /// Expected MiB per second, 1 to 100.
            throughput_hint_in_mbs: i32 = "ThroughputHintInMBs" as Shape::integer(1, 100),
        }
    }
}

structure! {
    /// The rate that a stream expects of the callers of PutRecord and PutRecordBatch.
    DirectPutSourceDescription {
        optional {
            throughput_hint_in_mbs: i32 = "ThroughputHintInMBs" as Shape::integer(1, 100),
        }
    }
}

structure! {
    /// The Kinesis data stream to read.
    KinesisStreamSourceConfiguration {
        required {
            /// The data stream.
            kinesis_stream_arn: String = "KinesisStreamARN" as KINESIS_STREAM_ARN,
            /// The role that Firehose assumes to read from it.
            role_arn: String = "RoleARN" as ROLE_ARN,
        }
    }
}

structure! {
    /// The Kinesis data stream that a stream reads.
    KinesisStreamSourceDescription {
        optional {
            kinesis_stream_arn: String = "KinesisStreamARN" as KINESIS_STREAM_ARN,
            role_arn: String = "RoleARN" as ROLE_ARN,
            delivery_start_timestamp: Timestamp = "DeliveryStartTimestamp",
        }
    }
}

structure! {
    /// The topic of an Amazon MSK cluster to read.
    MSKSourceConfiguration {
        required {
            /// The cluster.
            msk_cluster_arn: String = "MSKClusterARN" as MSK_CLUSTER_ARN,
            /// The topic.
            topic_name: String = "TopicName" as TOPIC_NAME,
            /// How to authenticate.
            authentication_configuration: AuthenticationConfiguration = "AuthenticationConfiguration",
        }
        optional {
            /// Where to begin; by default at the latest record.
            read_from_timestamp: Timestamp = "ReadFromTimestamp",
        }
    }
}

structure! {
    /// The topic of an Amazon MSK cluster that a stream reads.
    MSKSourceDescription {
        optional {
            msk_cluster_arn: String = "MSKClusterARN" as MSK_CLUSTER_ARN,
            topic_name: String = "TopicName" as TOPIC_NAME,
            authentication_configuration: AuthenticationConfiguration = "AuthenticationConfiguration",
            delivery_start_timestamp: Timestamp = "DeliveryStartTimestamp",
            read_from_timestamp: Timestamp = "ReadFromTimestamp",
        }
    }
}

structure! {
    /// The source of a stream's records.
    SourceDescription {
        optional {
            direct_put_source_description: DirectPutSourceDescription = "DirectPutSourceDescription",
            kinesis_stream_source_description: KinesisStreamSourceDescription = "KinesisStreamSourceDescription",
            msk_source_description: MSKSourceDescription = "MSKSourceDescription",
            database_source_description: DatabaseSourceDescription = "DatabaseSourceDescription",
        }
    }
}

enumeration! {
    /// How to connect to the cluster.
    Connectivity {
        /// Over the internet.
        Public = "PUBLIC",
        /// Over a private link.
        Private = "PRIVATE",
    }
}
