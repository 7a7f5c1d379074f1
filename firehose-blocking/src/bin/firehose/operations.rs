//! The operations that can be called, by name.

use firehose_blocking::firehose_proto::internal::schema;
use firehose_blocking::firehose_proto::op::{
    CreateDeliveryStream, DeleteDeliveryStream, DescribeDeliveryStream, ListDeliveryStreams, ListTagsForDeliveryStream,
    Operation, PutRecord, PutRecordBatch, StartDeliveryStreamEncryption, StopDeliveryStreamEncryption,
    TagDeliveryStream, UntagDeliveryStream, UpdateDestination,
};

/// Something to do with whichever operation was named.
pub(crate) trait Visitor {
    type Output;

    fn visit<O: Operation>(self) -> Self::Output;
}

/// Declares the operations that can be called.
macro_rules! operations {
    ($($operation:ident),+ $(,)?) => {
        /// Every operation, in AWS's spelling.
        pub(crate) const NAMES: &[&str] = &[$($operation::NAME),+];

        /// Visits the operation that is named in AWS's spelling, or in that of its CLI. If there is none, returns the nearest
        /// name.
        pub(crate) fn visit<V: Visitor>(name: &str, visitor: V) -> Result<V::Output, &'static str> {
            let plain = |name: &str| name.replace('-', "").to_ascii_lowercase();
            let name = plain(name);
            $(
                if name == plain($operation::NAME) {
                    return Ok(visitor.visit::<$operation>());
                }
            )+
            Err(schema::nearest(&name, NAMES.iter().copied()).unwrap_or_default())
        }
    };
}

operations!(
    CreateDeliveryStream,
    DeleteDeliveryStream,
    DescribeDeliveryStream,
    ListDeliveryStreams,
    ListTagsForDeliveryStream,
    PutRecord,
    PutRecordBatch,
    StartDeliveryStreamEncryption,
    StopDeliveryStreamEncryption,
    TagDeliveryStream,
    UntagDeliveryStream,
    UpdateDestination,
);
