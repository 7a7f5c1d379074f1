//! [`Source`]: the source of a new stream's records, one of four kinds.

use alloc::boxed::Box;

use super::create_delivery_stream::CreateDeliveryStreamInput;
use crate::model::database::DatabaseSourceConfiguration;
use crate::model::source::{DirectPutSourceConfiguration, KinesisStreamSourceConfiguration, MSKSourceConfiguration};
use crate::model::stream::DeliveryStreamType;

/// The source that Firehose reads, or the rate to expect of direct puts. It also sets the stream's type.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// Callers of PutRecord and PutRecordBatch.
    DirectPut(DirectPutSourceConfiguration),
    /// A Kinesis data stream.
    KinesisStream(KinesisStreamSourceConfiguration),
    /// A topic of an MSK cluster.
    Msk(MSKSourceConfiguration),
    /// A database.
    Database(Box<DatabaseSourceConfiguration>),
}

impl Source {
    /// Sets its member of the input and the matching type, and clears the others.
    pub(crate) fn put(self, input: &mut CreateDeliveryStreamInput) {
        input.direct_put_source_configuration = None;
        input.kinesis_stream_source_configuration = None;
        input.msk_source_configuration = None;
        input.database_source_configuration = None;
        input.delivery_stream_type = Some(match self {
            Self::DirectPut(source) => {
                input.direct_put_source_configuration = Some(source);
                DeliveryStreamType::DirectPut
            }
            Self::KinesisStream(source) => {
                input.kinesis_stream_source_configuration = Some(source);
                DeliveryStreamType::KinesisStreamAsSource
            }
            Self::Msk(source) => {
                input.msk_source_configuration = Some(source);
                DeliveryStreamType::MSKAsSource
            }
            Self::Database(source) => {
                input.database_source_configuration = Some(*source);
                DeliveryStreamType::DatabaseAsSource
            }
        });
    }
}

impl From<DirectPutSourceConfiguration> for Source {
    fn from(source: DirectPutSourceConfiguration) -> Self {
        Self::DirectPut(source)
    }
}

impl From<KinesisStreamSourceConfiguration> for Source {
    fn from(source: KinesisStreamSourceConfiguration) -> Self {
        Self::KinesisStream(source)
    }
}

impl From<MSKSourceConfiguration> for Source {
    fn from(source: MSKSourceConfiguration) -> Self {
        Self::Msk(source)
    }
}

impl From<DatabaseSourceConfiguration> for Source {
    fn from(source: DatabaseSourceConfiguration) -> Self {
        Self::Database(Box::new(source))
    }
}
