//! [`CreateDeliveryStream`]: creates a stream.

use alloc::string::String;
use alloc::vec::Vec;

use super::declare::operation;
use super::destination::Destination;
use super::rules;
use super::source::Source;
use crate::json::Value;
use crate::model::constraints::{DELIVERY_STREAM_ARN, DELIVERY_STREAM_NAME};
use crate::model::database::DatabaseSourceConfiguration;
use crate::model::elasticsearch::ElasticsearchDestinationConfiguration;
use crate::model::encryption::DeliveryStreamEncryptionConfigurationInput;
use crate::model::extended_s3::ExtendedS3DestinationConfiguration;
use crate::model::http_endpoint::HttpEndpointDestinationConfiguration;
use crate::model::iceberg::IcebergDestinationConfiguration;
use crate::model::opensearch::AmazonopensearchserviceDestinationConfiguration;
use crate::model::opensearch_serverless::AmazonOpenSearchServerlessDestinationConfiguration;
use crate::model::redshift::RedshiftDestinationConfiguration;
use crate::model::s3::S3DestinationConfiguration;
use crate::model::snowflake::SnowflakeDestinationConfiguration;

use crate::model::source::{DirectPutSourceConfiguration, KinesisStreamSourceConfiguration, MSKSourceConfiguration};
use crate::model::splunk::SplunkDestinationConfiguration;
use crate::model::stream::DeliveryStreamType;
use crate::model::tag::Tag;
use crate::schema::{Shape, Shaped, structure};
use crate::validate::Violation;

operation! {
    /// Creates a delivery stream.
    ///
    /// The call returns at once, with the stream in state
    /// [`Creating`](crate::model::stream::DeliveryStreamStatus::Creating). It accepts records once it is `Active`. Give
    /// exactly one destination, and a source unless the records come from PutRecord and PutRecordBatch. An account has
    /// at most 5,000 streams in a region; KMS grants are limited as well.
    ///
    /// ```
    /// use firehose_proto::model::{BufferingHints, CompressionFormat, ExtendedS3DestinationConfiguration};
    /// use firehose_proto::op::{CreateDeliveryStream, CreateDeliveryStreamInput, Operation};
    ///
    /// let bucket = ExtendedS3DestinationConfiguration::new("arn:aws:iam::123456789012:role/firehose", "arn:aws:s3:::logs")
    ///     .compression_format(CompressionFormat::Gzip)
    ///     .buffering_hints(BufferingHints::new().size_in_mbs(0));
    /// let input = CreateDeliveryStreamInput::new("demo").destination(bucket);
    ///
    /// let violations = CreateDeliveryStream::validate(&input).unwrap_err();
    /// assert_eq!(
    ///     violations.to_string(),
    ///     "ExtendedS3DestinationConfiguration.BufferingHints.SizeInMBs: 0 is below 1"
    /// );
    /// ```
    CreateDeliveryStream(CreateDeliveryStreamInput) -> CreateDeliveryStreamOutput,
    errors: [InvalidArgumentException, LimitExceededException, ResourceInUseException, InvalidKMSResourceException],
    rules: check
}

