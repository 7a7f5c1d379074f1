//! The shapes of documents, under AWS's names, one file for each family.

pub mod common;
pub(crate) mod constraints;
pub mod conversion;
pub mod database;
pub mod destination;
pub mod elasticsearch;
pub mod encryption;
pub mod extended_s3;
pub mod http_endpoint;
pub mod iceberg;
pub mod opensearch;
pub mod opensearch_serverless;
pub mod processing;
pub mod record;
pub mod redshift;
pub mod s3;
pub mod snowflake;
pub mod source;
pub mod splunk;
pub mod stream;
pub mod tag;
