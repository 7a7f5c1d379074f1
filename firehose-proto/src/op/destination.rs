//! [`Destination`] and [`DestinationUpdate`]: one of ten kinds, so that exactly one is given.

use super::create_delivery_stream::CreateDeliveryStreamInput;
use super::update_destination::UpdateDestinationInput;
use crate::model::elasticsearch::{ElasticsearchDestinationConfiguration, ElasticsearchDestinationUpdate};
use crate::model::extended_s3::{ExtendedS3DestinationConfiguration, ExtendedS3DestinationUpdate};
use crate::model::http_endpoint::{HttpEndpointDestinationConfiguration, HttpEndpointDestinationUpdate};
use crate::model::iceberg::{IcebergDestinationConfiguration, IcebergDestinationUpdate};
use crate::model::opensearch::{
    AmazonopensearchserviceDestinationConfiguration, AmazonopensearchserviceDestinationUpdate,
};
use crate::model::opensearch_serverless::{
    AmazonOpenSearchServerlessDestinationConfiguration, AmazonOpenSearchServerlessDestinationUpdate,
};
use crate::model::redshift::{RedshiftDestinationConfiguration, RedshiftDestinationUpdate};
use crate::model::s3::{S3DestinationConfiguration, S3DestinationUpdate};
use crate::model::snowflake::{SnowflakeDestinationConfiguration, SnowflakeDestinationUpdate};
use crate::model::splunk::{SplunkDestinationConfiguration, SplunkDestinationUpdate};

/// Declares an enum for members of an input that exclude each other.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident of $input:ident { $($(#[$vdoc:meta])* $variant:ident($type:ty) = $member:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* $variant(alloc::boxed::Box<$type>),)+
        }

        impl $name {
            /// Sets its member of the input and clears the others.
            pub(crate) fn put(self, input: &mut $input) {
                $(input.$member = None;)+
                match self {
                    $(Self::$variant(value) => input.$member = Some(*value),)+
                }
            }
        }

        $(
            impl From<$type> for $name {
                fn from(value: $type) -> Self {
                    Self::$variant(value.into())
                }
            }
        )+
    };
}
choice! {
    /// The destination of a new stream.
    Destination of CreateDeliveryStreamInput {
        /// A bucket, with all of Firehose's processing.
        ExtendedS3(ExtendedS3DestinationConfiguration) = extended_s3_destination_configuration,
        /// A bucket, in the form that [`ExtendedS3`](Self::ExtendedS3) has replaced.
        S3(S3DestinationConfiguration) = s3_destination_configuration,
        /// A Redshift table.
        Redshift(RedshiftDestinationConfiguration) = redshift_destination_configuration,
        /// An OpenSearch Service domain, under the service's former name.
        Elasticsearch(ElasticsearchDestinationConfiguration) = elasticsearch_destination_configuration,
        /// An OpenSearch Service domain.
        OpenSearch(AmazonopensearchserviceDestinationConfiguration) = amazonopensearchservice_destination_configuration,
        /// An OpenSearch Serverless collection.
        OpenSearchServerless(AmazonOpenSearchServerlessDestinationConfiguration)
            = amazon_open_search_serverless_destination_configuration,
        /// A Splunk HTTP event collector.
        Splunk(SplunkDestinationConfiguration) = splunk_destination_configuration,
        /// An HTTP endpoint.
        HttpEndpoint(HttpEndpointDestinationConfiguration) = http_endpoint_destination_configuration,
        /// A Snowflake table.
        Snowflake(SnowflakeDestinationConfiguration) = snowflake_destination_configuration,
        /// Iceberg tables.
        Iceberg(IcebergDestinationConfiguration) = iceberg_destination_configuration,
    }
}

choice! {
    /// A change of a stream's destination.
    DestinationUpdate of UpdateDestinationInput {
        /// A bucket, with all of Firehose's processing.
        ExtendedS3(ExtendedS3DestinationUpdate) = extended_s3_destination_update,
        /// A bucket, in the form that [`ExtendedS3`](Self::ExtendedS3) has replaced.
        S3(S3DestinationUpdate) = s3_destination_update,
        /// A Redshift table.
        Redshift(RedshiftDestinationUpdate) = redshift_destination_update,
        /// An OpenSearch Service domain, under the service's former name.
        Elasticsearch(ElasticsearchDestinationUpdate) = elasticsearch_destination_update,
        /// An OpenSearch Service domain.
        OpenSearch(AmazonopensearchserviceDestinationUpdate) = amazonopensearchservice_destination_update,
        /// An OpenSearch Serverless collection.
        OpenSearchServerless(AmazonOpenSearchServerlessDestinationUpdate)
            = amazon_open_search_serverless_destination_update,
        /// A Splunk HTTP event collector.
        Splunk(SplunkDestinationUpdate) = splunk_destination_update,
        /// An HTTP endpoint.
        HttpEndpoint(HttpEndpointDestinationUpdate) = http_endpoint_destination_update,
        /// A Snowflake table.
        Snowflake(SnowflakeDestinationUpdate) = snowflake_destination_update,
        /// Iceberg tables.
        Iceberg(IcebergDestinationUpdate) = iceberg_destination_update,
    }
}