structure! {
    /// Input of [`CreateDeliveryStream`].
    CreateDeliveryStreamInput {
        required {
            /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
            delivery_stream_name: String = "DeliveryStreamName" as DELIVERY_STREAM_NAME,
        }
        optional {
            /// The source of the records; callers of PutRecord and PutRecordBatch by default.
            delivery_stream_type: DeliveryStreamType = "DeliveryStreamType",
            /// The rate to expect of those callers.
            direct_put_source_configuration: DirectPutSourceConfiguration = "DirectPutSourceConfiguration",
            /// The Kinesis data stream to read.
            kinesis_stream_source_configuration: KinesisStreamSourceConfiguration = "KinesisStreamSourceConfiguration",
            /// Encrypts records while Firehose stores them.
            delivery_stream_encryption_configuration_input: DeliveryStreamEncryptionConfigurationInput = "DeliveryStreamEncryptionConfigurationInput",
            /// A bucket, in the form that `ExtendedS3DestinationConfiguration` has replaced.
            s3_destination_configuration: S3DestinationConfiguration = "S3DestinationConfiguration",
            /// A bucket.
            extended_s3_destination_configuration: ExtendedS3DestinationConfiguration = "ExtendedS3DestinationConfiguration",
            /// A Redshift table.
            redshift_destination_configuration: RedshiftDestinationConfiguration = "RedshiftDestinationConfiguration",
            /// An OpenSearch Service domain, under the service's former name.
            elasticsearch_destination_configuration: ElasticsearchDestinationConfiguration = "ElasticsearchDestinationConfiguration",
            /// An OpenSearch Service domain.
            amazonopensearchservice_destination_configuration: AmazonopensearchserviceDestinationConfiguration = "AmazonopensearchserviceDestinationConfiguration",
            /// A Splunk HTTP event collector.
            splunk_destination_configuration: SplunkDestinationConfiguration = "SplunkDestinationConfiguration",
            /// An HTTP endpoint.
            http_endpoint_destination_configuration: HttpEndpointDestinationConfiguration = "HttpEndpointDestinationConfiguration",
            /// Tags, up to 50.
            tags: Vec<Tag> = "Tags" as Shape::list_of(&Tag::SHAPE, 1, 50),
            /// An OpenSearch Serverless collection.
            amazon_open_search_serverless_destination_configuration: AmazonOpenSearchServerlessDestinationConfiguration = "AmazonOpenSearchServerlessDestinationConfiguration",
            /// The topic to read.
            msk_source_configuration: MSKSourceConfiguration = "MSKSourceConfiguration",
            /// A Snowflake table.
            snowflake_destination_configuration: SnowflakeDestinationConfiguration = "SnowflakeDestinationConfiguration",
            /// Iceberg tables.
            iceberg_destination_configuration: IcebergDestinationConfiguration = "IcebergDestinationConfiguration",
            /// The database to read.
            database_source_configuration: DatabaseSourceConfiguration = "DatabaseSourceConfiguration",
        }
    }
}

structure! {
    /// Output of [`CreateDeliveryStream`].
    CreateDeliveryStreamOutput {
        optional {
            /// The stream's ARN.
            delivery_stream_arn: String = "DeliveryStreamARN" as DELIVERY_STREAM_ARN,
        }
    }
}

impl CreateDeliveryStreamInput {
    /// Sets the destination and clears any other.
    #[must_use]
    pub fn destination(mut self, destination: impl Into<Destination>) -> Self {
        destination.into().put(&mut self);
        self
    }

    /// Sets the source and the stream's type, and clears any other source.
    #[must_use]
    pub fn source(mut self, source: impl Into<Source>) -> Self {
        source.into().put(&mut self);
        self
    }
}

/// The members for destinations. A stream has exactly one.
const DESTINATIONS: [&str; 10] = [
    "ExtendedS3DestinationConfiguration",
    "S3DestinationConfiguration",
    "RedshiftDestinationConfiguration",
    "ElasticsearchDestinationConfiguration",
    "AmazonopensearchserviceDestinationConfiguration",
    "AmazonOpenSearchServerlessDestinationConfiguration",
    "SplunkDestinationConfiguration",
    "HttpEndpointDestinationConfiguration",
    "SnowflakeDestinationConfiguration",
    "IcebergDestinationConfiguration",
];

fn check(input: &Value, found: &mut Vec<Violation>) {
    rules::at_most_one(input, &DESTINATIONS, "a stream has one destination", found);
    rules::source(input, found);
    rules::key(input, found);
    let with_backup = ["ExtendedS3DestinationConfiguration", "RedshiftDestinationConfiguration"];
    rules::backup(input, &with_backup, found);
    rules::copy_compression(input, "RedshiftDestinationConfiguration", "S3Configuration", found);
    rules::bucket_encryption(input, "", found);
}
