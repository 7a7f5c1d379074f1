//! The constraints of text members, under AWS's names.

use crate::pattern;
use crate::schema::Shape;

pub(crate) use super::record::DELIVERY_STREAM_NAME;

pub(crate) const AMAZONOPENSEARCHSERVICE_CLUSTER_ENDPOINT: Shape = Shape::text(1, 512).matching(pattern::HTTPS);
pub(crate) const AMAZONOPENSEARCHSERVICE_DOMAIN_ARN: Shape = Shape::text(1, 512).matching(pattern::ES_DOMAIN_ARN);
pub(crate) const AMAZONOPENSEARCHSERVICE_INDEX_NAME: Shape = Shape::text(1, 80).matching(pattern::ANY);
pub(crate) const AMAZONOPENSEARCHSERVICE_TYPE_NAME: Shape = Shape::text(0, 100).matching(pattern::ANY);
pub(crate) const AMAZON_OPEN_SEARCH_SERVERLESS_COLLECTION_ENDPOINT: Shape =
    Shape::text(1, 512).matching(pattern::HTTPS);
pub(crate) const AMAZON_OPEN_SEARCH_SERVERLESS_INDEX_NAME: Shape = Shape::text(1, 80).matching(pattern::ANY);
pub(crate) const AWS_KMS_KEY_ARN: Shape = Shape::text(1, 512).matching(pattern::KMS_KEY_OR_ALIAS_ARN);
pub(crate) const AWS_KMS_KEY_ARN_FOR_SSE: Shape = Shape::text(1, 512).matching(pattern::KMS_KEY_ARN);
pub(crate) const BUCKET_ARN: Shape = Shape::text(1, 2048).matching(pattern::BUCKET_ARN);
pub(crate) const CLUSTER_JDBC_URL: Shape = Shape::text(1, 512).matching(pattern::CLUSTER_JDBC_URL);
pub(crate) const COPY_OPTIONS: Shape = Shape::text(0, 10240).matching(pattern::ANY);
pub(crate) const CUSTOM_TIME_ZONE: Shape = Shape::text(0, 50).matching(pattern::CUSTOM_TIME_ZONE);
pub(crate) const DATABASE_COLUMN_NAME: Shape = Shape::text(1, 194).matching(pattern::DATABASE_NAME);
pub(crate) const DATABASE_ENDPOINT: Shape = Shape::text(1, 255).matching(pattern::NOT_BLANK);
pub(crate) const DATABASE_NAME: Shape = Shape::text(1, 64).matching(pattern::DATABASE_NAME);
pub(crate) const DATABASE_TABLE_NAME: Shape = Shape::text(1, 129).matching(pattern::DATABASE_NAME);
pub(crate) const DATA_TABLE_COLUMNS: Shape = Shape::text(0, 10240).matching(pattern::ANY);
pub(crate) const DATA_TABLE_NAME: Shape = Shape::text(1, 512).matching(pattern::ANY);
pub(crate) const DELIVERY_STREAM_ARN: Shape = Shape::text(1, 512).matching(pattern::DELIVERY_STREAM_ARN);
pub(crate) const DELIVERY_STREAM_VERSION_ID: Shape = Shape::text(1, 50).matching(pattern::VERSION_ID);
pub(crate) const DESTINATION_ID: Shape = Shape::text(1, 100).matching(pattern::DESTINATION_ID);
pub(crate) const ELASTICSEARCH_CLUSTER_ENDPOINT: Shape = Shape::text(1, 512).matching(pattern::HTTPS);
pub(crate) const ELASTICSEARCH_DOMAIN_ARN: Shape = Shape::text(1, 512).matching(pattern::ES_DOMAIN_ARN);
pub(crate) const ELASTICSEARCH_INDEX_NAME: Shape = Shape::text(1, 80).matching(pattern::ANY);
pub(crate) const ELASTICSEARCH_TYPE_NAME: Shape = Shape::text(0, 100).matching(pattern::ANY);
pub(crate) const ERROR_OUTPUT_PREFIX: Shape = Shape::text(0, 1024).matching(pattern::ANY);
pub(crate) const FILE_EXTENSION: Shape = Shape::text(0, 128).matching(pattern::FILE_EXTENSION);
pub(crate) const GLUE_DATA_CATALOG_ARN: Shape = Shape::text(1, 512).matching(pattern::GLUE_CATALOG_ARN);
pub(crate) const HEC_ENDPOINT: Shape = Shape::text(0, 2048).matching(pattern::ANY);
pub(crate) const HEC_TOKEN: Shape = Shape::text(0, 2048).matching(pattern::ANY).sensitive();
pub(crate) const HTTP_ENDPOINT_ACCESS_KEY: Shape = Shape::text(0, 4096).matching(pattern::ANY).sensitive();
pub(crate) const HTTP_ENDPOINT_ATTRIBUTE_NAME: Shape = Shape::text(1, 256).matching(pattern::NOT_BLANK).sensitive();
pub(crate) const HTTP_ENDPOINT_ATTRIBUTE_VALUE: Shape = Shape::text(0, 1024).matching(pattern::ANY).sensitive();
pub(crate) const HTTP_ENDPOINT_NAME: Shape = Shape::text(1, 256).matching(pattern::NOT_BLANK);
pub(crate) const HTTP_ENDPOINT_URL: Shape = Shape::text(1, 1000).matching(pattern::HTTPS_URL).sensitive();
pub(crate) const KINESIS_STREAM_ARN: Shape = Shape::text(1, 512).matching(pattern::KINESIS_STREAM_ARN);
pub(crate) const LOG_GROUP_NAME: Shape = Shape::text(0, 512).matching(pattern::LOG_GROUP_NAME);
pub(crate) const LOG_STREAM_NAME: Shape = Shape::text(0, 512).matching(pattern::LOG_STREAM_NAME);
pub(crate) const MSK_CLUSTER_ARN: Shape = Shape::text(1, 512).matching(pattern::MSK_CLUSTER_ARN);
pub(crate) const NON_EMPTY_STRING: Shape = Shape::text(1, 1024).matching(pattern::NOT_BLANK);
pub(crate) const NON_EMPTY_STRING_WITHOUT_WHITESPACE: Shape = Shape::text(1, 1024).matching(pattern::NO_WHITESPACE);
pub(crate) const PASSWORD: Shape = Shape::text(6, 512).matching(pattern::ANY).sensitive();
pub(crate) const PREFIX: Shape = Shape::text(0, 1024).matching(pattern::ANY);
pub(crate) const PROCESSOR_PARAMETER_VALUE: Shape = Shape::text(1, 5120).matching(pattern::NOT_BLANK);
pub(crate) const ROLE_ARN: Shape = Shape::text(1, 512).matching(pattern::ROLE_ARN);
pub(crate) const SECRET_ARN: Shape = Shape::text(1, 2048).matching(pattern::SECRET_ARN);
pub(crate) const SNOWFLAKE_ACCOUNT_URL: Shape =
    Shape::text(24, 2048).matching(pattern::SNOWFLAKE_ACCOUNT_URL).sensitive();
