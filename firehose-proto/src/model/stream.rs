//! The description of a stream, as DescribeDeliveryStream returns it.

use alloc::string::String;
use alloc::vec::Vec;

use super::constraints::{
    DELIVERY_STREAM_ARN, DELIVERY_STREAM_NAME, DELIVERY_STREAM_VERSION_ID, DESTINATION_ID, NON_EMPTY_STRING,
};
use super::elasticsearch::ElasticsearchDestinationDescription;
use super::encryption::DeliveryStreamEncryptionConfiguration;
use super::extended_s3::ExtendedS3DestinationDescription;
use super::http_endpoint::HttpEndpointDestinationDescription;
use super::iceberg::IcebergDestinationDescription;
use super::opensearch::AmazonopensearchserviceDestinationDescription;
use super::opensearch_serverless::AmazonOpenSearchServerlessDestinationDescription;
use super::redshift::RedshiftDestinationDescription;
use super::s3::S3DestinationDescription;
use super::snowflake::SnowflakeDestinationDescription;
use super::source::SourceDescription;
use super::splunk::SplunkDestinationDescription;
use crate::schema::{enumeration, structure};
use crate::time::Timestamp;

structure! {
    /// The current description of a stream.
    DeliveryStreamDescription {
        expected {
            /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
            delivery_stream_name: String = "DeliveryStreamName" as DELIVERY_STREAM_NAME,
            /// The stream's ARN.
            delivery_stream_arn: String = "DeliveryStreamARN" as DELIVERY_STREAM_ARN,
            /// Its state.
            delivery_stream_status: DeliveryStreamStatus = "DeliveryStreamStatus",
            /// The type of its source.
            delivery_stream_type: DeliveryStreamType = "DeliveryStreamType",
            /// Increases with each update; the next update needs it.
            version_id: String = "VersionId" as DELIVERY_STREAM_VERSION_ID,
            /// The stream's destination, one entry.
            destinations: Vec<DestinationDescription> = "Destinations",
            /// Whether there are more than these.
            has_more_destinations: bool = "HasMoreDestinations",
        }
        optional {
            /// Why it failed, if it did.
            failure_description: FailureDescription = "FailureDescription",
            /// Its server-side encryption.
            delivery_stream_encryption_configuration: DeliveryStreamEncryptionConfiguration = "DeliveryStreamEncryptionConfiguration",
            /// When it was created.
            create_timestamp: Timestamp = "CreateTimestamp",
            /// When it was last changed.
            last_update_timestamp: Timestamp = "LastUpdateTimestamp",
            /// Its source in detail.
            source: SourceDescription = "Source",
        }
    }
}

structure! {
    /// A destination of a stream. One member is set, or two for [`ExtendedS3DestinationDescription`]: the service
    /// then also sends the part of it that [`S3DestinationDescription`] can express.
    DestinationDescription {
        expected {
            destination_id: String = "DestinationId" as DESTINATION_ID,
        }
        optional {
            s3_destination_description: S3DestinationDescription = "S3DestinationDescription",
            extended_s3_destination_description: ExtendedS3DestinationDescription = "ExtendedS3DestinationDescription",
            redshift_destination_description: RedshiftDestinationDescription = "RedshiftDestinationDescription",
            elasticsearch_destination_description: ElasticsearchDestinationDescription = "ElasticsearchDestinationDescription",
            amazonopensearchservice_destination_description: AmazonopensearchserviceDestinationDescription = "AmazonopensearchserviceDestinationDescription",
            splunk_destination_description: SplunkDestinationDescription = "SplunkDestinationDescription",
            http_endpoint_destination_description: HttpEndpointDestinationDescription = "HttpEndpointDestinationDescription",
            snowflake_destination_description: SnowflakeDestinationDescription = "SnowflakeDestinationDescription",
            amazon_open_search_serverless_destination_description: AmazonOpenSearchServerlessDestinationDescription = "AmazonOpenSearchServerlessDestinationDescription",
            iceberg_destination_description: IcebergDestinationDescription = "IcebergDestinationDescription",
        }
    }
}

structure! {
    /// Why creating, deleting or encrypting a stream failed.
    FailureDescription {
        expected {
            /// What failed.
            r#type: DeliveryStreamFailureType = "Type",
            /// The service's explanation.
            details: String = "Details" as NON_EMPTY_STRING,
        }
    }
}

enumeration! {
    /// What failed.
    DeliveryStreamFailureType {
        VpcEndpointServiceNameNotFound = "VPC_ENDPOINT_SERVICE_NAME_NOT_FOUND",
        VpcInterfaceEndpointServiceAccessDenied = "VPC_INTERFACE_ENDPOINT_SERVICE_ACCESS_DENIED",
        RetireKmsGrantFailed = "RETIRE_KMS_GRANT_FAILED",
        CreateKmsGrantFailed = "CREATE_KMS_GRANT_FAILED",
        KmsAccessDenied = "KMS_ACCESS_DENIED",
        DisabledKmsKey = "DISABLED_KMS_KEY",
        InvalidKmsKey = "INVALID_KMS_KEY",
        KmsKeyNotFound = "KMS_KEY_NOT_FOUND",
        KmsOptInRequired = "KMS_OPT_IN_REQUIRED",
        CreateEniFailed = "CREATE_ENI_FAILED",
        DeleteEniFailed = "DELETE_ENI_FAILED",
        SubnetNotFound = "SUBNET_NOT_FOUND",
        SecurityGroupNotFound = "SECURITY_GROUP_NOT_FOUND",
        EniAccessDenied = "ENI_ACCESS_DENIED",
        SubnetAccessDenied = "SUBNET_ACCESS_DENIED",
        SecurityGroupAccessDenied = "SECURITY_GROUP_ACCESS_DENIED",
        UnknownError = "UNKNOWN_ERROR",
    }
}

enumeration! {
    /// The state of a stream.
    DeliveryStreamStatus {
        /// Being created; does not accept records yet.
        Creating = "CREATING",
        /// Could not be created; does not accept records.
        CreatingFailed = "CREATING_FAILED",
        /// Being deleted; may still accept records.
        Deleting = "DELETING",
        /// Could not be deleted.
        DeletingFailed = "DELETING_FAILED",
        /// Accepts records.
        Active = "ACTIVE",
    }
}

enumeration! {
    /// The source of a stream's records.
    DeliveryStreamType {
        /// Callers of PutRecord and PutRecordBatch.
        DirectPut = "DirectPut",
        /// A Kinesis data stream.
        KinesisStreamAsSource = "KinesisStreamAsSource",
        /// A topic of an MSK cluster.
        MSKAsSource = "MSKAsSource",
        /// A database.
        DatabaseAsSource = "DatabaseAsSource",
    }
}
