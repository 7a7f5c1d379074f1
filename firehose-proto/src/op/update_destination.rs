//! [`UpdateDestination`]: changes a stream's destination.

use alloc::string::String;
use alloc::vec::Vec;

use super::declare::operation;
use super::destination::DestinationUpdate;
use super::rules;
use crate::json::Value;
use crate::model::constraints::{DELIVERY_STREAM_NAME, DELIVERY_STREAM_VERSION_ID, DESTINATION_ID};
use crate::model::elasticsearch::ElasticsearchDestinationUpdate;
use crate::model::extended_s3::ExtendedS3DestinationUpdate;
use crate::model::http_endpoint::HttpEndpointDestinationUpdate;
use crate::model::iceberg::IcebergDestinationUpdate;
use crate::model::opensearch::AmazonopensearchserviceDestinationUpdate;
use crate::model::opensearch_serverless::AmazonOpenSearchServerlessDestinationUpdate;
use crate::model::redshift::RedshiftDestinationUpdate;
use crate::model::s3::S3DestinationUpdate;
use crate::model::snowflake::SnowflakeDestinationUpdate;
use crate::model::splunk::SplunkDestinationUpdate;
use crate::schema::structure;
use crate::validate::Violation;

operation! {
    /// Changes a stream's destination.
    ///
    /// An update of the same kind is merged into the destination: absent members stay. An update of another kind
    /// replaces it, and must have everything that a new destination must have. OpenSearch destinations cannot change
    /// their kind. The stream stays `Active`, and applies the change within minutes.
    ///
    /// Take the version id from the latest DescribeDeliveryStream. If another call was faster, the service refuses this
    /// one with `ConcurrentModificationException`.
    ///
    /// ```
    /// use firehose_proto::model::{CompressionFormat, S3DestinationUpdate};
    /// use firehose_proto::op::{Operation, UpdateDestination, UpdateDestinationInput};
    ///
    /// let update = S3DestinationUpdate::new().compression_format(CompressionFormat::Gzip);
    /// let input = UpdateDestinationInput::new("demo", "1", "destinationId-000000000001").update(update);
    /// assert_eq!(UpdateDestination::validate(&input), Ok(()));
    /// ```
    UpdateDestination(UpdateDestinationInput) -> UpdateDestinationOutput,
    errors: [
        InvalidArgumentException,
        ResourceInUseException,
        ResourceNotFoundException,
        ConcurrentModificationException,
    ],
    rules: check
}

structure! {
    /// Input of [`UpdateDestination`].
    UpdateDestinationInput {
        required {
            /// The stream's name, 1 to 64 of `[a-zA-Z0-9_.-]`.
            delivery_stream_name: String = "DeliveryStreamName" as DELIVERY_STREAM_NAME,
            /// The version of the stream that this change applies to.
            current_delivery_stream_version_id: String = "CurrentDeliveryStreamVersionId" as DELIVERY_STREAM_VERSION_ID,
            /// The id of the destination to update.
            destination_id: String = "DestinationId" as DESTINATION_ID,
        }
        optional {
            /// A bucket, in the form that `ExtendedS3DestinationUpdate` has replaced.
            s3_destination_update: S3DestinationUpdate = "S3DestinationUpdate",
            /// A bucket.
            extended_s3_destination_update: ExtendedS3DestinationUpdate = "ExtendedS3DestinationUpdate",
            /// A Redshift table.
            redshift_destination_update: RedshiftDestinationUpdate = "RedshiftDestinationUpdate",
            /// An OpenSearch Service domain, under the service's former name.
            elasticsearch_destination_update: ElasticsearchDestinationUpdate = "ElasticsearchDestinationUpdate",
            /// An OpenSearch Service domain.
            amazonopensearchservice_destination_update: AmazonopensearchserviceDestinationUpdate = "AmazonopensearchserviceDestinationUpdate",
            /// A Splunk HTTP event collector.
            splunk_destination_update: SplunkDestinationUpdate = "SplunkDestinationUpdate",
            /// An HTTP endpoint.
            http_endpoint_destination_update: HttpEndpointDestinationUpdate = "HttpEndpointDestinationUpdate",
            /// An OpenSearch Serverless collection.
            amazon_open_search_serverless_destination_update: AmazonOpenSearchServerlessDestinationUpdate = "AmazonOpenSearchServerlessDestinationUpdate",
            /// A Snowflake table.
            snowflake_destination_update: SnowflakeDestinationUpdate = "SnowflakeDestinationUpdate",
            /// Iceberg tables.
            iceberg_destination_update: IcebergDestinationUpdate = "IcebergDestinationUpdate",
        }
    }
}

structure! {
    /// Output of [`UpdateDestination`].
    UpdateDestinationOutput {}
}

impl UpdateDestinationInput {
    /// Sets the change and clears any other.
    #[must_use]
    pub fn update(mut self, update: impl Into<DestinationUpdate>) -> Self {
        update.into().put(&mut self);
        self
    }
}

/// The members for updates. A call has exactly one.
const UPDATES: [&str; 10] = [
    "ExtendedS3DestinationUpdate",
    "S3DestinationUpdate",
    "RedshiftDestinationUpdate",
    "ElasticsearchDestinationUpdate",
    "AmazonopensearchserviceDestinationUpdate",
    "AmazonOpenSearchServerlessDestinationUpdate",
    "SplunkDestinationUpdate",
    "HttpEndpointDestinationUpdate",
    "SnowflakeDestinationUpdate",
    "IcebergDestinationUpdate",
];

fn check(input: &Value, found: &mut Vec<Violation>) {
    rules::at_most_one(input, &UPDATES, "a stream has one destination", found);
    rules::copy_compression(input, "RedshiftDestinationUpdate", "S3Update", found);
    rules::bucket_encryption(input, "", found);
}