pub(crate) const SNOWFLAKE_CONTENT_COLUMN_NAME: Shape = Shape::text(1, 255).sensitive();
pub(crate) const SNOWFLAKE_DATABASE: Shape = Shape::text(1, 255).sensitive();
pub(crate) const SNOWFLAKE_KEY_PASSPHRASE: Shape = Shape::text(7, 255).sensitive();
pub(crate) const SNOWFLAKE_META_DATA_COLUMN_NAME: Shape = Shape::text(1, 255).sensitive();
pub(crate) const SNOWFLAKE_PRIVATE_KEY: Shape = Shape::text(256, 4096).matching(pattern::BASE64).sensitive();
pub(crate) const SNOWFLAKE_PRIVATE_LINK_VPCE_ID: Shape =
    Shape::text(47, 255).matching(pattern::VPC_ENDPOINT_SERVICE_NAME).sensitive();
pub(crate) const SNOWFLAKE_ROLE: Shape = Shape::text(1, 255).sensitive();
pub(crate) const SNOWFLAKE_SCHEMA: Shape = Shape::text(1, 255).sensitive();
pub(crate) const SNOWFLAKE_TABLE: Shape = Shape::text(1, 255).sensitive();
pub(crate) const SNOWFLAKE_USER: Shape = Shape::text(1, 255).sensitive();
pub(crate) const STRING_WITH_LETTERS_DIGITS_UNDERSCORES_DOTS: Shape =
    Shape::text(1, 255).matching(pattern::LETTERS_DIGITS_UNDERSCORES_DOTS);
pub(crate) const TAG_KEY: Shape = Shape::text(1, 128).matching(pattern::TAG_KEY);
pub(crate) const TAG_VALUE: Shape = Shape::text(0, 256).matching(pattern::TAG_VALUE);
pub(crate) const TOPIC_NAME: Shape = Shape::text(1, 255).matching(pattern::TOPIC_NAME);
pub(crate) const USERNAME: Shape = Shape::text(1, 512).matching(pattern::ANY).sensitive();
pub(crate) const VPC_ENDPOINT_SERVICE_NAME: Shape = Shape::text(47, 255).matching(pattern::VPC_ENDPOINT_SERVICE_NAME);
pub(crate) const WAREHOUSE_LOCATION: Shape = Shape::text(1, 2048).matching(pattern::WAREHOUSE_LOCATION);
